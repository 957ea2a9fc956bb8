//! What the encoders promise, shown on many random records and against other encoders.
#![expect(clippy::print_stdout, reason = "the figures are the point")]

mod ecs;
mod forging;
mod json;
mod logfmt;
mod random;
mod shapes;
mod slog_json;
mod text;

use prisma_log_core::{Encoder, Record};

/// The encoded line, checked for what no line of any encoder may hold.
fn encode(encoder: &mut dyn Encoder, record: &Record<'_>) -> String {
    let mut out = Vec::new();
    encoder.encode(record, &mut out);
    let line = String::from_utf8(out).expect("a line is UTF-8");
    if let Some(c) = line.chars().find(|&c| forbidden(c)) {
        panic!("{c:?} in {line:?}");
    }
    line
}

/// Characters that drive terminals, end lines, or re-order or hide text: written out here once
/// more, so that a hole in the encoders' own table is seen.
fn forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c as u32,
            0x061C | 0x200B | 0x200E | 0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
            | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F)
}

/// What was compared and what was different.
#[derive(Default)]
struct Tally {
    records: usize,
    fields: usize,
    differences: Vec<String>,
}

impl Tally {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expect: T) {
        if found != expect {
            self.differences.push(format!("{what}: found {found:?}, expected {expect:?}"));
        }
    }

    fn finish(self, what: &str) {
        let Tally { records, fields, differences } = self;
        println!("{what}: {records} records, {fields} fields, {} differences", differences.len());
        for difference in differences.iter().take(10) {
            println!("  {difference}");
        }
        assert!(differences.is_empty());
    }
}
