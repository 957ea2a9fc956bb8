//! Records that try to forge others, and what of them a server must have.

use prisma_log_core::{ContextData, Fields, Level, Record, SpanId, Timestamp, TraceId};
use serde_json::Value;

use crate::lines::Seen;

/// Pieces of values that would end a parameter, an element, a message or a line, if anything could.
const PIECES: [&str; 24] = [
    "\"",
    "]",
    "\\",
    "[",
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "<13>1 - - - - - -",
    "42 <",
    "=",
    " ",
    "%~1",
    "é",
    "日本",
    "🎉",
    "plain",
    "a=\"b\"",
    "#2",
];

/// Keys, some of them no names.
const KEYS: [&str; 12] = [
    "user_id",
    "http.route",
    "a b",
    "key\"]",
    "50%",
    "ключ",
    "",
    "a\n",
    "k#7",
    "http.request.header.content-security-policy",
    "user_id",
    "=",
];

/// One record, made from its number alone.
pub(super) struct Sent {
    number: u64,
    message: String,
    fields: Fields,
    context: ContextData,
}

/// A sequence of numbers that a seed decides.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn text(&mut self) -> String {
        (0..self.below(6)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

impl Sent {
    pub(super) fn new(number: u64) -> Self {
        let mut random = Random(number);
        let mut fields = Fields::new();
        fields.push("n", number);
        for _ in 0..4 {
            fields.push(KEYS[random.below(KEYS.len())], random.text().as_str());
        }
        fields.push("signed", -(number as i64));
        fields.push("float", number as f64 / 8.0);
        fields.push("raw", random.text().as_bytes());
        let mut context = ContextData::default();
        context.trace_id = TraceId::new(u128::from(number) + 1);
        context.span_id = SpanId::new(number + 1);
        context.entries.push("request_id", random.text().as_str());
        let message = format!("record {number} {}", random.text());
        Sent { number, message, fields, context }
    }

    pub(super) fn record(&self) -> Record<'_> {
        let time = Timestamp::from_unix_seconds(1_795_507_200);
        let mut record = Record::new(time, Level::Info, "faults", &self.message);
        record.fields = self.fields.as_ref();
        record.context = &self.context;
        record
    }

    /// The fields as text, as a reader must find them.
    fn expected(&self) -> Vec<(String, String)> {
        let all = self.context.entries.iter().chain(self.fields.iter());
        let mut all: Vec<(String, String)> = all
            .map(|(key, value)| {
                let text = match value {
                    prisma_log_core::Value::Bytes(bytes) => {
                        format!("b\"{}\"", bytes.escape_ascii())
                    }
                    // As `1.0`, not `1`.
                    prisma_log_core::Value::F64(number) => format!("{number:?}"),
                    other => other.to_string(),
                };
                (key.to_owned(), text)
            })
            .collect();
        // Servers give back fields in an order of their own.
        all.sort();
        all
    }
}

/// What a server says that it got.
pub(super) struct Got {
    pub(super) message: String,
    /// Names and values of the element with the fields, its own escapes undone.
    pub(super) params: Vec<(String, String)>,
    pub(super) trace_id: String,
}

/// What was found among a server's messages.
#[derive(Default)]
pub(super) struct Found {
    pub(super) seen: Seen,
    pub(super) messages: u64,
    pub(super) fields: u64,
    /// Messages whose fields, trace or text are not those that were sent.
    pub(super) differ: u64,
    /// What is no message of ours at all: a part of one, or a forged one.
    pub(super) corrupt: u64,
    /// One of these, for people.
    pub(super) sample: Option<String>,
}

impl Found {
    /// Compares one message with what was sent; `None` stands for what could not be read.
    pub(super) fn add(&mut self, line: &str, got: Option<&Got>) {
        self.messages += 1;
        let number = got.and_then(|got| {
            let (_, value) = got.params.iter().find(|(name, _)| name == "n")?;
            value.parse().ok()
        });
        let (Some(got), Some(number)) = (got, number) else {
            self.corrupt += 1;
            self.sample.get_or_insert_with(|| line.to_owned());
            return;
        };
        self.seen.add(number);
        let sent = Sent::new(number);
        let expected = sent.expected();
        self.fields += expected.len() as u64;
        let text = got.message.strip_prefix('\u{feff}').unwrap_or(&got.message);
        let fields = fields(&got.params);
        let same = fields.as_ref() == Some(&expected)
            && plain(text).as_deref() == Some(&*sent.message)
            && got.trace_id == format!("{:032x}", u128::from(sent.number) + 1);
        if !same {
            self.differ += 1;
            self.sample.get_or_insert_with(|| format!("{line}\n{fields:?}\n{expected:?}"));
        }
    }
}

/// Fields from parameters, as the sink's documentation has it, sorted; `None` if that is not possible.
fn fields(params: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for (name, value) in params {
        let key = match name.split_once("%~") {
            Some(("", _)) => continue,
            Some((_, number)) => {
                let whole = format!("%~{number}");
                plain(&params.iter().find(|(other, _)| *other == whole)?.1)?
            }
            None => key(name)?,
        };
        fields.push((key, plain(value)?));
    }
    fields.sort();
    Some(fields)
}

/// Text as it was before it was quoted.
fn plain(text: &str) -> Option<String> {
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { Some(text.to_owned()) }
}

/// A key as it was before it became a name.
fn key(name: &str) -> Option<String> {
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = rest.strip_suffix('#').filter(|_| rest.len() < name.len()).unwrap_or(name);
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = if *first == b'%' {
            let digits = str::from_utf8(tail.get(..2)?).ok()?;
            rest = &tail[2..];
            u8::from_str_radix(digits, 16).ok()?
        } else {
            *first
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

/// A text in a server's JSON.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
