//! User keys: kept apart from the envelope, and from each other when they repeat.

use std::cell::{Cell, LazyCell};
use std::hash::{BuildHasher, Hasher, RandomState};

use prisma_log_core::wire::Payload;
use prisma_log_core::{FieldPlace, FieldsIter, FieldsRef, Record};

use crate::escape::is_utf8;

/// Up to this many entries, a key is compared with each one before it; above, a table is kept.
const SCAN_LIMIT: usize = 24;

/// Above this many slots the table's memory is given back after use.
const KEPT_SLOTS: usize = 8192;

/// What an encoder's keys look like.
pub(crate) struct KeyRule {
    /// Every envelope key that the encoder may write where user keys stand.
    reserved: &'static [&'static str],
    /// A bit for the [`mark`] of each reserved key.
    reserved_marks: [u64; 4],
    /// What is put before a user key that is reserved or starts with this already.
    prefix: &'static str,
    /// Whether `.`, `*` and `\` become `_`.
    dedot: bool,
}

impl KeyRule {
    pub(crate) const fn new(reserved: &'static [&'static str]) -> Self {
        KeyRule { reserved, reserved_marks: [0; 4], prefix: "fields.", dedot: false }.marked()
    }

    /// The rule with `.`, `*` and `\` replaced by `_` in every key, as ecs-logging wants labels.
    pub(crate) const fn dedotted(self) -> Self {
        KeyRule { prefix: "fields_", dedot: true, ..self }.marked()
    }

    const fn marked(mut self) -> Self {
        self.reserved_marks = [0; 4];
        let mut i = 0;
        while i < self.reserved.len() {
            let mark = mark(self.reserved[i].as_bytes(), self.dedot);
            self.reserved_marks[(mark >> 6) as usize] |= 1 << (mark & 63);
            i += 1;
        }
        self
    }

    #[inline]
    fn needs_prefix(&self, key: &[u8], mark: u8) -> bool {
        let may_be_reserved = self.reserved_marks[usize::from(mark >> 6)] >> (mark & 63) & 1 == 1;
        may_be_reserved && self.reserved.iter().any(|reserved| self.same(reserved.as_bytes(), key))
            || key.first() == Some(&b'f')
                && key
                    .get(..self.prefix.len())
                    .is_some_and(|start| self.same(start, self.prefix.as_bytes()))
    }

    /// Whether two keys would be written alike.
    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.dedot {
            a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| dedot(a) == dedot(b))
        } else {
            a == b
        }
    }

    fn hash(&self, key: &[u8], state: &RandomState) -> u64 {
        let mut hasher = state.build_hasher();
        if self.dedot {
            key.iter().for_each(|&byte| hasher.write_u8(dedot(byte)));
        } else {
            hasher.write(key);
        }
        hasher.finish()
    }
}

/// The byte that stands for `byte` in an ECS label key.
pub(crate) const fn dedot(byte: u8) -> u8 {
    match byte {
        b'.' | b'*' | b'\\' => b'_',
        other => other,
    }
}

/// A number that equal keys share and different ones mostly do not: a cheap first look.
#[inline]
const fn mark(key: &[u8], dedotted: bool) -> u8 {
    const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = key.len() as u64;
    if dedotted {
        let mut i = 0;
        while i < key.len() {
            hash = (hash ^ dedot(key[i]) as u64).wrapping_mul(PRIME);
            i += 1;
        }
    } else if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        hash ^= u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29);
    } else if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        hash ^= (u32::from_le_bytes(*first) as u64) << 32 | u32::from_le_bytes(*last) as u64;
    } else if let [first, .., last] = key {
        hash ^= (*first as u64) << 16 | (key[key.len() / 2] as u64) << 8 | *last as u64;
    } else if let [only] = key {
        hash ^= *only as u64;
    }
    // The product's high half depends on all bits.
    (hash.wrapping_mul(PRIME) >> 56) as u8
}

/// A user key as it is to be written: `prefix`, `key`, and `#nth` unless that is 0.
#[derive(Debug, PartialEq)]
pub(crate) struct WrittenKey<'k> {
    pub(crate) prefix: &'static str,
    /// UTF-8.
    pub(crate) key: &'k [u8],
    pub(crate) nth: u32,
}

/// A context entry or field with its key as it is to be written.
#[derive(Debug)]
pub(crate) struct Entry<'r> {
    pub(crate) in_context: bool,
    pub(crate) written: WrittenKey<'r>,
    /// What of it is text is UTF-8.
    pub(crate) value: Payload<'r>,
}

/// Goes through the entries of one record, the context's first, and resolves their keys.
pub(crate) struct Keys<'r> {
    rule: &'static KeyRule,
    lists: [FieldsRef<'r>; 2],
    /// What is left of each list.
    left: [FieldsIter<'r>; 2],
    /// How many entries were gone through.
    done: usize,
    /// A bit for the [`mark`] of each key so far.
    seen: [u64; 4],
    /// Open addressing; empty while scanning is cheaper.
    table: Vec<Slot>,
}

/// Where the first entry with a key is, and how often the key was seen; 0 when free.
#[derive(Clone, Copy, Default)]
struct Slot {
    count: u32,
    in_fields: bool,
    first: FieldPlace,
}

thread_local! {
    static TABLE: Cell<Vec<Slot>> = const { Cell::new(Vec::new()) };
    static HASH: LazyCell<RandomState> = const { LazyCell::new(RandomState::new) };
}

impl<'r> Keys<'r> {
    pub(crate) fn new(rule: &'static KeyRule, record: &Record<'r>) -> Self {
        let lists = [record.context.entries.as_ref(), record.fields];
        let left = lists.map(|list| list.iter());
        // Not what the lists say, but what their bytes can hold.
        let total: usize = left.iter().filter_map(|list| list.size_hint().1).sum();
        let mut table = Vec::new();
        if total > SCAN_LIMIT && u32::try_from(total).is_ok() {
            table = TABLE.try_with(Cell::take).unwrap_or_default();
            table.clear();
            table.resize((total * 2).next_power_of_two(), Slot::default());
        }
        Keys { rule, lists, left, done: 0, seen: [0; 4], table }
    }

    /// How a key is to be written; `place` is its entry's, in one list or the other.
    #[inline]
    fn resolve(
        &mut self,
        key: &'r [u8],
        in_fields: bool,
        place: Option<FieldPlace>,
    ) -> WrittenKey<'r> {
        let mark = mark(key, self.rule.dedot);
        let nth = match place {
            None => self.scan(key, mark),
            Some(first) => self.look_up(key, Slot { count: 1, in_fields, first }),
        };
        self.done += 1;
        let shown = nth > 1 || key.is_empty() || has_suffix(key);
        WrittenKey {
            prefix: if self.rule.needs_prefix(key, mark) { self.rule.prefix } else { "" },
            key,
            nth: if shown { nth } else { 0 },
        }
    }

    #[inline]
    fn scan(&mut self, key: &[u8], mark: u8) -> u32 {
        let seen = &mut self.seen[usize::from(mark >> 6)];
        let bit = 1 << (mark & 63);
        if *seen & bit == 0 {
            *seen |= bit;
            return 1;
        }
        let [context, fields] = self.lists;
        let earlier = context.iter().chain(fields.iter()).take(self.done);
        1 + earlier.filter(|(other, _)| self.rule.same(other.as_bytes(), key)).count() as u32
    }

    fn look_up(&mut self, key: &[u8], new: Slot) -> u32 {
        let mask = self.table.len() - 1;
        let hash = HASH.try_with(|state| self.rule.hash(key, state)).unwrap_or_default();
        let mut at = hash as usize & mask;
        loop {
            let Slot { count, in_fields, first } = self.table[at];
            if count == 0 {
                self.table[at] = new;
                return 1;
            }
            let other = self.lists[usize::from(in_fields)].at_place(first);
            if other.is_some_and(|(other, _)| self.rule.same(other.as_bytes(), key)) {
                self.table[at].count = count + 1;
                return count + 1;
            }
            at = (at + 1) & mask;
        }
    }
}

impl<'r> Iterator for Keys<'r> {
    type Item = Entry<'r>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'r>> {
        self.next_of(0).or_else(|| self.next_of(1))
    }
}

impl<'r> Keys<'r> {
    /// The next entry of a list.
    #[inline]
    fn next_of(&mut self, list: usize) -> Option<Entry<'r>> {
        let left = &mut self.left[list];
        let place = if self.table.is_empty() { None } else { left.place() };
        let (key, value) = left.next_raw()?;
        if !is_utf8(key)
            || matches!(value, Payload::Str(text) | Payload::Json(text) if !is_utf8(text))
        {
            *left = FieldsRef::EMPTY.iter();
            return None;
        }
        let written = self.resolve(key, list == 1, place);
        Some(Entry { in_context: list == 0, written, value })
    }
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        if self.table.capacity() > 0 && self.table.capacity() <= KEPT_SLOTS {
            let table = std::mem::take(&mut self.table);
            // At the thread's end there is nowhere to keep it, and no need to.
            let _ = TABLE.try_with(|kept| kept.set(table));
        }
    }
}

/// Whether a key ends in `#` and digits.
#[inline]
fn has_suffix(key: &[u8]) -> bool {
    key.last().is_some_and(u8::is_ascii_digit)
        && key.iter().rev().find(|byte| !byte.is_ascii_digit()) == Some(&b'#')
}

/// Splits a key that ends in `#` and digits before the `#`.
fn split_suffix(key: &str) -> Option<(&str, &str)> {
    if !key.as_bytes().last()?.is_ascii_digit() {
        return None;
    }
    let (rest, digits) = key.rsplit_once('#')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some((rest, digits))
}

/// Reads a written key back: the user's key, and which repetition of it this is, from 1.
///
/// For keys that are not the encoder's own envelope keys, and after the escapes of the format
/// were undone. ECS labels can't be read back whole, for that standard wants `.`, `*` and `\`
/// replaced.
///
/// # Examples
///
/// ```
/// use prisma_log_format::decode_key;
///
/// assert_eq!(decode_key("user_id"), ("user_id", 1));
/// assert_eq!(decode_key("user_id#2"), ("user_id", 2));
/// assert_eq!(decode_key("fields.level#3"), ("level", 3));
/// assert_eq!(decode_key("issue#7#1"), ("issue#7", 1));
/// ```
pub fn decode_key(written: &str) -> (&str, u32) {
    let (key, nth) = match split_suffix(written) {
        Some((key, digits)) => (key, digits.parse().unwrap_or(u32::MAX)),
        None => (written, 1),
    };
    (key.strip_prefix("fields.").unwrap_or(key), nth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{ContextData, Fields, Level, Timestamp};

    static PLAIN: KeyRule = KeyRule::new(&["level", "trace_id", "code.file.path"]);
    static LABELS: KeyRule = KeyRule::new(&["seq"]).dedotted();

    fn written(rule: &'static KeyRule, context: &[&str], fields: &[&str]) -> Vec<String> {
        let list = |keys: &[&str]| Fields::from_iter(keys.iter().map(|&key| (key, 1_u64)));
        let mut data = ContextData::default();
        data.entries = list(context);
        let fields = list(fields);
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", "");
        record.context = &data;
        record.fields = fields.as_ref();
        let written = Keys::new(rule, &record).map(|entry| {
            let WrittenKey { prefix, key, nth } = entry.written;
            let key = str::from_utf8(key).unwrap();
            if nth == 0 { format!("{prefix}{key}") } else { format!("{prefix}{key}#{nth}") }
        });
        written.collect()
    }

    #[test]
    fn reserved_and_repeated_keys_get_out_of_the_way() {
        let check = |context: &[&str], fields: &[&str], expect: &[&str]| {
            assert_eq!(written(&PLAIN, context, fields), expect);
        };
        check(&[], &["a", "b"], &["a", "b"]);
        check(&["user_id"], &["user_id", "user_id"], &["user_id", "user_id#2", "user_id#3"]);
        check(&[], &["level", "level"], &["fields.level", "fields.level#2"]);
        check(&[], &["code.file.path"], &["fields.code.file.path"]);
        check(&[], &["Level", "levels"], &["Level", "levels"]);
        check(&[], &["fields.level", "fields."], &["fields.fields.level", "fields.fields."]);
        check(&[], &["fields", "fieldsx"], &["fields", "fieldsx"]);
        check(&[], &["a#2", "a", "a"], &["a#2#1", "a", "a#2"]);
        check(&[], &["a#02", "a#02", "a#"], &["a#02#1", "a#02#2", "a#"]);
        check(&[], &["", "", "#1"], &["#1", "#2", "#1#1"]);
        check(&[], &["é#1", "#é"], &["é#1#1", "#é"]);
    }

    #[test]
    fn labels_repeat_by_what_is_written() {
        let keys = written(&LABELS, &["a.b"], &["a_b", r"a\b", "seq", "fields.seq", "fields_x"]);
        let shown =
            ["a.b", "a_b#2", r"a\b#3", "fields_seq", "fields_fields.seq", "fields_fields_x"];
        assert_eq!(keys, shown);
    }

    #[test]
    fn the_table_agrees_with_scanning() {
        let mut random = fastrand::Rng::with_seed(1);
        for total in [SCAN_LIMIT, SCAN_LIMIT + 1, 100, 3000] {
            let names: Vec<String> = (0..total).map(|_| random.u32(0..40).to_string()).collect();
            let keys: Vec<&str> = names.iter().map(String::as_str).collect();
            let (context, fields) = keys.split_at(total / 3);
            let mut seen = std::collections::HashMap::new();
            let expect = keys.iter().map(|&key| {
                let nth = seen.entry(key).and_modify(|n| *n += 1).or_insert(1);
                if *nth == 1 { key.to_owned() } else { format!("{key}#{nth}") }
            });
            let expect: Vec<String> = expect.collect();
            assert_eq!(written(&PLAIN, context, fields), expect);
        }
    }

    #[test]
    fn written_keys_are_unique_and_read_back() {
        let mut random = fastrand::Rng::with_seed(2);
        let pieces = ["a", "#", "1", "2", "fields.", "level", "", "é", ".", "_", "\\"];
        for round in 0..20_000 {
            let name = |random: &mut fastrand::Rng| -> String {
                (0..random.usize(0..5)).map(|_| pieces[random.usize(..pieces.len())]).collect()
            };
            let total = if round % 50 == 0 { 60 } else { 8 };
            let names: Vec<String> = (0..total).map(|_| name(&mut random)).collect();
            let keys: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut unique = std::collections::HashSet::new();
            for (key, written) in keys.iter().zip(written(&PLAIN, &keys[..2], &keys[2..])) {
                assert_eq!(decode_key(&written).0, *key, "{written:?} of {keys:?}");
                assert!(!PLAIN.reserved.contains(&written.as_str()));
                assert!(unique.insert(written), "repeated in {keys:?}");
            }
        }
    }
}
