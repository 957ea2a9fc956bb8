//! One flat JSON object per record.

use prisma_log_core::{ContextData, Encoder, Error, Record, Value};

use crate::base64::push_base64;
use crate::copy::Put;
use crate::embed::push_json_value;
use crate::escape::{escape_into, escape_utf8_into, push_escaped, push_quoted_utf8};
use crate::form::{Form, Lines};
use crate::keys::{KeyRule, WrittenKey};
use crate::number::{non_finite_name, push_finite, push_int};
use crate::service::Service;

/// Encodes a record as one flat JSON object.
///
/// # Format
///
/// Keys come in this order:
///
/// | key | value | written |
/// | --- | --- | --- |
/// | `timestamp` | RFC 3339 in UTC, six fraction digits | always |
/// | `level` | `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` | always |
/// | `logger` | the logger's name | always |
/// | `message` | the message | always |
/// | `trace_id`, `span_id`, `parent_span_id` | lowercase hex, as W3C has it | when there is one |
/// | `trace_flags` | two hex digits, as W3C has it | with a trace id |
/// | `seq` | the record's sequence number | unless switched off, or 0 |
/// | `truncated` | how many bytes were cut off | when the record was larger than allowed |
/// | `recovered` | `true` | when the process that made the record died before it was written |
/// | `service.name`, `service.version`, `deployment.environment.name` | from [`JsonEncoderBuilder::service`] | when given |
/// | `slog.tag` | slog's tag | when there is one |
/// | `code.file.path`, `code.line.number`, `code.function.name`, `code.module.name` | the call site | with [`JsonEncoderBuilder::site`], when known |
/// | context entries, then fields | see below | in their order |
///
/// All keys above are reserved, whether this encoder was told to write them or not, so that a
/// line means the same whatever the options. What happens to user keys that collide or repeat is
/// told [at the crate's root](crate#keys).
///
/// Values keep their types: booleans, `null`, integers of any width as plain digits, nested
/// values as JSON. A floating-point number is written with the shortest digits that read back as
/// the same number, and always has a point or an exponent. What JSON has no form for follows the
/// JSON mapping of Protocol Buffers: `"NaN"`, `"Infinity"`, `"-Infinity"`, and bytes in base64
/// with padding. A nested value that is not valid JSON, or nested deeper than 64, is written as a
/// string of its text.
#[derive(Clone, Debug)]
pub struct JsonEncoder(Lines<Json>);

/// The form, with its options.
#[derive(Clone, Debug)]
struct Json {
    site: bool,
    sequence: bool,
    /// The service's keys and values, rendered.
    service: Box<[u8]>,
}

static KEYS: KeyRule = KeyRule::new(JsonEncoder::RESERVED_KEYS);
/// OpenTelemetry's key for the environment.
pub(crate) const ENVIRONMENT_KEY: &str = "deployment.environment.name";

impl JsonEncoder {
    /// The envelope's keys, in the order in which they are written.
    pub const RESERVED_KEYS: &'static [&'static str] = &[
        "timestamp",
        "level",
        "logger",
        "message",
        "trace_id",
        "span_id",
        "parent_span_id",
        "trace_flags",
        "seq",
        "truncated",
        "recovered",
        "service.name",
        "service.version",
        "deployment.environment.name",
        "slog.tag",
        "code.file.path",
        "code.line.number",
        "code.function.name",
        "code.module.name",
    ];

    /// An encoder with the default options: sequence numbers, but no call sites.
    pub fn new() -> Self {
        JsonEncoderBuilder::default().encoder()
    }

    /// An encoder with other options.
    pub fn builder() -> JsonEncoderBuilder {
        JsonEncoderBuilder::default()
    }
}

impl Default for JsonEncoder {
    fn default() -> Self {
        JsonEncoder::new()
    }
}

/// Options of a [`JsonEncoder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct JsonEncoderBuilder {
    site: bool,
    sequence: bool,
    service: Service,
}

impl Default for JsonEncoderBuilder {
    fn default() -> Self {
        JsonEncoderBuilder { site: false, sequence: true, service: Service::new() }
    }
}

impl JsonEncoderBuilder {
    /// Whether to write where in the source the record comes from; off by default.
    pub fn site(mut self, on: bool) -> Self {
        self.site = on;
        self
    }

    /// Whether to write the record's sequence number; on by default.
    pub fn sequence(mut self, on: bool) -> Self {
        self.sequence = on;
        self
    }

    /// Which service the records are of; by default nothing is said.
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// The encoder.
    ///
    /// # Errors
    /// When something of the service is empty.
    pub fn build(self) -> Result<JsonEncoder, Error> {
        self.service.check()?;
        Ok(self.encoder())
    }

    fn encoder(self) -> JsonEncoder {
        let service = self.service.json(ENVIRONMENT_KEY).into();
        JsonEncoder(Lines::new(Json { site: self.site, sequence: self.sequence, service }))
    }
}

impl Encoder for JsonEncoder {
    #[inline]
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        self.0.encode(record, out);
    }
}

impl Form for Json {
    const START: &'static [u8] = b"{\"timestamp\":\"";
    const END: &'static [u8] = b"}";
    const SEQUENCE: &'static [u8] = b",\"seq\":";
    const TRUNCATED: &'static [u8] = b",\"truncated\":";

    fn keys() -> &'static KeyRule {
        &KEYS
    }

    fn has_sequence(&self) -> bool {
        self.sequence
    }

    fn push_head(record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\",\"level\":\"");
        out.extend_from_slice(record.level.as_str().as_bytes());
        out.extend_from_slice(b"\",\"logger\":\"");
        escape_into(record.logger, out);
        out.extend_from_slice(b"\",\"message\":\"");
    }

    #[inline]
    fn push_message(message: &str, out: &mut impl Put) {
        push_escaped(message, out);
        out.put(b"\"");
    }

    fn push_trace(context: &ContextData, out: &mut Vec<u8>) {
        push_trace(context, out);
    }

    fn push_middle(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        if record.recovered {
            out.extend_from_slice(b",\"recovered\":true");
        }
        out.extend_from_slice(&self.service);
        push_text(b",\"slog.tag\":\"", record.tag, out);
        if self.site {
            push_site(record, out);
        }
    }

    #[inline]
    fn push_key(written: &WrittenKey<'_>, out: &mut Vec<u8>) {
        let &WrittenKey { prefix, key, nth } = written;
        out.extend_from_slice(b",\"");
        if !prefix.is_empty() {
            out.extend_from_slice(prefix.as_bytes());
        }
        escape_utf8_into(key, out);
        if nth > 0 {
            out.push(b'#');
            push_int(nth, out);
        }
        out.extend_from_slice(b"\":");
    }

    #[inline]
    fn push_value(value: Value<'_>, out: &mut Vec<u8>) {
        push_value(value, out);
    }

    #[inline]
    fn push_text(text: &[u8], out: &mut impl Put) -> Option<()> {
        push_quoted_utf8(text, out)
    }
}

fn push_trace(context: &ContextData, out: &mut Vec<u8>) {
    if let Some(id) = context.trace_id {
        out.extend_from_slice(b",\"trace_id\":\"");
        out.extend_from_slice(&id.hex());
        out.push(b'"');
    }
    if let Some(id) = context.span_id {
        out.extend_from_slice(b",\"span_id\":\"");
        out.extend_from_slice(&id.hex());
        out.push(b'"');
    }
    if let Some(id) = context.parent_span_id {
        out.extend_from_slice(b",\"parent_span_id\":\"");
        out.extend_from_slice(&id.hex());
        out.push(b'"');
    }
    if context.trace_id.is_some() {
        out.extend_from_slice(b",\"trace_flags\":\"");
        out.extend_from_slice(&hex_byte(context.trace_flags));
        out.push(b'"');
    }
}

fn push_site(record: &Record<'_>, out: &mut Vec<u8>) {
    let site = record.site;
    push_text(b",\"code.file.path\":\"", site.file, out);
    if site.line != 0 {
        out.extend_from_slice(b",\"code.line.number\":");
        push_int(site.line, out);
    }
    push_text(b",\"code.function.name\":\"", site.function, out);
    push_text(b",\"code.module.name\":\"", site.module, out);
}

/// Appends `key` (up to and with the value's opening quote) and `text`, unless that is empty.
pub(crate) fn push_text(key: &[u8], text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        out.extend_from_slice(key);
        escape_into(text, out);
        out.push(b'"');
    }
}

/// A byte as two lowercase hex digits.
pub(crate) fn hex_byte(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Appends a value as JSON.
pub(crate) fn push_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::I64(v) => push_int(v, out),
        Value::U64(v) => push_int(v, out),
        Value::I128(v) => push_int(v, out),
        Value::U128(v) => push_int(v, out),
        Value::F64(v) => {
            if !push_finite(v, out) {
                push_quoted(non_finite_name(v), out);
            }
        }
        Value::Str(v) => push_quoted(v, out),
        Value::Bytes(v) => {
            out.push(b'"');
            push_base64(v, out);
            out.push(b'"');
        }
        Value::Json(v) => {
            if !push_json_value(v, out) {
                push_quoted(v, out);
            }
        }
        // `Value` may gain variants; until this encoder knows them, their text is better than
        // nothing.
        other => push_quoted(&other.to_string(), out),
    }
}

/// Appends a string with its quotes.
pub(crate) fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(text, out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{Fields, Level, Site, SpanId, Timestamp, TraceId};

    #[test]
    fn every_value_has_a_form() {
        let check = |value: Value<'_>, expect: &str| {
            let mut out = Vec::new();
            push_value(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(Value::Null, "null");
        check(Value::Bool(true), "true");
        check(Value::I64(i64::MIN), "-9223372036854775808");
        check(Value::U64(u64::MAX), "18446744073709551615");
        check(Value::I128(i128::MIN), "-170141183460469231731687303715884105728");
        check(Value::U128(u128::MAX), "340282366920938463463374607431768211455");
        check(Value::F64(1.0), "1.0");
        check(Value::F64(f64::NAN), "\"NaN\"");
        check(Value::F64(f64::INFINITY), "\"Infinity\"");
        check(Value::F64(f64::NEG_INFINITY), "\"-Infinity\"");
        check(Value::Str("a\"\n"), r#""a\"\n""#);
        check(Value::Bytes(b"\xed\xa0\x80"), "\"7aCA\"");
        check(Value::Json("{\"a\": [1]}"), "{\"a\":[1]}");
        check(Value::Json("}, \"level\":\"X\""), r#""}, \"level\":\"X\"""#);
    }

    #[test]
    fn the_envelope_is_in_order() {
        let check = |mut encoder: JsonEncoder, record: &Record<'_>, expect: &str| {
            let mut out = Vec::new();
            encoder.encode(record, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        let mut record =
            Record::new(Timestamp::from_unix_nanos(1_500), Level::Critical, "a\"b", "x\ny");
        let head = r#"{"timestamp":"1970-01-01T00:00:00.000001Z","level":"CRITICAL","logger":"a\"b","message":"x\ny""#;
        check(JsonEncoder::new(), &record, &format!("{head}}}"));

        let mut context = ContextData::default();
        context.trace_id = TraceId::new(0x0af7651916cd43dd8448eb211c80319c);
        context.span_id = SpanId::new(0xb7ad6b7169203331);
        context.parent_span_id = SpanId::new(1);
        context.trace_flags = 1;
        context.entries.push("user_id", "u1");
        let fields = Fields::from_iter([("user_id", "u2"), ("trace_id", "forged")]);
        record.context = &context;
        record.fields = fields.as_ref();
        record.sequence = 7;
        record.site = Site::new("src/a.rs", 12, "a::b");
        record.site.function = "f";
        record.tag = "t";
        let trace = r#","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","parent_span_id":"0000000000000001","trace_flags":"01""#;
        let site = r#","code.file.path":"src/a.rs","code.line.number":12,"code.function.name":"f","code.module.name":"a::b""#;
        let user = r#","user_id":"u1","user_id#2":"u2","fields.trace_id":"forged"}"#;
        let service = r#","service.name":"a\"b","deployment.environment.name":"prod""#;
        let all = format!(r#"{head}{trace},"seq":7{service},"slog.tag":"t"{site}{user}"#);
        let name = Service::new().name("a\"b").environment("prod");
        check(JsonEncoder::builder().service(name).site(true).build().unwrap(), &record, &all);
        assert!(JsonEncoder::builder().service(Service::new().version("")).build().is_err());
        let less = format!(r#"{head}{trace},"slog.tag":"t"{user}"#);
        check(JsonEncoder::builder().sequence(false).build().unwrap(), &record, &less);
    }
}
