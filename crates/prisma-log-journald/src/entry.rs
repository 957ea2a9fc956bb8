//! A record as an entry of the journal's native protocol.
//!
//! Described in <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>: `NAME=value` and a line end, or, where
//! the value could be mistaken for something else, `NAME`, a line end, the value's length in eight
//! bytes, the value, and a line end.

use std::fmt::{Arguments, Display};
use std::io::Write as _;

use prisma_log_core::{FieldsRef, Level, Record, Value};

use crate::names::Names;

/// The journal throws away an entry with more fields than this.
pub(crate) const MAX_FIELDS: usize = 1024;
/// Room for what this sink adds by itself.
const OWN_FIELDS: usize = 32;

/// Turns records into entries.
#[derive(Debug)]
pub(crate) struct EntryEncoder {
    names: Names,
    /// The fields that are the same in every entry, as they are sent.
    constant: Vec<u8>,
    site: bool,
    sequence: bool,
}

impl EntryEncoder {
    /// The constant fields' names are ours and need no check.
    pub(crate) fn new<'a>(
        names: Names,
        constant: impl IntoIterator<Item = (&'a str, &'a str)>,
        site: bool,
        sequence: bool,
    ) -> Self {
        let mut rendered = Vec::new();
        for (name, value) in constant {
            push_text(name, value, &mut rendered);
        }
        EntryEncoder { names, constant: rendered, site, sequence }
    }

    /// Appends the record's entry.
    pub(crate) fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        push_text("MESSAGE", record.message, out);
        push_shown("PRIORITY", priority(record.level), out);
        push_text("LEVEL", record.level.as_str(), out);
        push_known("LOGGER", record.logger, out);
        push_bytes_as_text("TIMESTAMP", &record.timestamp.rfc3339(), out);
        out.extend_from_slice(&self.constant);
        if self.site {
            push_site(record, out);
        }
        push_trace(record, out);
        push_known("SLOG_TAG", record.tag, out);
        if self.sequence && record.sequence != 0 {
            push_shown("SEQ", record.sequence, out);
        }
        if record.recovered {
            push_text("RECOVERED", "true", out);
        }
        let cut = record.truncated.saturating_add(self.push_fields(record, out));
        if cut != 0 {
            push_shown("TRUNCATED", cut, out);
        }
    }

    /// Appends context and fields as far as the journal takes so many; how many bytes were left out.
    fn push_fields(&mut self, record: &Record<'_>, out: &mut Vec<u8>) -> u64 {
        self.names.clear();
        let mut room = MAX_FIELDS - OWN_FIELDS;
        let mut left_out = 0;
        let lists: [FieldsRef<'_>; 2] = [record.context.entries.as_ref(), record.fields];
        for (key, value) in lists.into_iter().flat_map(|list| list.iter()) {
            if room == 0 {
                let before = out.len();
                push_value(key, value, out);
                left_out += (out.len() - before) as u64;
                out.truncate(before);
                continue;
            }
            room -= 1;
            push_value(self.names.next(key), value, out);
        }
        left_out
    }
}

/// The level among syslog's; the journal knows none below debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::Critical => 2,
        Level::Error => 3,
        Level::Warning => 4,
        Level::Info => 6,
        _ => 7,
    }
}

fn push_site(record: &Record<'_>, out: &mut Vec<u8>) {
    let site = record.site;
    push_known("CODE_FILE", site.file, out);
    if site.line != 0 {
        push_shown("CODE_LINE", site.line, out);
    }
    push_known("CODE_FUNC", site.function, out);
    push_known("CODE_MODULE", site.module, out);
}

fn push_trace(record: &Record<'_>, out: &mut Vec<u8>) {
    let context = record.context;
    if let Some(id) = context.trace_id {
        push_bytes_as_text("TRACE_ID", &id.hex(), out);
    }
    if let Some(id) = context.span_id {
        push_bytes_as_text("SPAN_ID", &id.hex(), out);
    }
    if let Some(id) = context.parent_span_id {
        push_bytes_as_text("PARENT_SPAN_ID", &id.hex(), out);
    }
    if context.trace_id.is_some() {
        push_formatted("TRACE_FLAGS", format_args!("{:02x}", context.trace_flags), out);
    }
}

fn push_value(name: &str, value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Str(text) | Value::Json(text) => push_text(name, text, out),
        Value::Bytes(bytes) => push_prefixed(name, bytes, out),
        // As the encoders spell them: always with a point or an exponent.
        Value::F64(number) if number == f64::INFINITY => push_text(name, "Infinity", out),
        Value::F64(number) if number == f64::NEG_INFINITY => push_text(name, "-Infinity", out),
        Value::F64(number) => push_formatted(name, format_args!("{number:?}"), out),
        Value::Null
        | Value::Bool(_)
        | Value::I64(_)
        | Value::U64(_)
        | Value::I128(_)
        | Value::U128(_) => push_shown(name, value, out),
        // `Value` may gain variants.
        other => push_text(name, &other.to_string(), out),
    }
}

/// Appends a field unless its value is empty.
fn push_known(name: &str, value: &str, out: &mut Vec<u8>) {
    if !value.is_empty() {
        push_text(name, value, out);
    }
}

fn push_text(name: &str, value: &str, out: &mut Vec<u8>) {
    push_bytes_as_text(name, value.as_bytes(), out);
}

/// Appends a field whose value stands in the short form unless it has a control character.
fn push_bytes_as_text(name: &str, value: &[u8], out: &mut Vec<u8>) {
    if value.iter().any(|&byte| byte < b' ' && byte != b'\t') {
        return push_prefixed(name, value, out);
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn push_prefixed(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Appends a value whose text has no line end.
fn push_shown(name: &str, value: impl Display, out: &mut Vec<u8>) {
    push_formatted(name, format_args!("{value}"), out);
}

fn push_formatted(name: &str, value: Arguments<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    // A vector takes all that is written.
    let _infallible = out.write_fmt(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use prisma_log_core::{ContextData, Fields, Site, SpanId, Timestamp, TraceId};

    use super::*;

    fn encoded(encoder: &mut EntryEncoder, record: &Record<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.encode(record, &mut out);
        out
    }

    fn encoder(prefix: &str) -> EntryEncoder {
        let constant = [("SYSLOG_IDENTIFIER", "shop")];
        EntryEncoder::new(Names::new(prefix.to_owned()), constant, true, true)
    }

    #[test]
    fn everything_that_is_known_of_a_record() {
        let mut context = ContextData::default();
        context.trace_id = TraceId::new(1);
        context.span_id = SpanId::new(2);
        context.parent_span_id = SpanId::new(3);
        context.trace_flags = 1;
        context.entries.push("user_id", "u1");
        let fields = Fields::from_iter([("user_id", "u2"), ("trace_id", "forged"), ("e", "")]);
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Critical, "shop.orders", "a\nb");
        record.context = &context;
        record.fields = fields.as_ref();
        record.site = Site::new("src/a.rs", 12, "a::b");
        record.site.function = "f";
        record.tag = "t";
        record.sequence = 7;
        record.recovered = true;
        record.truncated = 9;
        let expect = [
            &b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n"[..],
            b"PRIORITY=2\nLEVEL=CRITICAL\nLOGGER=shop.orders\n",
            b"TIMESTAMP=1970-01-01T00:00:00.000000Z\nSYSLOG_IDENTIFIER=shop\n",
            b"CODE_FILE=src/a.rs\nCODE_LINE=12\nCODE_FUNC=f\nCODE_MODULE=a::b\n",
            b"TRACE_ID=00000000000000000000000000000001\nSPAN_ID=0000000000000002\n",
            b"PARENT_SPAN_ID=0000000000000003\nTRACE_FLAGS=01\n",
            b"SLOG_TAG=t\nSEQ=7\nRECOVERED=true\n",
            b"USER_ID=u1\nUSER_ID_2=u2\nFIELDS_TRACE_ID=forged\nE=\n",
            b"TRUNCATED=9\n",
        ];
        let entry = encoded(&mut encoder(""), &record);
        assert_eq!(entry.escape_ascii().to_string(), expect.concat().escape_ascii().to_string());
    }

    #[test]
    fn every_value_has_a_form() {
        let check = |value: Value<'_>, expect: &[u8]| {
            let mut out = Vec::new();
            push_value("K", value, &mut out);
            assert_eq!(out.escape_ascii().to_string(), expect.escape_ascii().to_string());
        };
        check(Value::Null, b"K=null\n");
        check(Value::Bool(true), b"K=true\n");
        check(Value::I64(i64::MIN), b"K=-9223372036854775808\n");
        check(Value::U64(u64::MAX), b"K=18446744073709551615\n");
        check(Value::I128(i128::MIN), b"K=-170141183460469231731687303715884105728\n");
        check(Value::U128(u128::MAX), b"K=340282366920938463463374607431768211455\n");
        check(Value::F64(1.0), b"K=1.0\n");
        check(Value::F64(1e300), b"K=1e300\n");
        check(Value::F64(f64::NAN), b"K=NaN\n");
        check(Value::F64(f64::INFINITY), b"K=Infinity\n");
        check(Value::F64(f64::NEG_INFINITY), b"K=-Infinity\n");
        check(Value::Str("a=b\tc \u{202e}"), "K=a=b\tc \u{202e}\n".as_bytes());
        check(Value::Str("a\nPRIORITY=0"), b"K\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n");
        check(Value::Str("\0"), b"K\n\x01\0\0\0\0\0\0\0\0\n");
        check(Value::Bytes(b"plain"), b"K\n\x05\0\0\0\0\0\0\0plain\n");
        check(Value::Bytes(b""), b"K\n\0\0\0\0\0\0\0\0\n");
        check(Value::Json("{\"a\": [1]}"), b"K={\"a\": [1]}\n");
        check(Value::Json("[\n1]"), b"K\n\x04\0\0\0\0\0\0\0[\n1]\n");
    }

    #[test]
    fn levels_are_syslogs() {
        let levels = [Level::Critical, Level::Error, Level::Warning, Level::Info, Level::Debug];
        assert_eq!(levels.map(priority), [2, 3, 4, 6, 7]);
        assert_eq!(priority(Level::Trace), 7);
    }

    #[test]
    fn more_fields_than_the_journal_takes_are_left_out_and_counted() {
        let room = MAX_FIELDS - OWN_FIELDS;
        let fields: Fields = (0..room + 3).map(|_| ("key", "value")).collect();
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", "m");
        record.fields = fields.as_ref();
        record.truncated = 5;
        let entry = String::from_utf8(encoded(&mut encoder("F_"), &record)).unwrap();
        assert_eq!(entry.matches("F_KEY").count(), room);
        assert!(entry.contains(&format!("F_KEY_{room}=value\n")));
        assert!(entry.ends_with(&format!("TRUNCATED={}\n", 5 + 3 * "key=value\n".len())));
        assert!(entry.lines().count() <= MAX_FIELDS);
    }
}
