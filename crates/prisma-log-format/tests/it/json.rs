//! A JSON line, read back, is the record.

use std::fmt;

use fastrand::Rng;
use prisma_log_core::{Record, Value};
use prisma_log_format::{JsonEncoder, decode_key};
use serde_json::value::RawValue;

use crate::random::Owned;
use crate::{Tally, encode};

/// An object's members as they stand in the text: in order, repeated keys and all.
pub(crate) struct Members(pub(crate) Vec<(String, Box<RawValue>)>);

impl Members {
    pub(crate) fn read(line: &str) -> Self {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(crate) fn repeated(&self) -> Option<&str> {
        let mut keys: Vec<&str> = self.0.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Whether `raw` is how `value` is written: same type, same value, to the last bit and byte.
pub(crate) fn is_written_as(value: Value<'_>, raw: &str) -> bool {
    let string = || serde_json::from_str::<String>(raw).ok();
    let integer = || raw.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    match value {
        Value::Null => raw == "null",
        Value::Bool(v) => raw == if v { "true" } else { "false" },
        Value::I64(v) => integer() && raw.parse() == Ok(v),
        Value::U64(v) => integer() && raw.parse() == Ok(v),
        Value::I128(v) => integer() && raw.parse() == Ok(v),
        Value::U128(v) => integer() && raw.parse() == Ok(v),
        Value::F64(v) if v.is_nan() => raw == "\"NaN\"",
        Value::F64(v) if v.is_infinite() => {
            raw == if v > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }
        }
        Value::F64(v) => {
            raw.contains(['.', 'e'])
                && !raw.starts_with('"')
                && raw.parse().is_ok_and(|read: f64| read.to_bits() == v.to_bits())
        }
        Value::Str(v) => string().as_deref() == Some(v),
        Value::Bytes(v) => string().and_then(|s| from_base64(&s)).as_deref() == Some(v),
        Value::Json(v) => {
            let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
            read(raw).is_some() && read(raw) == read(v)
        }
        other => panic!("no rule for {other:?}"),
    }
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for c in digits.bytes() {
        bits = bits << 6 | u32::from(digit(c)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

/// The envelope as it must be written, in order.
fn envelope(record: &Record<'_>) -> Vec<(&'static str, String)> {
    let quote = |text: &str| serde_json::to_string(text).unwrap();
    let context = record.context;
    let mut expect = vec![
        ("timestamp", quote(&record.timestamp.to_string())),
        ("level", quote(record.level.as_str())),
        ("logger", quote(record.logger)),
        ("message", quote(record.message)),
    ];
    expect.extend(context.trace_id.map(|id| ("trace_id", quote(&id.to_string()))));
    expect.extend(context.span_id.map(|id| ("span_id", quote(&id.to_string()))));
    expect.extend(context.parent_span_id.map(|id| ("parent_span_id", quote(&id.to_string()))));
    let flags = ("trace_flags", format!("\"{:02x}\"", context.trace_flags));
    expect.extend(context.trace_id.map(|_| flags));
    expect.extend((record.sequence != 0).then(|| ("seq", record.sequence.to_string())));
    expect.extend((record.truncated != 0).then(|| ("truncated", record.truncated.to_string())));
    expect.extend(record.recovered.then(|| ("recovered", "true".to_owned())));
    expect.extend((!record.tag.is_empty()).then(|| ("slog.tag", quote(record.tag))));
    expect.push(("code.file.path", quote(record.site.file)));
    expect.extend(
        (record.site.line != 0).then(|| ("code.line.number", record.site.line.to_string())),
    );
    expect.push(("code.module.name", quote(record.site.module)));
    expect
}

fn check(encoder: &mut JsonEncoder, owned: &Owned, tally: &mut Tally) {
    let record = owned.record();
    let line = encode(encoder, &record);
    let members = Members::read(&line);
    tally.records += 1;
    tally.compare("repeated key", members.repeated(), None);

    let envelope = envelope(&record);
    let expected = envelope.len() + owned.entries().count();
    tally.compare("number of members", members.0.len(), expected);
    let (head, user) = members.0.split_at(envelope.len().min(members.0.len()));
    for ((key, raw), (expect_key, expect)) in head.iter().zip(&envelope) {
        tally.compare("envelope key", key.as_str(), expect_key);
        // Other writers escape less; what counts is what is read.
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        tally.compare(expect_key, read(raw.get()), read(expect));
    }
    for ((written, raw), (key, value)) in user.iter().zip(owned.entries()) {
        tally.fields += 1;
        tally.compare("key", decode_key(written).0, key);
        let reserved = JsonEncoder::RESERVED_KEYS.contains(&written.as_str());
        tally.compare("forged key", reserved.then_some(written), None);
        if !is_written_as(value, raw.get()) {
            tally.differences.push(format!("{key:?}: {value:?} written as {}", raw.get()));
        }
    }
}

#[test]
fn reading_a_line_gives_back_every_field_type_and_byte() {
    let mut random = Rng::with_seed(20_261_124);
    let mut encoder = JsonEncoder::builder().site(true).build().unwrap();
    let mut tally = Tally::default();
    for _ in 0..100_000 {
        check(&mut encoder, &Owned::new(&mut random), &mut tally);
    }
    tally.finish("json");
}
