//! Whatever the limit, what is sent is a message.

use prisma_log_core::{Fields, Level, Record};
use prisma_log_syslog::Protocol;

use crate::frames::sent;
use crate::parser::{parse, plain};
use crate::support::{Nasty, TIME};

fn check(record: &Record<'_>, all: &[(String, String)], max: usize) {
    let bytes = sent(|b| b.max_message(max), record);
    assert!(bytes.len() <= max, "{} of {max}", bytes.len());
    let message = parse(bytes.as_bytes());
    let fields = message.fields();
    assert_eq!(fields, all[..fields.len()], "at {max}");
    let note = |name| message.param("record@32473", name);
    let fields_cut: usize = note("fields_cut").map_or(0, |count| count.parse().unwrap());
    let envelope = ["opentelemetry", "meta", "record@32473"];
    let envelope: usize =
        envelope.iter().map(|id| message.element(id).map_or(0, |e| e.len())).sum();
    let notes =
        usize::from(note("fields_cut").is_some()) + usize::from(note("message_cut").is_some());
    // Trace id, span id, flags; sequence; logger, level, parent, truncated, recovered, tag.
    let missing = all.len() - fields.len() + 10 - (envelope - notes);
    assert_eq!(missing, fields_cut, "at {max}");
    assert!(envelope - notes == 10 || fields.is_empty(), "fields without the envelope");
    let text = plain(&message.text);
    assert!(record.message.starts_with(&text), "at {max}");
    assert_eq!(text == record.message, note("message_cut").is_none(), "at {max}");
    // Nothing is given away without need.
    if notes > 0 {
        let longest = all.iter().map(|(key, value)| key.len() * 3 + value.len() * 12).max();
        assert!(bytes.len() + longest.unwrap_or(0) + 200 >= max, "{} of {max}", bytes.len());
    }
}

#[test]
fn a_nasty_record_at_every_length() {
    let nasty = Nasty::new();
    let (record, all) = (nasty.record(), nasty.expected());
    let whole = sent(|b| b, &record).len();
    assert!(whole > 1_000, "{whole}");
    for max in 480..whole + 3 {
        check(&record, &all, max);
    }
}

#[test]
fn long_messages_leave_room_for_fields() {
    let mut nasty = Nasty::new();
    nasty.message = "🎉\n\\\"é".repeat(500);
    let all = nasty.expected();
    for max in 480..1_500 {
        check(&nasty.record(), &all, max);
    }
    let whole = sent(|b| b.max_message(100_000), &nasty.record()).len();
    for max in whole - 40..whole + 3 {
        check(&nasty.record(), &all, max);
    }
    let message = parse(sent(|b| b.max_message(4_000), &nasty.record()).as_bytes());
    assert_eq!(message.fields(), all, "half of the room is enough for all fields");
    assert!(message.text.len() > 1_800);
}

#[test]
fn many_fields_leave_room_for_the_message() {
    let fields: Fields = (0..5_000).map(|number| ("key", number as u64)).collect();
    let text = "x".repeat(200);
    let mut record = Record::new(TIME, Level::Info, "shop", &text);
    record.fields = fields.as_ref();
    let message = parse(sent(|b| b.max_message(1_180), &record).as_bytes());
    assert_eq!(message.text, text);
    let cut: usize = message.param("record@32473", "fields_cut").unwrap().parse().unwrap();
    assert_eq!(message.fields().len() + cut, 5_000);
    assert!(message.fields().len() > 30);
}

#[test]
fn a_logger_of_any_length() {
    let logger = "l".repeat(100_000);
    let record = Record::new(TIME, Level::Info, &logger, "hi");
    let message = parse(sent(|b| b, &record).as_bytes());
    assert_eq!(message.param("record@32473", "fields_cut"), Some("1"));
    assert_eq!(message.text, "hi");
    let message = sent(|b| b.protocol(Protocol::Rfc3164), &record);
    assert!(message.len() < 200 && message.ends_with("l: hi"), "{message}");
}

#[test]
fn old_messages_are_cut_at_pairs_and_characters() {
    let nasty = Nasty::new();
    let mut record = nasty.record();
    record.tag = "";
    let whole = sent(|b| b.protocol(Protocol::Rfc3164).max_message(100_000), &record);
    for max in 480..whole.len() + 2 {
        let message = sent(|b| b.protocol(Protocol::Rfc3164).max_message(max), &record);
        assert!(message.len() <= max);
        assert_eq!(message.find(|c: char| c.is_control()), None);
        let Some((kept, note)) = message.split_once(" fields.cut=") else {
            assert!(message == whole, "at {max}");
            continue;
        };
        let cut: usize = note.parse().unwrap();
        // What is left is the beginning, and what follows there begins a pair.
        let left_out = whole.strip_prefix(kept).unwrap_or_else(|| panic!("at {max}: {kept}"));
        assert!(left_out.starts_with(' ') && cut > 0, "at {max}: {left_out}");
    }
    let text = "é\n".repeat(2_000);
    record.message = &text;
    let message = sent(|b| b.protocol(Protocol::Rfc3164).max_message(700), &record);
    assert!(message.len() <= 700 && message.contains(" fields.message_cut="), "{message}");
}
