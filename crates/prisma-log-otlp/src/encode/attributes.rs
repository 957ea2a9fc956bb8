//! Context entries and fields as attributes, each under a name of its own.

use std::fmt::Write as _;

use prisma_log_core::{FieldsRef, Record, SpanRecord, Value};

use super::any_value::write_value;
use super::nested::{KEY, VALUE};
use crate::form::{Form, Key};

/// The attributes that are ours; a field of such a name goes by `fields.NAME`.
const RESERVED: [&str; 10] = [
    CODE_FILE,
    CODE_LINE,
    CODE_COLUMN,
    CODE_FUNCTION,
    CODE_MODULE,
    SEQUENCE,
    RECOVERED,
    TRUNCATED,
    TAG,
    PARENT,
];
const CODE_FILE: &str = "code.file.path";
const CODE_LINE: &str = "code.line.number";
const CODE_COLUMN: &str = "code.column.number";
const CODE_FUNCTION: &str = "code.function.name";
const CODE_MODULE: &str = "code.module.name";
const SEQUENCE: &str = "prisma_log.sequence";
const RECOVERED: &str = "prisma_log.recovered";
const TRUNCATED: &str = "prisma_log.truncated";
const TAG: &str = "slog.tag";
const PARENT: &str = "parent_span_id";

/// How much of a record's fields is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most attributes from fields and context.
    pub(crate) count: usize,
    /// Most characters of a text.
    pub(crate) longest: Option<usize>,
}

/// The context's entries and the fields of a record, in order, that become attributes.
#[derive(Clone, Copy)]
pub(crate) struct Entries<'r> {
    context: FieldsRef<'r>,
    fields: FieldsRef<'r>,
    /// The fields at the beginning that are no attributes are those of a span itself.
    is_span: bool,
    /// The field that is told elsewhere, by its index.
    without: Option<usize>,
}

impl<'r> Entries<'r> {
    pub(crate) fn of(record: &Record<'r>) -> Self {
        let context = record.context.entries.as_ref();
        Entries { context, fields: record.fields, is_span: false, without: None }
    }

    pub(crate) fn of_span(record: &Record<'r>) -> Self {
        Entries { is_span: true, ..Entries::of(record) }
    }

    pub(super) fn without(self, without: Option<usize>) -> Self {
        Entries { without, ..self }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = (&'r str, Value<'r>)> + Clone {
        let mut own = self.is_span;
        let without = self.without;
        let fields = self.fields.iter().enumerate().filter(move |&(index, (key, _))| {
            let is_own = own && SpanRecord::is_own_field(key);
            own &= is_own && key != SpanRecord::DURATION;
            !is_own && Some(index) != without
        });
        self.context.iter().chain(fields.map(|(_, field)| field))
    }

    /// Calls `each` with every entry up to a number, under the name that it is sent by; how many
    /// there are beyond.
    ///
    /// The rule of docs/decisions/0003: the n-th of a key is `KEY#n`, one of ours is `fields.KEY`.
    pub(crate) fn named(self, count: usize, mut each: impl FnMut(&str, Value<'r>)) -> u64 {
        let mut name = String::new();
        let mut seen = [0_u64; 4];
        for (index, (key, value)) in self.iter().take(count).enumerate() {
            let mark = mark(key);
            let slot = &mut seen[usize::from(mark >> 6)];
            let bit = 1 << (mark & 63);
            let before = if *slot & bit == 0 {
                0
            } else {
                self.iter().take(index).filter(|(other, _)| *other == key).count()
            };
            *slot |= bit;
            let is_reserved = key.starts_with("fields.") || RESERVED.contains(&key);
            if before == 0 && !is_reserved && !key.is_empty() && !has_suffix(key) {
                each(key, value);
                continue;
            }
            name.clear();
            if is_reserved {
                name.push_str("fields.");
            }
            name.push_str(key);
            if before > 0 || key.is_empty() || has_suffix(key) {
                // A `String` takes everything.
                let _infallible = write!(name, "#{}", before + 1);
            }
            each(&name, value);
        }
        self.iter().skip(count).count() as u64
    }
}

/// A number that equal keys share and different ones mostly do not.
fn mark(key: &str) -> u8 {
    let bytes = key.as_bytes();
    let at = |index: usize| bytes.get(index).copied().map_or(0, u64::from);
    let ends = at(0) ^ at(bytes.len() / 2) << 16 ^ at(bytes.len().wrapping_sub(1)) << 32;
    ((ends ^ (bytes.len() as u64) << 48).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

/// Whether a key ends in `#` and digits.
fn has_suffix(key: &str) -> bool {
    let rest = key.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() < key.len() && rest.ends_with('#')
}

/// Writes one `KeyValue`.
pub(crate) fn write_attribute<F: Form>(
    form: &mut F,
    list: Key,
    name: &str,
    value: Value<'_>,
    longest: Option<usize>,
) {
    form.item(list, |form| {
        form.text(KEY, name);
        form.message(VALUE, |form| write_value(form, value, longest));
    });
}

/// Writes what is known of a record besides its fields.
pub(super) fn write_own<F: Form>(form: &mut F, list: Key, record: &Record<'_>, site: bool) {
    let mut write = |name, value| write_attribute(form, list, name, value, None);
    if site {
        let at = &record.site;
        for (name, text) in
            [(CODE_FILE, at.file), (CODE_FUNCTION, at.function), (CODE_MODULE, at.module)]
        {
            if !text.is_empty() {
                write(name, Value::Str(text));
            }
        }
        for (name, number) in [(CODE_LINE, at.line), (CODE_COLUMN, at.column)] {
            if number > 0 {
                write(name, Value::U64(number.into()));
            }
        }
    }
    if record.sequence > 0 {
        write(SEQUENCE, Value::U64(record.sequence));
    }
    if record.recovered {
        write(RECOVERED, Value::Bool(true));
    }
    if record.truncated > 0 {
        write(TRUNCATED, Value::U64(record.truncated));
    }
}

/// Writes what only a log record has no field for.
pub(super) fn write_own_of_log<F: Form>(form: &mut F, list: Key, record: &Record<'_>) {
    if record.tag.is_empty() {
        return;
    }
    write_attribute(form, list, TAG, Value::Str(record.tag), None);
    if record.tag == SpanRecord::TAG
        && let Some(parent) = record.context.parent_span_id
    {
        let hex = parent.hex();
        let hex = str::from_utf8(&hex).unwrap_or_default();
        write_attribute(form, list, PARENT, Value::Str(hex), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{ContextData, Fields, Level, Timestamp};

    fn names(context: &[&str], fields: &[&str], count: usize) -> (Vec<String>, u64) {
        let list = |keys: &[&str]| Fields::from_iter(keys.iter().map(|&key| (key, 1_u64)));
        let mut data = ContextData::default();
        data.entries = list(context);
        let fields = list(fields);
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", "");
        record.context = &data;
        record.fields = fields.as_ref();
        let mut names = Vec::new();
        let left = Entries::of(&record).named(count, |name, _| names.push(name.to_owned()));
        (names, left)
    }

    #[test]
    fn names_are_unlike_and_read_back() {
        let check = |context: &[&str], fields: &[&str], expect: &[&str]| {
            let (names, left) = names(context, fields, 128);
            assert_eq!(
                (&names[..], left),
                (&expect.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()[..], 0)
            );
            for (name, key) in names.iter().zip(context.iter().chain(fields)) {
                assert_eq!(prisma_log_format::decode_key(name).0, *key);
            }
        };
        check(
            &["user_id"],
            &["a", "user_id", "a", "a"],
            &["user_id", "a", "user_id#2", "a#2", "a#3"],
        );
        check(&[], &["", "x#1", "x#"], &["#1", "x#1#1", "x#"]);
        check(&[], &["slog.tag", "fields.a"], &["fields.slog.tag", "fields.fields.a"]);
        check(
            &[],
            &["prisma_log.sequence", "code.line.number", "code.line.number"],
            &["fields.prisma_log.sequence", "fields.code.line.number", "fields.code.line.number#2"],
        );
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let (names, left) = names(&["a"], &["b", "c", "d"], 2);
        assert_eq!((names, left), (vec!["a".to_owned(), "b".to_owned()], 2));
    }
}
