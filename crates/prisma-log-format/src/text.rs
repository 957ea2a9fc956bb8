//! Plain text for people.

use prisma_log_core::{ContextData, Encoder, Error, Level, Record, Value};

use crate::copy::{Put, push_short};
use crate::escape::{has_dangerous, none_is};
use crate::form::{Form, FormExt as _, Lines};
use crate::json::push_quoted;
use crate::keys::{KeyRule, Keys, WrittenKey};
use crate::logfmt::{push_known, push_recovered, push_site, push_trace};
use crate::number::push_int;
use crate::pairs::{push_key, push_pair_key, push_token, push_utf8, push_value};

/// Encodes a record as a line of plain text for people, without colour.
///
/// # Format
///
/// `2026-11-24T08:00:00.000000Z INFO  shop.orders: order processed order=42 amount=99.9`
///
/// The level is padded to five characters. After the message come, each when there is one,
/// `trace_id`, `span_id`, `parent_span_id`, `truncated` (how many bytes were cut off because the
/// record was larger than allowed), `recovered` (`true`, when the process that made the record
/// died before it was written), `slog.tag`, with [`TextEncoderBuilder::site`] the call site, then context entries and fields as `key=value`, quoted and escaped as
/// [`LogfmtEncoder`](crate::LogfmtEncoder) does. These keys are reserved; what happens to user
/// keys that collide or repeat is told [at the crate's root](crate#keys).
///
/// The message stands as it is, unless it could be misread: if it holds `=` or a character that
/// [must be escaped](crate::must_escape), or starts with `"`, it is quoted, with the escapes of a
/// JSON string. The logger's name is quoted if it is empty or holds a space, `=`, `"` or what must
/// be escaped. So whatever a record holds, where its parts begin and end can be told.
#[derive(Clone, Debug)]
pub struct TextEncoder(Lines<Text>);

/// The form, with its options.
#[derive(Clone, Debug)]
struct Text {
    site: bool,
}

static KEYS: KeyRule = KeyRule::new(TextEncoder::RESERVED_KEYS);

/// What a piece of an encoded text line is, for who wants to colour it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextPart {
    /// The time.
    Timestamp,
    /// The level's name.
    Level,
    /// The logger's name.
    Logger,
    /// The message.
    Message,
    /// The key of a context entry or field.
    Key,
    /// The value of a context entry or field.
    Value,
    /// The ids of trace and span, the tag and the call site, each with a space before it.
    Envelope,
    /// Spaces, `:` and `=` between the others.
    Separator,
}

impl TextEncoder {
    /// The keys that the encoder itself writes, in the order in which it does.
    pub const RESERVED_KEYS: &'static [&'static str] = &[
        "trace_id",
        "span_id",
        "parent_span_id",
        "truncated",
        "recovered",
        "slog.tag",
        "code.file.path",
        "code.line.number",
        "code.function.name",
        "code.module.name",
    ];

    /// An encoder with the default options: no call sites.
    pub fn new() -> Self {
        TextEncoderBuilder { site: false }.encoder()
    }

    /// An encoder with other options.
    pub fn builder() -> TextEncoderBuilder {
        TextEncoderBuilder { site: false }
    }

    /// Encodes as [`Encoder::encode`] does and calls `part` before each piece is appended.
    ///
    /// `part` may append to the buffer, or write what is in it elsewhere and clear it: the encoder
    /// never looks back. All bytes of the line belong to exactly one part.
    ///
    /// # Examples
    ///
    /// ```
    /// use prisma_log_core::{Level, Record, Timestamp};
    /// use prisma_log_format::{TextEncoder, TextPart};
    ///
    /// let record = Record::new(Timestamp::UNIX_EPOCH, Level::Error, "shop", "no stock");
    /// let mut line = Vec::new();
    /// TextEncoder::new().encode_parts(&record, &mut line, |part, line| {
    ///     line.extend_from_slice(if part == TextPart::Level { b"\x1b[31m" } else { b"\x1b[0m" });
    /// });
    /// assert!(String::from_utf8(line).unwrap().contains("\x1b[31mERROR\x1b[0m"));
    /// ```
    pub fn encode_parts(
        &self,
        record: &Record<'_>,
        out: &mut Vec<u8>,
        mut part: impl FnMut(TextPart, &mut Vec<u8>),
    ) {
        part(TextPart::Timestamp, out);
        out.extend_from_slice(&record.timestamp.rfc3339());
        part(TextPart::Separator, out);
        out.push(b' ');
        part(TextPart::Level, out);
        out.extend_from_slice(record.level.as_str().as_bytes());
        part(TextPart::Separator, out);
        push_padding(record.level, out);
        part(TextPart::Logger, out);
        push_token(record.logger, out);
        part(TextPart::Separator, out);
        out.extend_from_slice(b": ");
        part(TextPart::Message, out);
        push_message(record.message, out);
        part(TextPart::Envelope, out);
        push_trace(record.context, out);
        if record.truncated != 0 {
            out.extend_from_slice(Text::TRUNCATED);
            push_int(record.truncated, out);
        }
        self.0.form.push_middle(record, out);
        for entry in Keys::new(&KEYS, record) {
            part(TextPart::Separator, out);
            out.push(b' ');
            part(TextPart::Key, out);
            push_key(&entry.written, out);
            part(TextPart::Separator, out);
            out.push(b'=');
            part(TextPart::Value, out);
            Text::push_payload(entry.value, out);
        }
    }
}

impl Default for TextEncoder {
    fn default() -> Self {
        TextEncoder::new()
    }
}

/// Options of a [`TextEncoder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TextEncoderBuilder {
    site: bool,
}

impl TextEncoderBuilder {
    /// Whether to write where in the source the record comes from; off by default.
    pub fn site(mut self, on: bool) -> Self {
        self.site = on;
        self
    }

    /// The encoder.
    ///
    /// # Errors
    /// None of these options can be wrong.
    pub fn build(self) -> Result<TextEncoder, Error> {
        Ok(self.encoder())
    }

    fn encoder(self) -> TextEncoder {
        TextEncoder(Lines::new(Text { site: self.site }))
    }
}

impl Encoder for TextEncoder {
    #[inline]
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        self.0.encode(record, out);
    }
}

impl Form for Text {
    const START: &'static [u8] = b"";
    const END: &'static [u8] = b"";
    const SEQUENCE: &'static [u8] = b"";
    const TRUNCATED: &'static [u8] = b" truncated=";

    fn keys() -> &'static KeyRule {
        &KEYS
    }

    fn has_sequence(&self) -> bool {
        false
    }

    fn push_head(record: &Record<'_>, out: &mut Vec<u8>) {
        out.push(b' ');
        out.extend_from_slice(record.level.as_str().as_bytes());
        push_padding(record.level, out);
        push_token(record.logger, out);
        out.extend_from_slice(b": ");
    }

    #[inline]
    fn push_message(message: &str, out: &mut impl Put) {
        push_message(message, out);
    }

    fn push_trace(context: &ContextData, out: &mut Vec<u8>) {
        push_trace(context, out);
    }

    fn push_middle(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        push_recovered(record, out);
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

/// Appends the spaces that make up for a short level, and one more.
fn push_padding(level: Level, out: &mut Vec<u8>) {
    out.extend_from_slice(&b"      "[level.as_str().len().min(5)..]);
}

#[inline]
fn push_message(message: &str, out: &mut impl Put) {
    let bytes = message.as_bytes();
    // What is not ASCII is negative.
    let special = |byte: u8| (byte.cast_signed() < 0x20) | (byte == b'=') | (byte == 0x7F);
    if bytes.first() != Some(&b'"') && none_is(bytes, special) {
        push_short(bytes, out);
    } else {
        out.put_with(|out| push_odd_message(message, out));
    }
}

fn push_odd_message(message: &str, out: &mut Vec<u8>) {
    if message.contains('=') || message.starts_with('"') || has_dangerous(message) {
        push_quoted(message, out);
    } else {
        out.extend_from_slice(message.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{Fields, Site, SpanId, Timestamp, TraceId};

    #[test]
    fn a_line_reads_well_and_can_not_be_misread() {
        let check = |level, logger: &str, message: &str, expect: &str| {
            let fields = Fields::from_iter([("order", 42_u64)]);
            let mut record = Record::new(Timestamp::UNIX_EPOCH, level, logger, message);
            record.fields = fields.as_ref();
            let mut out = Vec::new();
            TextEncoder::new().encode(&record, &mut out);
            let expect = format!("1970-01-01T00:00:00.000000Z {expect} order=42");
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(Level::Info, "shop", "order processed", "INFO  shop: order processed");
        check(Level::Debug, "a::b", r"in C:\x", r"DEBUG a::b: in C:\x");
        check(Level::Warning, "shop", "say \"x\"", "WARNING shop: say \"x\"");
        check(Level::Critical, "shop", "\"x\"", r#"CRITICAL shop: "\"x\"""#);
        check(Level::Info, "shop", "done order=7", r#"INFO  shop: "done order=7""#);
        check(Level::Info, "shop", "a\n2026 ERROR b", r#"INFO  shop: "a\n2026 ERROR b""#);
        check(Level::Info, "shop", "\u{1b}[2J", r#"INFO  shop: "\u001b[2J""#);
        check(Level::Info, "", "shop: x", r#"INFO  "": shop: x"#);
        check(Level::Info, "a: b", "x", r#"INFO  "a: b": x"#);
        check(Level::Info, "shop", "", "INFO  shop: ");
    }

    #[test]
    fn context_and_site_are_written_and_every_byte_has_a_part() {
        let mut context = ContextData::default();
        context.trace_id = TraceId::new(1);
        context.span_id = SpanId::new(2);
        context.entries.push("user_id", "u1");
        let fields = Fields::from_iter([("user_id", "x y"), ("trace_id", "t")]);
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", "hi");
        record.context = &context;
        record.fields = fields.as_ref();
        record.site = Site::new("src/a.rs", 3, "");
        let mut encoder = TextEncoder::builder().site(true).build().unwrap();
        let mut whole = Vec::new();
        encoder.encode(&record, &mut whole);
        let expect = "1970-01-01T00:00:00.000000Z INFO  shop: hi \
            trace_id=00000000000000000000000000000001 span_id=0000000000000002 \
            code.file.path=src/a.rs code.line.number=3 \
            user_id=u1 user_id#2=\"x y\" fields.trace_id=t";
        assert_eq!(String::from_utf8_lossy(&whole), expect);

        let (mut line, mut out, mut last) = (Vec::new(), Vec::new(), None);
        let mut values = Vec::new();
        let mut take = |part, out: &mut Vec<u8>| {
            if last.replace(part) == Some(TextPart::Value) {
                values.push(String::from_utf8_lossy(out).into_owned());
            }
            line.append(out);
        };
        encoder.encode_parts(&record, &mut out, &mut take);
        take(TextPart::Separator, &mut out);
        assert_eq!(line, whole);
        assert_eq!(values, ["u1", "\"x y\"", "t"]);
    }
}
