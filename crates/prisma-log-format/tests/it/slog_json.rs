//! The same call, written by slog-json and by ours, compared field by field.

use std::io;
use std::sync::{Arc, Mutex};

use prisma_log_core::{BatchError, Durability, Encoder, Error, Record, Sink, SinkDrain};
use prisma_log_format::JsonEncoder;
use slog::{Drain, Logger, error, o};

use crate::json::Members;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn members(&self) -> Vec<(String, String)> {
        let bytes = self.0.lock().unwrap();
        let line = std::str::from_utf8(&bytes).unwrap();
        Members::read(line).0.into_iter().map(|(key, raw)| (key, raw.get().to_owned())).collect()
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct EncodingSink(JsonEncoder, Shared);

impl Sink for EncodingSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            self.0.encode(record, &mut self.1.0.lock().unwrap());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// One call with every kind of value that slog has.
fn call(log: &Logger) {
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    error!(log, "order {} failed", 42;
        "bool" => true,
        "i8" => i8::MIN,
        "i64" => i64::MIN,
        "u64" => u64::MAX,
        "i128" => i128::MIN,
        "u128" => u128::MAX,
        "usize" => 7_usize,
        "f32" => 0.1_f32,
        "f64" => 99.9_f64,
        "f64_whole" => 5.0_f64,
        "f64_big" => 1e300_f64,
        "nan" => f64::NAN,
        "infinity" => f64::INFINITY,
        "char" => 'é',
        "str" => "a \"quoted\"\nline",
        "unit" => (),
        "none" => None::<u64>,
        "some" => Some(1_u64),
        "display" => %format_args!("{}-{}", 1, 2),
        "debug" => ?[1, 2],
        "error" => #refused,
        "nested" => slog::Serde(serde_json::json!({"a": [1, null], "b": {"c": 1.5}})),
        "bytes" => b"\xff\x00".to_vec(),
        "controls" => "\u{7f}\u{9b}2J\u{2028}\u{202e}",
        "level" => "forged",
        "logger" => "forged",
        "twice" => 1,
        "twice" => 2,
    );
}

/// A field that the two write differently: key and value by slog-json, key and value by ours, why.
type Difference = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// All the differences that there are, the envelope aside. The rest is the same to the byte, but
/// that slog-json writes the newest field first and ours writes them as in the call.
const DIFFERENCES: &[Difference] = &[
    ("nan", "null", "nan", "\"NaN\"", "the value is kept"),
    ("infinity", "null", "infinity", "\"Infinity\"", "the value is kept"),
    ("bytes", "\"0xFF00\"", "bytes", "\"/wA=\"", "as the JSON mapping of Protocol Buffers has it"),
    (
        "controls",
        "\"\u{7f}\u{9b}2J\u{2028}\u{202e}\"",
        "controls",
        r#""\u007f\u009b2J\u2028\u202e""#,
        "terminals and viewers act on them",
    ),
    ("level", "\"forged\"", "fields.level", "\"forged\"", "slog-json has the key twice"),
    ("logger", "\"forged\"", "fields.logger", "\"forged\"", "can't be taken for the logger's name"),
    ("twice", "2", "twice#2", "2", "slog-json has the key twice, and readers keep one"),
];

/// The envelopes; `…` is the time.
const THEIR_ENVELOPE: &[(&str, &str)] =
    &[("msg", "\"order 42 failed\""), ("level", "\"ERRO\""), ("ts", "…")];
const OUR_ENVELOPE: &[(&str, &str)] = &[
    ("timestamp", "…"),
    ("level", "\"ERROR\""),
    ("logger", "\"shop.orders\""),
    ("message", "\"order 42 failed\""),
    ("seq", "1"),
];

fn check_envelope(members: &[(String, String)], expect: &[(&str, &str)]) {
    for ((key, raw), (expect_key, expect)) in members.iter().zip(expect) {
        assert_eq!(key, expect_key);
        assert!(*expect == "…" || raw == expect, "{key}: {raw}");
    }
}

#[test]
fn the_same_call_by_slog_json_and_by_ours() {
    let (theirs, ours) = (Shared::default(), Shared::default());
    let drain = Mutex::new(slog_json::Json::new(theirs.clone()).add_default_keys().build());
    call(&Logger::root(drain.map(slog::Fuse), o!()));
    let sink = EncodingSink(JsonEncoder::new(), ours.clone());
    call(&Logger::root(SinkDrain::new(sink).named("shop.orders"), o!()));
    let (mut theirs, mut ours) = (theirs.members(), ours.members());

    check_envelope(&theirs, THEIR_ENVELOPE);
    check_envelope(&ours, OUR_ENVELOPE);
    let mut theirs = theirs.split_off(THEIR_ENVELOPE.len());
    let ours = ours.split_off(OUR_ENVELOPE.len());
    theirs.reverse();
    assert_eq!(theirs.len(), ours.len());

    let mut found = Vec::new();
    println!("{:<10} {:<38} {:<15} {:<36} why", "slog-json", "", "ours", "");
    for ((key, raw), (our_key, our_raw)) in theirs.iter().zip(&ours) {
        if (key, raw) == (our_key, our_raw) {
            continue;
        }
        let known =
            DIFFERENCES.iter().find(|d| (d.0, d.1, d.2, d.3) == (key, raw, our_key, our_raw));
        let why = known.map_or("NOT EXPECTED", |difference| difference.4);
        let shown: String = raw.chars().flat_map(shown).collect();
        println!("{key:<10} {shown:<38} {our_key:<15} {our_raw:<36} {why}");
        found.push((key.as_str(), raw.as_str(), our_key.as_str(), our_raw.as_str(), why));
    }
    println!("{} fields, {} written differently, the rest alike", ours.len(), found.len());
    assert_eq!(found, DIFFERENCES);
}

/// What a table of text may show for a character.
fn shown(c: char) -> Vec<char> {
    if crate::forbidden(c) { c.escape_unicode().collect() } else { vec![c] }
}
