//! `key=value` pairs for tools that read logfmt.

use prisma_log_core::{ContextData, Encoder, Error, Record, Value};

use crate::copy::Put;
use crate::form::{Form, Lines};
use crate::json::{ENVIRONMENT_KEY, hex_byte};
use crate::keys::{KeyRule, WrittenKey};
use crate::number::push_int;
use crate::pairs::{push_pair_key, push_token, push_utf8, push_value};
use crate::service::Service;

/// Encodes a record as [logfmt], quoted as go-logfmt does.
///
/// # Format
///
/// `ts=… level=… logger=… msg=…`, then, each when there is one, `trace_id`, `span_id`,
/// `parent_span_id`, `trace_flags`, `seq`, `truncated` (how many bytes were cut off because the
/// record was larger than allowed), `recovered` (`true`, when the process that made the record
/// died before it was written), `service.name`, `service.version`, `deployment.environment.name`,
/// `slog.tag`, the call site as `code.file.path`, `code.line.number`, `code.function.name`,
/// `code.module.name`, then context entries and fields. These keys are reserved; what happens to user keys that collide or repeat is told
/// [at the crate's root](crate#keys).
///
/// A value is quoted when it is empty, holds a space, `=`, `"`, U+FFFD or a character that
/// [must be escaped](crate::must_escape), or is text that reads like a number, `true`, `false`,
/// `null`, `NaN` or `Infinity`. Inside quotes stand the escapes of a JSON string, outside them
/// nothing is escaped. Keys can't be quoted: a space, `=`, `"`, U+FFFD and what must be escaped
/// stand in them as `\uXXXX`, and `\` as `\\`.
///
/// Numbers are written as in JSON, but `NaN`, `Infinity` and `-Infinity` without quotes. Bytes are
/// written as quoted ASCII with `\xNN` for what is not printable. Nested values are written as
/// the text of their JSON. So unlike in JSON, bytes and nested values can't be told from text that
/// looks the same.
///
/// [logfmt]: https://pkg.go.dev/github.com/go-logfmt/logfmt
#[derive(Clone, Debug)]
pub struct LogfmtEncoder(Lines<Logfmt>);

/// The form, with its options.
#[derive(Clone, Debug)]
struct Logfmt {
    site: bool,
    sequence: bool,
    /// The service's pairs, rendered.
    service: Box<[u8]>,
}

static KEYS: KeyRule = KeyRule::new(LogfmtEncoder::RESERVED_KEYS);

impl LogfmtEncoder {
    /// The envelope's keys, in the order in which they are written.
    pub const RESERVED_KEYS: &'static [&'static str] = &[
        "ts",
        "level",
        "logger",
        "msg",
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
        LogfmtEncoderBuilder::default().encoder()
    }

    /// An encoder with other options.
    pub fn builder() -> LogfmtEncoderBuilder {
        LogfmtEncoderBuilder::default()
    }
}

impl Default for LogfmtEncoder {
    fn default() -> Self {
        LogfmtEncoder::new()
    }
}

/// Options of a [`LogfmtEncoder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct LogfmtEncoderBuilder {
    site: bool,
    sequence: bool,
    service: Service,
}

impl Default for LogfmtEncoderBuilder {
    fn default() -> Self {
        LogfmtEncoderBuilder { site: false, sequence: true, service: Service::new() }
    }
}

impl LogfmtEncoderBuilder {
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
    pub fn build(self) -> Result<LogfmtEncoder, Error> {
        self.service.check()?;
        Ok(self.encoder())
    }

    fn encoder(self) -> LogfmtEncoder {
        let service = self.service.logfmt(ENVIRONMENT_KEY).into();
        LogfmtEncoder(Lines::new(Logfmt { site: self.site, sequence: self.sequence, service }))
    }
}

impl Encoder for LogfmtEncoder {
    #[inline]
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        self.0.encode(record, out);
    }
}

impl Form for Logfmt {
    const START: &'static [u8] = b"ts=";
    const END: &'static [u8] = b"";
    const SEQUENCE: &'static [u8] = b" seq=";
    const TRUNCATED: &'static [u8] = b" truncated=";

    fn keys() -> &'static KeyRule {
        &KEYS
    }

    fn has_sequence(&self) -> bool {
        self.sequence
    }

    fn push_head(record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b" level=");
        out.extend_from_slice(record.level.as_str().as_bytes());
        out.extend_from_slice(b" logger=");
        push_token(record.logger, out);
        out.extend_from_slice(b" msg=");
    }

    #[inline]
    fn push_message(message: &str, out: &mut impl Put) {
        push_token(message, out);
    }

    fn push_trace(context: &ContextData, out: &mut Vec<u8>) {
        push_trace(context, out);
        if context.trace_id.is_some() {
            out.extend_from_slice(b" trace_flags=");
            out.extend_from_slice(&hex_byte(context.trace_flags));
        }
    }

    fn push_middle(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        push_recovered(record, out);
        out.extend_from_slice(&self.service);
        push_known(b" slog.tag=", record.tag, out);
        if self.site {
            push_site(record, out);
        }
    }

    fn push_key(written: &WrittenKey<'_>, out: &mut Vec<u8>) {
        push_pair_key(written, out);
    }

    fn push_value(value: Value<'_>, out: &mut Vec<u8>) {
        push_value(value, out);
    }

    #[inline]
    fn push_text(text: &[u8], out: &mut impl Put) -> Option<()> {
        push_utf8(text, out)
    }
}

/// Appends whether the record was found in a dead process's memory.
pub(crate) fn push_recovered(record: &Record<'_>, out: &mut Vec<u8>) {
    if record.recovered {
        out.extend_from_slice(b" recovered=true");
    }
}

/// Appends the ids of trace, span and parent span, as far as there are any.
pub(crate) fn push_trace(context: &ContextData, out: &mut Vec<u8>) {
    if let Some(id) = context.trace_id {
        out.extend_from_slice(b" trace_id=");
        out.extend_from_slice(&id.hex());
    }
    if let Some(id) = context.span_id {
        out.extend_from_slice(b" span_id=");
        out.extend_from_slice(&id.hex());
    }
    if let Some(id) = context.parent_span_id {
        out.extend_from_slice(b" parent_span_id=");
        out.extend_from_slice(&id.hex());
    }
}

/// Appends what is known of the call site.
pub(crate) fn push_site(record: &Record<'_>, out: &mut Vec<u8>) {
    let site = record.site;
    push_known(b" code.file.path=", site.file, out);
    if site.line != 0 {
        out.extend_from_slice(b" code.line.number=");
        push_int(site.line, out);
    }
    push_known(b" code.function.name=", site.function, out);
    push_known(b" code.module.name=", site.module, out);
}

/// Appends `key` and `text`, unless that is empty.
pub(crate) fn push_known(key: &[u8], text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        out.extend_from_slice(key);
        push_token(text, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{Fields, Level, Site, SpanId, Timestamp, TraceId};

    #[test]
    fn the_envelope_comes_first_and_can_not_be_forged() {
        let check = |mut encoder: LogfmtEncoder, record: &Record<'_>, expect: &str| {
            let mut out = Vec::new();
            encoder.encode(record, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", "a\nlevel=ERROR");
        let head = r#"ts=1970-01-01T00:00:00.000000Z level=INFO logger=shop msg="a\nlevel=ERROR""#;
        check(LogfmtEncoder::new(), &record, head);

        let mut context = ContextData::default();
        context.trace_id = TraceId::new(1);
        context.span_id = SpanId::new(2);
        context.parent_span_id = SpanId::new(3);
        context.entries.push("user_id", "u 1");
        let fields = Fields::from_iter([("user_id", "x level=INFO"), ("msg", ""), ("a b", "7")]);
        record.context = &context;
        record.fields = fields.as_ref();
        record.sequence = 9;
        record.site = Site::new("src/a.rs", 3, "m");
        record.tag = "t";
        let trace = "trace_id=00000000000000000000000000000001 span_id=0000000000000002 parent_span_id=0000000000000003 trace_flags=00";
        let user = r#"user_id="u 1" user_id#2="x level=INFO" fields.msg="" a\u0020b="7""#;
        let site = "code.file.path=src/a.rs code.line.number=3 code.module.name=m";
        let all = format!("{head} {trace} seq=9 slog.tag=t {site} {user}");
        check(LogfmtEncoder::builder().site(true).build().unwrap(), &record, &all);
        let less = format!("{head} {trace} slog.tag=t {user}");
        check(LogfmtEncoder::builder().sequence(false).build().unwrap(), &record, &less);
    }
}
