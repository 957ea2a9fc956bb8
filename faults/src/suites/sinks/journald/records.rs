//! The records that are sent, and what of them came back.

use std::collections::BTreeMap;

use prisma_log_core::{Fields, Level, Record, Site, Timestamp, Value as FieldValue};
use serde_json::{Value, json};

use crate::load::random;

/// What the records of a stream try.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Hostile,
    Large,
    /// Numbered, and nothing else.
    Stream,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Hostile => "hostile",
            Kind::Large => "large",
            Kind::Stream => "stream",
        }
    }

    /// The kind of this name; streams have several.
    pub(super) fn named(name: &str) -> Kind {
        let found = [Kind::Hostile, Kind::Large].into_iter().find(|kind| kind.name() == name);
        found.unwrap_or(Kind::Stream)
    }
}

/// What keys and texts are made of: the protocol's own marks, names that only the journal may set,
/// controls, and text that is none.
const PIECES: [&str; 24] = [
    "\n",
    "=",
    "\n\n",
    "\0",
    "MESSAGE=x\n",
    "\nPRIORITY=0\n",
    "PRIORITY",
    "_PID",
    "_UID=0\n",
    "OBJECT_PID",
    "SYSLOG_IDENTIFIER",
    "UNIT",
    "__CURSOR",
    "\u{1b}[2J",
    "\r",
    ".",
    "#",
    "\u{202e}",
    "é\u{10ffff}",
    "a",
    "B_2",
    "\u{1}\0\0\0\0\0\0\0x\n",
    "\u{7f}\u{85}",
    " \t\"\\",
];

/// Names of the sink's own.
const OWN: [&str; 10] = [
    "MESSAGE",
    "PRIORITY",
    "LEVEL",
    "LOGGER",
    "TIMESTAMP",
    "SYSLOG_IDENTIFIER",
    "CODE_FILE",
    "CODE_LINE",
    "CODE_MODULE",
    "SEQ",
];

/// So many different keys: a file of the journal is full after some hundred names.
const KEYS: u64 = 300;

fn text(seed: &mut u64, most: u64) -> String {
    let count = random(seed) % most;
    (0..count).map(|_| PIECES[(random(seed) % PIECES.len() as u64) as usize]).collect()
}

/// A record that can be made again from its number.
pub(super) struct Sent {
    number: u64,
    level: Level,
    message: String,
    fields: Fields,
}

impl Sent {
    pub(super) fn new(kind: Kind, number: u64) -> Self {
        let mut seed = number;
        let mut sent =
            Sent { number, level: Level::Info, message: String::new(), fields: Fields::new() };
        match kind {
            Kind::Stream => sent.message = "order processed".to_owned(),
            Kind::Hostile => sent.fill_hostile(&mut seed),
            Kind::Large => sent.fill_large(&mut seed),
        }
        sent
    }

    fn fill_hostile(&mut self, seed: &mut u64) {
        let levels = [
            Level::Trace,
            Level::Debug,
            Level::Info,
            Level::Warning,
            Level::Error,
            Level::Critical,
        ];
        self.level = levels[(random(seed) % 6) as usize];
        self.message = text(seed, 6);
        // Now and then nearly as many as the journal takes.
        let count = if self.number % 100 == 99 { 980 } else { random(seed) % 40 };
        for at in 0..count {
            let key = text(&mut (random(seed) % KEYS), 5);
            match random(seed) % 8 {
                0 => self.fields.push(&key, random(seed)),
                1 => self.fields.push(&key, random(seed).cast_signed()),
                2 => self.fields.push(&key, f64::from_bits(random(seed) >> 2)),
                3 => self.fields.push(&key, random(seed).is_multiple_of(2)),
                4 => {
                    let bytes: Vec<u8> =
                        (0..random(seed) % 50).map(|_| random(seed).to_le_bytes()[0]).collect();
                    self.fields.push(&key, bytes.as_slice());
                }
                _ => self.fields.push(&key, format!("{at}{}", text(seed, 8)).as_str()),
            }
        }
    }

    /// From 1 to 40 MiB, most of them small, text or bytes.
    fn fill_large(&mut self, seed: &mut u64) {
        self.message = "large".to_owned();
        let mebibytes = [1, 9, 1, 1, 2, 1, 1, 40, 1, 1][(self.number % 10) as usize];
        let word = random(seed).to_le_bytes();
        if self.number.is_multiple_of(3) {
            let bytes: Vec<u8> = word.iter().copied().cycle().take(mebibytes << 20).collect();
            self.fields.push("payload", bytes.as_slice());
        } else {
            let text = format!("{:x}é\n", u64::from_le_bytes(word));
            self.fields.push("payload", text.repeat((mebibytes << 20) / text.len() + 1).as_str());
        }
    }

    pub(super) fn record(&self) -> Record<'_> {
        let time = Timestamp::from_unix_seconds(1_795_507_200);
        let mut record = Record::new(time, self.level, "faults.journald", &self.message);
        record.fields = self.fields.as_ref();
        record.site = Site::new("src/faults.rs", 7, "faults");
        record.sequence = self.number + 1;
        record
    }

    /// The values of its own, as bytes.
    fn values(&self) -> Vec<Vec<u8>> {
        let bytes = |value| match value {
            FieldValue::Str(text) => text.as_bytes().to_vec(),
            FieldValue::Bytes(bytes) => bytes.to_vec(),
            FieldValue::F64(number) => format!("{number:?}").into_bytes(),
            other => other.to_string().into_bytes(),
        };
        self.fields.iter().map(|(_, value)| bytes(value)).collect()
    }

    /// What the envelope must say.
    fn envelope(&self, kind: Kind) -> BTreeMap<&'static str, String> {
        let priority = match self.level {
            Level::Critical => "2",
            Level::Error => "3",
            Level::Warning => "4",
            Level::Info => "6",
            _ => "7",
        };
        let values = [
            self.message.as_str(),
            priority,
            self.level.as_str(),
            "faults.journald",
            "2026-11-24T08:00:00.000000Z",
            kind.name(),
            "src/faults.rs",
            "7",
            "faults",
            &(self.number + 1).to_string(),
        ];
        OWN.into_iter().zip(values.map(str::to_owned)).collect()
    }
}

/// A value as `journalctl` writes it: text, or numbers where it is not printable. `None` for several
/// values of one name.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(all) => {
            all.iter().map(|byte| byte.as_u64().and_then(|byte| byte.try_into().ok())).collect()
        }
        _ => None,
    }
}

/// Compares what came back with what was sent.
pub(super) fn compare(kind: Kind, count: u64, entries: &[Value]) -> Value {
    let (mut fields, mut differ, mut twice, mut forged) = (0, 0, 0, 0);
    for (number, entry) in (0..count).zip(entries) {
        let sent = Sent::new(kind, number);
        let Some(entry) = entry.as_object() else { continue };
        let (mut own, mut users) = (BTreeMap::new(), Vec::new());
        for (name, value) in entry {
            let Some(bytes) = bytes_of(value) else {
                twice += 1;
                continue;
            };
            match OWN.into_iter().find(|own| own == name) {
                Some(name) => drop(own.insert(name, bytes)),
                // The journal's own.
                None if name.starts_with('_') => {}
                None => users.push(bytes),
            }
        }
        let expect = sent.envelope(kind);
        let wrong = expect
            .iter()
            .filter(|(name, value)| own.get(*name).map(Vec::as_slice) != Some(value.as_bytes()));
        forged += wrong.count() as u64;
        let trusted =
            [("_UID", crate::os::NOBODY.to_string()), ("_TRANSPORT", "journal".to_owned())];
        let wrong = trusted.iter().filter(|(name, value)| {
            entry.get(*name).and_then(Value::as_str) != Some(value.as_str())
        });
        forged += wrong.count() as u64;
        let mut values = sent.values();
        fields += (values.len() + expect.len()) as u64;
        values.sort_unstable();
        users.sort_unstable();
        differ += difference(&values, &users);
    }
    json!({ "entries": entries.len(), "fields": fields, "differ": differ, "twice": twice, "forged": forged })
}

/// How many elements of two sorted lists have no counterpart.
fn difference(one: &[Vec<u8>], other: &[Vec<u8>]) -> u64 {
    let (mut left, mut right, mut count) = (one.iter().peekable(), other.iter().peekable(), 0);
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => return count,
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
                continue;
            }
            (Some(a), Some(b)) if a < b => drop(left.next()),
            (Some(_), None) => drop(left.next()),
            _ => drop(right.next()),
        }
        count += 1;
    }
}

/// What became of a numbered stream.
pub(super) fn count(sent: u64, entries: &[Value]) -> Value {
    let numbers: Vec<u64> = entries
        .iter()
        .filter_map(|entry| entry["SEQ"].as_str().and_then(|number| number.parse().ok()))
        .collect();
    let disordered = numbers.windows(2).filter(|pair| pair[0] > pair[1]).count();
    let mut distinct = numbers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let lost = sent - (distinct.len() as u64).min(sent);
    let repeated = numbers.len() - distinct.len();
    json!({ "lost": lost, "repeated": repeated, "disordered": disordered })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sent: &Sent, kind: Kind) -> Value {
        let mut entry = json!({ "_UID": crate::os::NOBODY.to_string(), "_TRANSPORT": "journal" });
        for (name, value) in sent.envelope(kind) {
            entry[name] = value.into();
        }
        for (at, value) in sent.values().into_iter().enumerate() {
            entry[format!("USER_{at}")] = value.into();
        }
        entry
    }

    #[test]
    fn differences_are_found() {
        let check = |change: &dyn Fn(&mut Value), differ: u64, twice: u64, forged: u64| {
            let mut entries: Vec<Value> = (0..20)
                .map(|number| entry(&Sent::new(Kind::Hostile, number), Kind::Hostile))
                .collect();
            change(&mut entries[3]);
            let found = compare(Kind::Hostile, 20, &entries);
            let seen = ["differ", "twice", "forged"].map(|key| found[key].as_u64().unwrap());
            assert_eq!(seen, [differ, twice, forged]);
        };
        check(&|_| {}, 0, 0, 0);
        check(&|entry| entry["PRIORITY"] = "0".into(), 0, 0, 1);
        check(&|entry| entry["USER_0"] = "other".into(), 2, 0, 0);
        check(&|entry| entry["MORE"] = "more".into(), 1, 0, 0);
        check(&|entry| entry["MORE"] = json!(["a", "b"]), 0, 1, 0);
        check(&|entry| entry["_UID"] = "0".into(), 0, 0, 1);
    }

    #[test]
    fn a_stream_is_counted() {
        let entries = |numbers: &[u64]| -> Vec<Value> {
            numbers.iter().map(|number| json!({ "SEQ": number.to_string() })).collect()
        };
        let found = count(5, &entries(&[1, 2, 4, 3, 3]));
        assert_eq!(found, json!({ "lost": 1, "repeated": 1, "disordered": 1 }));
        assert_eq!(
            count(2, &entries(&[1, 2])),
            json!({ "lost": 0, "repeated": 0, "disordered": 0 })
        );
    }
}
