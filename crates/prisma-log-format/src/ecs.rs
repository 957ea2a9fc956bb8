//! JSON after Elastic's ecs-logging specification.

use prisma_log_core::{ContextData, Encoder, Error, FieldsRef, Record, Value};

use self::plan::EcsPlan;
use crate::copy::{Put, Space};
use crate::escape::{escape_into, escape_utf8_into};
use crate::json::{hex_byte, push_quoted, push_text, push_value};
use crate::keys::{Entry, KeyRule, Keys, WrittenKey, dedot};
use crate::number::push_int;
use crate::plan::Plans;
use crate::service::{Service, check_not_blank};
use crate::stamp::Stamp;
use crate::trace::Traces;

mod plan;

/// The last version of the 1.x line, which ecs-logging asks for.
const ECS_VERSION: &str = "1.12.0";

/// Encodes a record as [ecs-logging] JSON, for Filebeat and Elasticsearch.
///
/// # Format
///
/// | key | value | written |
/// | --- | --- | --- |
/// | `@timestamp`, `log.level`, `message`, `ecs.version` | as the specification has it | always |
/// | `service.name`, `service.version`, `service.environment`, `event.dataset` | from the options | when given |
/// | `trace.id`, `span.id` | lowercase hex, as W3C has it | when there is one |
/// | `log.logger` | the logger's name | always |
/// | `log.origin.file.name`, `log.origin.file.line`, `log.origin.function` | the call site | with [`EcsEncoderBuilder::site`], when known |
/// | `event.sequence` | the record's sequence number | unless switched off, or 0 |
/// | `user.id`, `http.request.id` | the context's `user_id` and `request_id` | when there is one |
/// | `error.message` | the field `error`, as in `"error" => #err` | when there is one |
/// | `labels` | an object with everything else | unless empty |
///
/// In `labels` stand `parent_span_id`, `trace_flags` (with a trace id), `truncated` (how many bytes
/// were cut off because the record was larger than allowed), `recovered` (`true`, when the process
/// that made the record died before it was written) and `tag` (slog's), then all other context
/// entries and fields. As the specification demands, `.`, `*` and `\` in their
/// keys become `_`. Keys that are then alike repeat, and the five keys above are reserved; both
/// are resolved as is told [at the crate's root](crate#keys), with `fields_` for `fields.`.
/// A repetition counts the entries that became `user.id`, `http.request.id` and `error.message`,
/// too: after the context's `user_id`, a field of that name is `labels.user_id#2`.
///
/// Labels are scalars, for Elasticsearch maps them as keywords: booleans and numbers stay what
/// they are, nested values become strings of their JSON, bytes are base64, and integers beyond 64
/// bits (signed) become strings, because the index would refuse the whole document otherwise.
/// `user.id`, `http.request.id` and `error.message` are always strings.
///
/// [ecs-logging]: https://github.com/elastic/ecs-logging/tree/main/spec
#[derive(Clone, Debug)]
pub struct EcsEncoder {
    site: bool,
    sequence: bool,
    /// What stands between the message and the first key that depends on the record.
    service: Box<[u8]>,
    stamp: Stamp,
    ids: Traces,
    positions: Traces,
    plans: Plans<EcsPlan>,
    space: Space,
}

static KEYS: KeyRule = KeyRule::new(EcsEncoder::RESERVED_LABELS).dedotted();

impl EcsEncoder {
    /// The keys in `labels` that the encoder itself writes, in the order in which it does.
    pub const RESERVED_LABELS: &'static [&'static str] =
        &["parent_span_id", "trace_flags", "truncated", "recovered", "tag"];

    /// An encoder with the default options: no service name, no data set, no call sites.
    pub fn new() -> Self {
        EcsEncoderBuilder::default().encoder()
    }

    /// An encoder with other options.
    pub fn builder() -> EcsEncoderBuilder {
        EcsEncoderBuilder::default()
    }
}

impl Default for EcsEncoder {
    fn default() -> Self {
        EcsEncoder::new()
    }
}

/// Options of an [`EcsEncoder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct EcsEncoderBuilder {
    service: Service,
    event_dataset: Option<String>,
    site: bool,
    sequence: bool,
}

impl Default for EcsEncoderBuilder {
    fn default() -> Self {
        let service = Service::new();
        EcsEncoderBuilder { service, event_dataset: None, site: false, sequence: true }
    }
}

impl EcsEncoderBuilder {
    /// Which service the records are of, as `service.*`; by default nothing is said.
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// The name of the stream of events, as `event.dataset`; by default the service's name with
    /// `.log` appended, if there is one.
    pub fn event_dataset(mut self, name: impl Into<String>) -> Self {
        self.event_dataset = Some(name.into());
        self
    }

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

    /// The encoder.
    ///
    /// # Errors
    /// When something of the service, or the data set, is empty.
    pub fn build(self) -> Result<EcsEncoder, Error> {
        self.service.check()?;
        check_not_blank("event dataset", self.event_dataset.as_deref())?;
        Ok(self.encoder())
    }

    fn encoder(self) -> EcsEncoder {
        let mut head = format!("\",\"ecs.version\":\"{ECS_VERSION}\"").into_bytes();
        let name = self.service.name.as_ref();
        let dataset = self.event_dataset.or_else(|| name.map(|name| format!("{name}.log")));
        head.extend(self.service.json("service.environment"));
        push_text(b",\"event.dataset\":\"", dataset.as_deref().unwrap_or_default(), &mut head);
        EcsEncoder {
            site: self.site,
            sequence: self.sequence,
            service: head.into(),
            stamp: Stamp::new(),
            ids: Traces::new(),
            positions: Traces::new(),
            plans: Plans::new(),
            space: Space::new(),
        }
    }
}

impl Encoder for EcsEncoder {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        if record.shape.is_some_and(|shape| self.encode_by_plan(shape, record, out)) {
            return;
        }
        out.extend_from_slice(START);
        self.stamp.push(record.timestamp, out);
        push_head(record, out);
        escape_into(record.message, out);
        out.extend_from_slice(&self.service);
        self.ids.push(record.context, out, push_ids);
        push_origin(self.site, record, out);
        push_sequence(self.sequence, record, out);
        for known in &KNOWN {
            if let Some(value) = known.entries(record).get(known.key) {
                out.extend_from_slice(known.written);
                push_string(value, out);
            }
        }
        let mut labels = Labels::default();
        labels.push_position(&mut self.positions, record, out);
        if has_fixed_labels(record) {
            labels.next(out);
            push_fixed_labels(record, out);
        }
        let mut gone = Gone::default();
        for Entry { in_context, written, value } in Keys::new(&KEYS, record) {
            if gone.known(in_context, written.key).is_none() {
                labels.next(out);
                push_key(&written, out);
                // Its text is UTF-8.
                push_label(value.value().unwrap_or(Value::Null), out);
            }
        }
        labels.end(out);
    }
}

const START: &[u8] = b"{\"@timestamp\":\"";

/// Appends what stands between timestamp and message.
fn push_head(record: &Record<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\",\"log.level\":\"");
    out.extend_from_slice(record.level.as_str().as_bytes());
    out.extend_from_slice(b"\",\"message\":\"");
}

fn push_ids(context: &ContextData, out: &mut Vec<u8>) {
    if let Some(id) = context.trace_id {
        out.extend_from_slice(b",\"trace.id\":\"");
        out.extend_from_slice(&id.hex());
        out.push(b'"');
    }
    if let Some(id) = context.span_id {
        out.extend_from_slice(b",\"span.id\":\"");
        out.extend_from_slice(&id.hex());
        out.push(b'"');
    }
}

/// Appends the logger, and with `site` where in the source the record comes from.
fn push_origin(site: bool, record: &Record<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"log.logger\":\"");
    escape_into(record.logger, out);
    out.push(b'"');
    if site {
        push_site(record, out);
    }
}

#[inline]
fn push_sequence(sequence: bool, record: &Record<'_>, out: &mut impl Put) {
    if sequence && (1..=i64::MAX as u64).contains(&record.sequence) {
        out.put_slice(b",\"event.sequence\":");
        push_int(record.sequence, out);
    }
}

fn push_site(record: &Record<'_>, out: &mut Vec<u8>) {
    let site = record.site;
    push_text(b",\"log.origin.file.name\":\"", site.file, out);
    if site.line != 0 {
        out.extend_from_slice(b",\"log.origin.file.line\":");
        push_int(site.line, out);
    }
    let function = if site.function.is_empty() { site.module } else { site.function };
    push_text(b",\"log.origin.function\":\"", function, out);
}

/// An entry that has a field of its own in ECS.
pub(crate) struct Known {
    in_context: bool,
    key: &'static str,
    pub(crate) written: &'static [u8],
}

pub(crate) static KNOWN: [Known; 3] = [
    Known { in_context: true, key: "user_id", written: b",\"user.id\":" },
    Known { in_context: true, key: "request_id", written: b",\"http.request.id\":" },
    Known { in_context: false, key: "error", written: b",\"error.message\":" },
];

impl Known {
    pub(crate) fn entries<'r>(&self, record: &Record<'r>) -> FieldsRef<'r> {
        if self.in_context { record.context.entries.as_ref() } else { record.fields }
    }
}

/// Which known entries went to their own fields; later ones with the same key are labels.
#[derive(Default)]
pub(crate) struct Gone([bool; KNOWN.len()]);

impl Gone {
    /// Which of the known entries this one is, if it is the first such.
    pub(crate) fn known(&mut self, in_context: bool, key: &[u8]) -> Option<usize> {
        let is_this = |known: &Known| known.in_context == in_context && known.key.as_bytes() == key;
        let known = KNOWN.iter().position(is_this)?;
        (!std::mem::replace(&mut self.0[known], true)).then_some(known)
    }
}

/// The labels of one line, as far as they are written.
#[derive(Default)]
pub(crate) struct Labels {
    open: bool,
}

impl Labels {
    /// Appends what stands before a label.
    #[inline]
    pub(crate) fn next(&mut self, out: &mut impl Put) {
        if std::mem::replace(&mut self.open, true) {
            out.put(b",");
        } else {
            out.put(b",\"labels\":{");
        }
    }

    /// Appends the labels that differ from record to record whatever the shape.
    #[inline]
    pub(crate) fn push_position(
        &mut self,
        positions: &mut Traces,
        record: &Record<'_>,
        out: &mut impl Put,
    ) {
        let context = record.context;
        if context.parent_span_id.is_some() || context.trace_id.is_some() {
            self.next(out);
            positions.push(context, out, push_position);
        }
        if record.truncated != 0 {
            self.next(out);
            out.put_slice(b"\"truncated\":");
            out.put_with(|out| push_label(Value::U64(record.truncated), out));
        }
    }

    /// Appends what ends the labels and the line.
    #[inline]
    pub(crate) fn end(self, out: &mut impl Put) {
        out.put_slice(if self.open { b"}}" } else { b"}" });
    }
}

fn push_position(context: &ContextData, out: &mut Vec<u8>) {
    if let Some(id) = context.parent_span_id {
        out.extend_from_slice(b"\"parent_span_id\":\"");
        out.extend_from_slice(&id.hex());
        out.extend_from_slice(if context.trace_id.is_some() { b"\"," } else { b"\"" });
    }
    if context.trace_id.is_some() {
        out.extend_from_slice(b"\"trace_flags\":\"");
        out.extend_from_slice(&hex_byte(context.trace_flags));
        out.push(b'"');
    }
}

fn has_fixed_labels(record: &Record<'_>) -> bool {
    record.recovered || !record.tag.is_empty()
}

/// Appends the labels that are the same in all records of a shape.
fn push_fixed_labels(record: &Record<'_>, out: &mut Vec<u8>) {
    if record.recovered {
        out.extend_from_slice(b"\"recovered\":true");
    }
    if record.recovered && !record.tag.is_empty() {
        out.push(b',');
    }
    push_text(b"\"tag\":\"", record.tag, out);
}

/// Appends a label's key.
fn push_key(written: &WrittenKey<'_>, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(written.prefix.as_bytes());
    push_dedotted(written.key, out);
    if written.nth > 0 {
        out.push(b'#');
        push_int(written.nth, out);
    }
    out.extend_from_slice(b"\":");
}

/// Appends a label's value.
pub(crate) fn push_label(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Bool(_) | Value::I64(_) => push_value(value, out),
        Value::U64(v) if i64::try_from(v).is_ok() => push_value(value, out),
        Value::F64(v) if v.is_finite() => push_value(value, out),
        other => push_string(other, out),
    }
}

fn push_dedotted(key: &[u8], out: &mut Vec<u8>) {
    for (index, piece) in key.split(|&byte| dedot(byte) != byte).enumerate() {
        if index > 0 {
            out.push(b'_');
        }
        escape_utf8_into(piece, out);
    }
}

/// Appends a value as a JSON string, whatever its type.
pub(crate) fn push_string(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Str(v) | Value::Json(v) => push_quoted(v, out),
        Value::F64(v) if !v.is_finite() => push_value(value, out),
        Value::Bytes(_) => push_value(value, out),
        scalar => {
            out.push(b'"');
            push_value(scalar, out);
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{Fields, Level, Site, SpanId, Timestamp, TraceId};

    fn check(mut encoder: EcsEncoder, record: &Record<'_>, expect: &str) {
        let mut out = b"kept".to_vec();
        encoder.encode(record, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("kept{expect}"));
    }

    const HEAD: &str = r#"{"@timestamp":"1970-01-01T00:00:00.000000Z","log.level":"WARNING","message":"x\ny","ecs.version":"1.12.0""#;

    #[test]
    fn the_envelope_is_in_order() {
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Warning, "shop", "x\ny");
        check(EcsEncoder::new(), &record, &format!(r#"{HEAD},"log.logger":"shop"}}"#));

        let mut context = ContextData::default();
        context.trace_id = TraceId::new(1);
        context.span_id = SpanId::new(2);
        context.parent_span_id = SpanId::new(3);
        context.trace_flags = 1;
        context.entries = Fields::from_iter([("user_id", 5_u64), ("request_id", 6)]);
        let fields =
            Fields::from_iter([("user_id", "u2"), ("error", "refused"), ("error", "again")]);
        record.context = &context;
        record.fields = fields.as_ref();
        record.sequence = 4;
        record.site = Site::new("src/a.rs", 12, "a::b");
        record.tag = "t";
        let encoder = EcsEncoder::builder()
            .service(Service::new().name("shop\"1"))
            .site(true)
            .build()
            .unwrap();
        let rest = concat!(
            r#","service.name":"shop\"1","event.dataset":"shop\"1.log""#,
            r#","trace.id":"00000000000000000000000000000001","span.id":"0000000000000002""#,
            r#","log.logger":"shop","log.origin.file.name":"src/a.rs","log.origin.file.line":12"#,
            r#","log.origin.function":"a::b","event.sequence":4,"user.id":"5","http.request.id":"6""#,
            r#","error.message":"refused","labels":{"parent_span_id":"0000000000000003""#,
            r#","trace_flags":"01","tag":"t","user_id#2":"u2","error#2":"again"}}"#,
        );
        check(encoder, &record, &format!("{HEAD}{rest}"));
    }

    #[test]
    fn labels_are_scalars_with_keys_of_their_own() {
        let check_labels = |key: &str, value: Value<'_>, expect: &str| {
            let mut fields = Fields::new();
            fields.push(key, value);
            let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Warning, "shop", "x\ny");
            record.fields = fields.as_ref();
            let expect = format!(r#"{HEAD},"log.logger":"shop","labels":{{{expect}}}}}"#);
            check(EcsEncoder::new(), &record, &expect);
        };
        check_labels("a.b*c\\d", Value::Null, r#""a_b_c_d":null"#);
        check_labels("tag", Value::Bool(true), r#""fields_tag":true"#);
        check_labels("log.level", Value::I64(-1), r#""log_level":-1"#);
        check_labels("", Value::U64(i64::MAX as u64), "\"#1\":9223372036854775807");
        check_labels("n", Value::U64(1 << 63), r#""n":"9223372036854775808""#);
        check_labels("n", Value::I128(-1), r#""n":"-1""#);
        check_labels("n", Value::F64(0.5), r#""n":0.5"#);
        check_labels("n", Value::F64(f64::NAN), r#""n":"NaN""#);
        check_labels("n", Value::Bytes(b"\xff"), r#""n":"/w==""#);
        check_labels("n", Value::Json(r#"{"a":1}"#), r#""n":"{\"a\":1}""#);
        check_labels("é\n.", Value::Str("\u{9b}"), r#""é\n_":"\u009b""#);
    }

    #[test]
    fn an_empty_name_is_refused() {
        let error = EcsEncoder::builder().service(Service::new().name(" ")).build().unwrap_err();
        assert!(error.is_config() && error.hint().is_some(), "{error}");
        assert!(EcsEncoder::builder().event_dataset("").build().is_err());
    }
}
