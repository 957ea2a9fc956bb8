//! A view of a line, asked anything in any order, says what the whole line read at once says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prisma_log_core::Timestamp;
use prisma_log_tail::{LineParser, LineView, LogLine};

fn parser() -> LineParser {
    let now = Timestamp::from_unix_seconds(1_795_507_200);
    let parser = LineParser::builder().time_zone("Europe/Berlin").now(now).build();
    parser.expect("the time zone exists")
}

/// Each byte of `order` is a question.
fn agree(view: &LineView<'_>, line: &LogLine, order: &[u8]) {
    for question in order {
        match question % 8 {
            0 => assert_eq!(view.timestamp(), line.timestamp),
            1 => assert_eq!(view.level(), line.level),
            2 => assert_eq!(view.logger(), line.logger.as_deref()),
            3 => assert_eq!(view.message(), line.message),
            4 => assert_eq!(view.trace_id(), line.trace_id),
            5 => assert_eq!(view.span_id(), line.span_id),
            6 => assert_eq!(view.format(), line.format),
            _ => {
                for (key, _) in line.fields.iter() {
                    assert_eq!(view.field(key), line.fields.get(key));
                }
                for key in ["level", "message", "logger", "ts", "trace_id", "a", "a.b", ""] {
                    assert_eq!(view.field(key), line.fields.get(key));
                }
            }
        }
    }
    assert_eq!(view.to_line(), *line);
}

fuzz_target!(|data: &[u8]| {
    // The first line is the order of the questions.
    let mut lines = data.split(|&byte| byte == b'\n');
    let order = lines.next().unwrap_or_default();
    // Two parsers: what one keeps from line to line must not show.
    let (mut whole, mut viewing) = (parser(), parser());
    for bytes in lines {
        let line = whole.parse(bytes);
        agree(&viewing.view(bytes), &line, order);
    }
});
