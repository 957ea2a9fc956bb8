//! Random records, made to hurt.

use fastrand::Rng;
use prisma_log_core::{
    ContextData, Fields, Level, Record, Site, SpanId, Timestamp, TraceId, Value,
};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};
use serde_json::{Map, Value as Json};

/// A record with all that it borrows.
pub(crate) struct Owned {
    timestamp: Timestamp,
    level: Level,
    logger: String,
    pub(crate) message: String,
    pub(crate) fields: Fields,
    pub(crate) context: ContextData,
    line: u32,
    tag: String,
    sequence: u64,
    recovered: bool,
    truncated: u64,
}

impl Owned {
    pub(crate) fn new(random: &mut Rng) -> Self {
        let mut context = ContextData::default();
        if random.bool() {
            context.trace_id = TraceId::new(random.u128(..));
            context.span_id = SpanId::new(random.u64(..));
            context.parent_span_id = SpanId::new(random.u64(..)).filter(|_| random.bool());
            context.trace_flags = random.u8(..);
        }
        for _ in 0..random.usize(0..4) {
            let name = random.choice(["user_id", "session_id", "request_id", "tenant"]).unwrap();
            let name = if random.u8(..8) == 0 { key(random) } else { name.to_owned() };
            push_random(&mut context.entries, &name, random);
        }
        let mut fields = Fields::new();
        let count = if random.u8(..50) == 0 { random.usize(20..90) } else { random.usize(0..7) };
        for _ in 0..count {
            push_random(&mut fields, &key(random), random);
        }
        Owned {
            timestamp: Timestamp::from_unix_nanos(random.i64(..)),
            level: random.choice(Level::ALL).unwrap(),
            logger: if random.bool() { "shop.orders".to_owned() } else { text(random) },
            message: text(random),
            fields,
            context,
            line: random.choice([0, 1, 77, u32::MAX]).unwrap(),
            tag: if random.u8(..10) == 0 { text(random) } else { String::new() },
            sequence: random.choice([0, 1, 123_456, u64::MAX]).unwrap(),
            recovered: random.u8(..10) == 0,
            truncated: if random.u8(..10) == 0 { random.u64(..) } else { 0 },
        }
    }

    /// A record of the same shape: what a [`prisma_log_core::Shape`] stands for is the same, all
    /// else another.
    pub(crate) fn of_same_shape(&self, random: &mut Rng) -> Self {
        let mut other = Owned::new(random);
        let again = |fields: &Fields, random: &mut Rng| {
            let mut again = Fields::new();
            fields.iter().for_each(|(key, _)| push_random(&mut again, key, random));
            again
        };
        other.fields = again(&self.fields, random);
        other.context.entries = again(&self.context.entries, random);
        other.level = self.level;
        other.logger.clone_from(&self.logger);
        other.line = self.line;
        other.tag.clone_from(&self.tag);
        other.recovered = self.recovered;
        other
    }

    pub(crate) fn record(&self) -> Record<'_> {
        let mut record = Record::new(self.timestamp, self.level, &self.logger, &self.message);
        record.fields = self.fields.as_ref();
        record.context = &self.context;
        record.site = Site::new("src/a \"b\".rs", self.line, "shop::orders");
        record.tag = &self.tag;
        record.sequence = self.sequence;
        record.recovered = self.recovered;
        record.truncated = self.truncated;
        record
    }

    /// Context entries, then fields.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.context.entries.iter().chain(self.fields.iter())
    }
}

fn push_random(fields: &mut Fields, key: &str, random: &mut Rng) {
    match random.u8(..12) {
        0 => fields.push(key, Value::Null),
        1 => fields.push(key, random.bool()),
        2 => fields.push(key, random.choice([0, -1, i64::MIN, i64::MAX]).unwrap()),
        3 => fields.push(key, random.i64(..) >> random.u32(..64)),
        4 => fields.push(key, random.u64(..) >> random.u32(..64)),
        5 => fields.push(key, random.choice([i128::MIN, i128::MAX, 0, -1 << 64]).unwrap()),
        6 => fields.push(key, random.u128(..) >> random.u32(..128)),
        7 => fields.push(key, f64::from_bits(random.u64(..))),
        8 => {
            let some = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, 99.9, 1e300];
            fields.push(key, random.choice(some).unwrap());
        }
        9 => fields.push(key, text(random).as_str()),
        10 => fields.push(key, bytes(random).as_slice()),
        _ => {
            let depth = random.u8(1..4);
            let text = json(random, depth).to_string();
            fields.push(key, Value::Json(&text));
        }
    }
}

fn json(random: &mut Rng, depth: u8) -> Json {
    if depth == 0 {
        return match random.u8(..5) {
            0 => Json::Null,
            1 => random.bool().into(),
            2 => random.i64(..).into(),
            3 => Json::from(random.f64() * 1e9),
            _ => text(random).into(),
        };
    }
    let size = 0..random.usize(0..4);
    if random.bool() {
        size.map(|_| json(random, depth - 1)).collect()
    } else {
        Json::Object(size.map(|_| (text(random), json(random, depth - 1))).collect::<Map<_, _>>())
    }
}

/// A key: plain, reserved by some encoder, in the form that the encoders give to others, or odd.
pub(crate) fn key(random: &mut Rng) -> String {
    let reserved = || {
        let all = [
            JsonEncoder::RESERVED_KEYS,
            LogfmtEncoder::RESERVED_KEYS,
            TextEncoder::RESERVED_KEYS,
            EcsEncoder::RESERVED_LABELS,
        ];
        all.concat()
    };
    let base = match random.u8(..8) {
        0..3 => random.choice(["a", "b", "amount", "a.b", "a_b"]).unwrap().to_owned(),
        3 => random.choice(reserved()).unwrap().to_owned(),
        4 => random.choice(["user_id", "request_id", "error", "@timestamp"]).unwrap().to_owned(),
        5 => String::new(),
        6 => text(random),
        _ => format!("{}{}", random.alphabetic(), random.u8(..)),
    };
    match random.u8(..10) {
        0 => format!("fields.{base}"),
        1 => format!("{base}#{}", random.u8(..4)),
        2 => format!("fields.fields.{base}#1#02"),
        _ => base,
    }
}

/// Text from pieces of every class of characters that some reader treats in its own way.
pub(crate) fn text(random: &mut Rng) -> String {
    const PIECES: &[&str] = &[
        "order",
        " ",
        "processed",
        "=",
        "\"",
        "\\",
        "'",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\u{8}",
        "\u{c}",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{9b}2J",
        "\u{a0}",
        "\u{ad}",
        "é",
        "ß",
        "мир",
        "日本",
        "\u{2028}",
        "\u{2029}",
        "\u{202e}",
        "\u{2066}",
        "\u{2069}",
        "\u{200b}",
        "\u{200d}",
        "\u{200e}",
        "\u{61c}",
        "\u{feff}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{d7ff}",
        "\u{e000}",
        "🎉",
        "👩\u{200d}🚒",
        "\u{e0041}",
        "\u{10ffff}",
        "null",
        "true",
        "NaN",
        "1.5",
        "-7",
        "\",\"level\":\"CRITICAL",
        "}\n{\"level\":\"CRITICAL\"}",
        " level=CRITICAL",
        ": ",
        "\\u0041",
        "\\n",
        "[1]",
        "{\"a\":1}",
        "a plain stretch of text of some length ",
        "#1",
        "fields.",
    ];
    match random.u8(..6) {
        0 => PIECES[random.usize(..PIECES.len())].to_owned(),
        1 => (0..random.usize(..40)).map(|_| random.char(..)).collect(),
        _ => (0..random.usize(..9)).map(|_| PIECES[random.usize(..PIECES.len())]).collect(),
    }
}

/// Bytes: some random, some an encoded surrogate, an overlong form, or cut-off UTF-8.
fn bytes(random: &mut Rng) -> Vec<u8> {
    let odd: &[&[u8]] =
        &[b"", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xc0\x80", b"\xf0\x9f\x8e", b"ok", b"\n\\\""];
    match random.u8(..2) {
        0 => odd[random.usize(..odd.len())].to_vec(),
        _ => (0..random.usize(..30)).map(|_| random.u8(..)).collect(),
    }
}
