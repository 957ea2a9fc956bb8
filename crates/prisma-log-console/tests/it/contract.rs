//! The contract of all sinks, in every form of the console's.

use prisma_log_console::{Color, ConsoleSink, ConsoleSinkBuilder};
use prisma_log_format::JsonEncoder;
use prisma_log_testkit::contract;

use crate::writer::Captured;

/// The text without the codes that the sink itself writes, `ESC [ 0 (; digits)* m`; any other
/// escape stays and is found.
fn without_codes(text: &str) -> String {
    let mut parts = text.split("\x1b[0");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.push_str(rest.strip_prefix('m').unwrap_or("\x1b"));
    }
    plain
}

fn run(builder: impl Fn() -> ConsoleSinkBuilder) {
    let captured = Captured::default();
    let lines = || contract::lines_of(without_codes(&captured.text()).as_bytes());
    contract::run(|| builder().writer(captured.clone()).build().unwrap(), lines);
}

#[test]
fn text_with_and_without_colour_and_json() {
    run(|| ConsoleSink::builder().color(Color::Never));
    run(|| ConsoleSink::builder().color(Color::Always));
    run(|| ConsoleSink::builder().color(Color::Always).encoder(JsonEncoder::new()));
}

#[test]
fn what_a_failing_stream_took_is_told_exactly() {
    let captured = Captured::default();
    let builder = ConsoleSink::builder().color(Color::Never).writer(captured.clone());
    let mut sink = builder.build().unwrap();
    let lines = || {
        // Half a record can't be taken back from a stream, but it is a line of its own.
        let lines = contract::lines_of(captured.text().as_bytes());
        lines.into_iter().filter(|line| line.ends_with("raw#2=\"\"")).collect()
    };
    contract::failure(&mut sink, |on| captured.set_broken(on), lines);
}
