//! Text from logs, made safe for a terminal.

use std::fmt::Write as _;

use prisma_log_format::must_escape;
use prisma_log_tail::{LineFormat, LineParser};

/// The text with everything escaped that could act on a terminal, cut to `max` characters.
pub(crate) fn shown(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(max) {
        if must_escape(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A line of a log on one short line: of a JSON record what a person looks for, any other as it is.
pub(crate) fn sample(line: &str, max: usize) -> String {
    let record = LineParser::new().parse(line.as_bytes());
    if record.format != LineFormat::Json || record.message.is_empty() {
        return shown(line, max);
    }
    let mut text = String::new();
    if let Some(logger) = &record.logger {
        text = format!("{logger}: ");
    }
    text.push_str(&record.message);
    for (key, value) in record.fields.iter().filter(|&(key, _)| key != "seq") {
        let _infallible = write!(text, "  {key}={value}");
    }
    shown(&text, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(shown("é\t\x1b[31m\u{202e}x", 99), "é\\t\\u{1b}[31m\\u{202e}x");
        assert_eq!(shown("abcdef", 3), "abc…");
        assert_eq!(shown("abc", 3), "abc");
    }

    #[test]
    fn a_json_sample_shows_message_and_fields() {
        let line = r#"{"timestamp":"2026-11-24T08:00:00.000000Z","level":"ERROR","logger":"db","message":"refused","seq":7,"port":5432}"#;
        assert_eq!(sample(line, 99), "db: refused  port=5432");
        assert_eq!(sample("plain\x1b", 99), "plain\\u{1b}");
    }
}
