//! JSON objects as nobody should write them, with what stands in them.

use std::fmt::Write as _;

use fastrand::Rng;
use prisma_log_core::Value;

/// Keys that mean something, alone or together with others, and some that nearly do.
pub(crate) const KEYS: [&str; 60] = [
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "t",
    "date",
    "asctime",
    "@t",
    "timestamp_ms",
    "timeUnixNano",
    "created",
    "__REALTIME_TIMESTAMP",
    "level",
    "log.level",
    "severity",
    "lvl",
    "levelname",
    "severity_number",
    "severityNumber",
    "SeverityText",
    "PRIORITY",
    "s",
    "level.name",
    "fields.level",
    "syslog.severity",
    "message",
    "msg",
    "short_message",
    "body",
    "body.stringValue",
    "fields.message",
    "log",
    "text",
    "event",
    "logger",
    "log.logger",
    "logger_name",
    "target",
    "scope.name",
    "module",
    "name",
    "c",
    "trace_id",
    "trace.id",
    "traceId",
    "dd.trace_id",
    "span_id",
    "span.id",
    "spanId",
    "instant.epochSecond",
    "instant.nanoOfSecond",
    "hostname",
    "pid",
    "stream",
    "t.$date",
    "Timestamp",
    "LEVEL",
    "timestamps",
    "leve",
    "fields",
];

const TEXTS: [&str; 34] = [
    "",
    " ",
    "2026-11-24T08:00:00.123456Z",
    "2026-11-24T08:00:00Z",
    "2026-11-24 08:00:00,5",
    "2026-11-24T08:00:60.Z",
    "2026-02-30T08:00:00Z",
    "2026-11-24T08:00:00.1234567891Z",
    " 2026-11-24T08:00:00Z ",
    "Nov 24 08:00:00",
    "24/Nov/2026:08:00:00 +0100",
    "1795507200",
    "1795507200.5",
    "9999-11-24T08:00:00Z",
    "2026-11-24T24:00:00Z",
    "INFO",
    "error",
    "Warning",
    "E",
    "W2",
    "3",
    "30",
    "17",
    "x",
    "shop.orders",
    "two words",
    "[WARN] slow",
    "ERROR: no",
    "0af7651916cd43dd8448eb211c80319c",
    "0AF7651916CD43DD8448EB211C80319C",
    "b7ad6b7169203331",
    "00000000000000000000000000000000",
    "stdout",
    "level=info msg=inner a=1",
];

/// As they stand in the line, and what they mean.
const ESCAPES: [(&str, &str); 16] = [
    ("\\n", "\n"),
    ("\\t", "\t"),
    ("\\r", "\r"),
    ("\\b", "\u{8}"),
    ("\\f", "\u{c}"),
    ("\\\"", "\""),
    ("\\\\", "\\"),
    ("\\/", "/"),
    ("\\u0041", "A"),
    ("\\u00e9", "é"),
    ("\\ud83d\\ude00", "😀"),
    ("\\ud83dx", "\u{fffd}x"),
    ("\\ude00", "\u{fffd}"),
    ("\\ud83d\\n", "\u{fffd}\n"),
    ("\\u0000", "\0"),
    ("\t", "\t"),
];

const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "30",
    "1795507200",
    "1795507200123",
    "1795507200.25",
    "1795507200123456789",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "1e5",
    "1.5E-3",
    "-2.5e+3",
    "0.1",
    "1e400",
    "123456789012345678901234567890.5",
];

/// An object in the making: its text, and the flattened members with their values as `Debug` shows
/// them.
pub(crate) struct Hostile<'a> {
    pub(crate) text: String,
    pub(crate) members: Vec<(String, String)>,
    random: &'a mut Rng,
    /// Whether keys may have a role.
    roles: bool,
}

pub(crate) fn object(random: &mut Rng, roles: bool) -> Hostile<'_> {
    let mut made = Hostile { text: String::new(), members: Vec::new(), random, roles };
    made.object("", 0);
    made
}

impl Hostile<'_> {
    fn space(&mut self) {
        if self.random.u8(..) < 8 {
            for _ in 0..self.random.usize(1..4) {
                self.text.push(self.random.choice([' ', '\t', '\r', '\n']).unwrap_or(' '));
            }
        }
    }

    fn object(&mut self, path: &str, depth: usize) {
        let (start, before) = (self.text.len(), self.members.len());
        self.text.push('{');
        self.space();
        let count = self.random.usize(0..if depth == 0 { 14 } else { 5 });
        for index in 0..count {
            if index > 0 {
                self.text.push(',');
                self.space();
            }
            let key = self.key();
            let mut key = if depth == 0 { key } else { format!("{path}.{key}") };
            // As many bytes as a field's key may have.
            key.truncate(key.floor_char_boundary(65_535));
            self.space();
            self.text.push(':');
            self.space();
            self.value(key, depth);
            self.space();
        }
        self.text.push('}');
        // As the parser documents it.
        if depth > 0 && (count == 0 || path.len() > 128) {
            self.members.truncate(before);
            self.members.push((path.to_owned(), format!("{:?}", Value::Json(&self.text[start..]))));
        }
    }

    fn key(&mut self) -> String {
        if self.roles && self.random.u8(..) < 160 {
            // Sometimes a part of it, for what is nested.
            let key = self.random.choice(KEYS).unwrap_or_default();
            let key = match self.random.u8(..) {
                0..32 => key.split('.').next().unwrap_or_default(),
                32..64 => key.split('.').next_back().unwrap_or_default(),
                _ => key,
            };
            let _ = write!(self.text, "\"{key}\"");
            return key.to_owned();
        }
        // In front of what could be a role's otherwise.
        let start = if self.roles { "" } else { "x" };
        match self.random.u8(..) {
            0..16 => {
                let long = start.to_owned() + &"long key ".repeat(self.random.usize(1..12));
                let _ = write!(self.text, "\"{long}\"");
                long
            }
            16 if !self.roles => {
                let long = "é".repeat(40_000);
                let _ = write!(self.text, "\"x{long}\"");
                format!("x{long}")
            }
            17..60 => self.string(start),
            _ => {
                let key = format!("{start}{}", self.random.u8(..20));
                let _ = write!(self.text, "\"{key}\"");
                key
            }
        }
    }

    /// A string of pieces; gives what it means.
    fn string(&mut self, start: &str) -> String {
        let mut meant = start.to_owned();
        let _ = write!(self.text, "\"{start}");
        for _ in 0..self.random.usize(0..5) {
            if self.random.bool() {
                let (raw, means) = self.random.choice(ESCAPES).unwrap_or_default();
                self.text.push_str(raw);
                meant.push_str(means);
            } else {
                let piece = ["a", "é", "words ", "{\":", "x, y", "\u{10ffff}", "\u{7f}"];
                let piece = self.random.choice(piece).unwrap_or_default().replace('"', "'");
                let piece = piece.repeat(self.random.usize(1..20));
                self.text.push_str(&piece);
                meant.push_str(&piece);
            }
        }
        self.text.push('"');
        meant
    }

    fn value(&mut self, key: String, depth: usize) {
        let start = self.text.len();
        let shown = match self.random.u8(..) {
            0..100 => {
                let text = self.random.choice(TEXTS).unwrap_or_default();
                let _ = write!(self.text, "\"{text}\"");
                format!("{:?}", Value::Str(text))
            }
            100..130 => {
                let meant = self.string("");
                format!("{:?}", Value::Str(&meant))
            }
            130..180 => {
                let number = self.random.choice(NUMBERS).unwrap_or_default();
                self.text.push_str(number);
                shown_number(number)
            }
            180..200 => {
                let (text, value) = self.literal();
                self.text.push_str(text);
                format!("{value:?}")
            }
            200..235 if depth < 4 => return self.object(&key, depth + 1),
            _ => {
                self.array(depth);
                format!("{:?}", Value::Json(&self.text[start..]))
            }
        };
        self.members.push((key, shown));
    }

    fn literal(&mut self) -> (&'static str, Value<'static>) {
        let all =
            [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)];
        self.random.choice(all).unwrap_or(("null", Value::Null))
    }

    fn array(&mut self, depth: usize) {
        self.text.push('[');
        self.space();
        for index in 0..self.random.usize(0..4) {
            if index > 0 {
                self.text.push(',');
                self.space();
            }
            match self.random.u8(0..6) {
                0 => drop(self.string("")),
                1 => self.text.push_str(self.random.choice(NUMBERS).unwrap_or_default()),
                2 => self.text.push_str("{\"]\":[{}],\"a\" : {\"b\":null}}"),
                3 if depth < 6 => self.array(depth + 1),
                _ => self.text.push_str("true"),
            }
            self.space();
        }
        self.text.push(']');
    }
}

fn shown_number(text: &str) -> String {
    let float = |text: &str| format!("{:?}", Value::F64(text.parse().unwrap()));
    match text {
        "-0" => float("-0.0"),
        _ if text.contains(['.', 'e', 'E']) => float(text),
        _ => match (text.parse::<i128>(), text.parse::<u128>()) {
            (Ok(n), _) if i64::try_from(n).is_ok_and(|n| n < 0) => format!("I64({n})"),
            (Ok(n), _) if n < 0 => format!("I128({n})"),
            (_, Ok(n)) if u64::try_from(n).is_ok() => format!("U64({n})"),
            (_, Ok(n)) => format!("U128({n})"),
            _ => float(text),
        },
    }
}

/// Breaks a line in one of many ways, or leaves it as it is.
pub(crate) fn mutate(line: &mut Vec<u8>, random: &mut Rng) {
    const ODD: &[u8] = b"[]{}\"\\:,-+.eu0 \t\n\x00\x1f\xff\xc3";
    let at = random.usize(0..=line.len());
    match random.u8(0..12) {
        0 => line.truncate(at),
        1 => line.insert(at, random.choice(ODD.iter().copied()).unwrap_or(0)),
        2 if at < line.len() => line[at] = random.choice(ODD.iter().copied()).unwrap_or(0),
        3 if at < line.len() => drop(line.remove(at)),
        4 => line.extend_from_slice(b" x"),
        5 => line.extend_from_slice(b"{}"),
        6 => drop(line.splice(0..0, *b"\xef\xbb\xbf \t")),
        7 => line.extend_from_slice(b" \r\n\t"),
        8 => line.extend_from_slice(b"\x0c"),
        9 if at < line.len() => line[at] ^= 1 << random.u8(0..8),
        _ => {}
    }
}
