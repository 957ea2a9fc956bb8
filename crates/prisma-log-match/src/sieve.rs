//! Where literals may stand: a text is sampled, and each sample looked up in a table of bits.
//!
//! All literals of a sieve are at least `step + gram - 1` bytes long, so that, whatever position
//! a literal begins at, one of every `step`th position has `gram` bytes of it behind it. These
//! grams, at `step` offsets of each literal, are in the table; capital and small letters are the
//! same in it. What the table lets through is compared with the literals themselves.

use std::ops::Range;

use crate::background::worths;
use crate::literal::{Element, Literal, fold};

/// A literal and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    pub(crate) literal: Literal,
    pub(crate) pattern: u32,
}

/// A literal that stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// A place within it.
    pub(crate) at: usize,
    pub(crate) pattern: u32,
}

/// Literals to be found in one pass.
#[derive(Clone, Debug)]
pub(crate) struct Sieve {
    step: usize,
    /// The last bits of a sample, as many as a gram has.
    gram_mask: u64,
    multiplier: u64,
    table: Table,
    /// Where a bucket's entries begin, by the first bits of a sample's hash.
    buckets: Vec<u32>,
    bucket_shift: u32,
    entries: Vec<Entry>,
    needles: Vec<Needle>,
}

/// Bits that say which samples may be grams.
#[derive(Clone, Debug)]
pub(crate) enum Table {
    Small(Box<[u64; SMALL]>),
    Large(Box<[u64; LARGE]>),
}

/// Words of the table for few literals: 4 KiB, an eighth of the fastest cache.
const SMALL: usize = 512;
/// Words of the table for many: 32 KiB.
const LARGE: usize = 4096;
/// Grams above which the table is large.
const FEW_GRAMS: usize = 1024;

/// A gram of a needle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    gram: u64,
    needle: u32,
    /// The needle's element that the gram's window begins with.
    anchor: u16,
    /// Bytes from there to the gram.
    offset: u8,
}

/// All bytes of a sample folded.
const FOLD: u64 = u64::from_ne_bytes([fold(0); 8]);
/// An odd number without pattern: bits of the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// Spellings of a window with signs outside ASCII, and thus grams, are two to the power of this at
/// most.
const MOST_PARTNERS: usize = 5;
/// Windows of a literal that are considered.
const MOST_WINDOWS: usize = 48;

/// Literals shorter than this are looked for by themselves, in a more costly way.
const SHORT: usize = 7;

/// Whether a literal is short, or has as few other spellings only in short parts.
pub(crate) fn is_short(needle: &Needle) -> bool {
    needle.literal.len() < SHORT || fewest_partners(&needle.literal, 15) > MOST_PARTNERS
}

fn partners(elements: &[Element]) -> usize {
    elements.iter().filter(|element| element.partner().is_some()).count()
}

fn fewest_partners(literal: &Literal, width: usize) -> usize {
    let windows = literal.0.windows(width.min(literal.len()));
    windows.map(partners).min().unwrap_or(0)
}

impl Sieve {
    /// For literals of at least three bytes; all of them are long, or short.
    pub(crate) fn new(needles: Vec<Needle>) -> Self {
        let shortest = needles.iter().map(|needle| needle.literal.len()).min().unwrap_or(SHORT);
        let shortest =
            if needles.iter().any(is_short) { shortest.min(SHORT - 1) } else { shortest };
        let (step, gram) = match shortest {
            least @ 0..=4 => (1, least),
            least @ 5..=6 => (2, least - 1),
            least @ 7..=10 => (4, least - 3),
            least @ 11.. => (8, (least - 7).min(8)),
        };
        let mut sieve = Sieve {
            step,
            gram_mask: u64::MAX >> (64 - 8 * gram),
            multiplier: MULTIPLIER << (64 - 8 * gram),
            table: Table::Small(Box::new([0; SMALL])),
            buckets: Vec::new(),
            bucket_shift: 0,
            entries: Vec::new(),
            needles,
        };
        sieve.choose_windows(step + gram - 1, gram);
        sieve.fill_tables();
        sieve
    }

    /// For each needle the window that is rarest in logs, has the fewest other spellings, and that
    /// the fewest needles share.
    fn choose_windows(&mut self, width: usize, gram: usize) {
        let mut entries = Vec::new();
        for (number, needle) in (0_u32..).zip(&self.needles) {
            let elements = &needle.literal.0;
            let worths = worths(&needle.literal.folded());
            let rate = |&at: &usize| {
                let worth: u32 = worths[at..at + width].iter().sum();
                worth >> partners(&elements[at..at + width])
            };
            let starts = 0..(elements.len() - width + 1).min(MOST_WINDOWS);
            // The last of equals: what literals share is their beginning more often.
            let anchor = starts.max_by_key(rate).unwrap_or(0);
            for spelling in Literal::spellings(&elements[anchor..anchor + width]) {
                for (offset, bytes) in (0_u8..).zip(spelling.windows(gram)) {
                    let mut word = [0; 8];
                    word[..gram].copy_from_slice(bytes);
                    let gram = u64::from_le_bytes(word);
                    // Windows that are considered begin within 48 elements.
                    let anchor = u16::try_from(anchor).unwrap_or(u16::MAX);
                    entries.push(Entry { gram, needle: number, anchor, offset });
                }
            }
        }
        entries.sort_unstable();
        entries.dedup();
        self.entries = entries;
    }

    fn fill_tables(&mut self) {
        let hash = |entry: &Entry| entry.gram.wrapping_mul(self.multiplier);
        let mut bits = (4 * self.entries.len()).next_power_of_two().ilog2().clamp(8, 16);
        bits = bits.min(self.gram_mask.count_ones());
        self.bucket_shift = 64 - bits;
        let bucket = |entry: &Entry| (hash(entry) >> self.bucket_shift) as usize;
        let mut begins = vec![0_u32; (1 << bits) + 1];
        for entry in &self.entries {
            begins[bucket(entry) + 1] += 1;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        self.table = self.table_of(|_| true);
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(bucket);
        self.entries = entries;
        self.buckets = begins;
    }

    /// The table of the patterns that are wanted.
    pub(crate) fn table_of(&self, is_wanted: impl Fn(u32) -> bool) -> Table {
        let mut table = match self.entries.len() {
            0..FEW_GRAMS => Table::Small(Box::new([0; SMALL])),
            _ => Table::Large(Box::new([0; LARGE])),
        };
        let wanted = |entry: &&Entry| is_wanted(self.needles[entry.needle as usize].pattern);
        for entry in self.entries.iter().filter(wanted) {
            let hash = entry.gram.wrapping_mul(self.multiplier);
            match &mut table {
                Table::Small(words) => set(words.as_mut_slice(), hash),
                Table::Large(words) => set(words.as_mut_slice(), hash),
            }
        }
        table
    }

    /// Adds the literals that have a sample between these places, which are multiples of eight or
    /// the text's end, to `found`, in the order of their places.
    ///
    /// Returns where it stopped: at the second place, or before, at a multiple of eight, when it
    /// has compared many literals. `table` stands in for the sieve's own.
    pub(crate) fn find(
        &self,
        table: Option<&Table>,
        text: &[u8],
        part: Range<usize>,
        found: &mut Vec<Found>,
    ) -> usize {
        let search = Search { sieve: self, text, found, left: MOST_COMPARED };
        match table.unwrap_or(&self.table) {
            Table::Small(table) => search.by_step(table, part),
            Table::Large(table) => search.by_step(table, part),
        }
    }
}

/// A search for literals.
struct Search<'a> {
    sieve: &'a Sieve,
    text: &'a [u8],
    found: &'a mut Vec<Found>,
    /// Literals to be compared until it stops.
    left: u32,
}

impl Search<'_> {
    fn by_step<const WORDS: usize>(self, table: &[u64; WORDS], part: Range<usize>) -> usize {
        match self.sieve.step {
            8 => self.sample::<8, WORDS>(table, part),
            4 => self.sample::<4, WORDS>(table, part),
            2 => self.sample::<2, WORDS>(table, part),
            _ => self.sample::<1, WORDS>(table, part),
        }
    }

    fn sample<const STEP: usize, const WORDS: usize>(
        mut self,
        table: &[u64; WORDS],
        part: Range<usize>,
    ) -> usize {
        let multiplier = self.sieve.multiplier;
        let lets_through = |word: u64| is_set(table, (word | FOLD).wrapping_mul(multiplier));
        let (words, _) = self.text.as_chunks::<8>();
        let first = part.start / 8;
        // The last word has no next one: its samples are taken with the bytes behind it.
        let last = (part.end / 8).min(words.len().saturating_sub(1)).max(first);
        let (groups, rest) = words.get(first..last).unwrap_or_default().as_chunks::<GROUP>();
        let mut at = first * 8;
        for group in groups {
            let next = words.get(at / 8 + GROUP).map_or(0, |word| u64::from_le_bytes(*word));
            let after = |number: usize| {
                group.get(number + 1).map_or(next, |word| u64::from_le_bytes(*word))
            };
            let mut any = 0;
            for (number, word) in group.iter().enumerate() {
                for shift in (0..8).step_by(STEP) {
                    any |= lets_through(shifted(u64::from_le_bytes(*word), after(number), shift));
                }
            }
            if any & 1 != 0 {
                for (number, word) in group.iter().enumerate() {
                    let word = u64::from_le_bytes(*word);
                    self.compare::<STEP>(lets_through, word, after(number), at + 8 * number);
                }
                if self.left == 0 {
                    return at + 8 * GROUP;
                }
            }
            at += 8 * GROUP;
        }
        for word in rest {
            let after = words.get(at / 8 + 1).map_or(0, |word| u64::from_le_bytes(*word));
            self.compare::<STEP>(lets_through, u64::from_le_bytes(*word), after, at);
            at += 8;
        }
        // What lies behind the text is read as zeros; who compares exactly sees that.
        while at < part.end {
            let (word, after) = padded(self.text, at);
            self.compare::<STEP>(lets_through, word, after, at);
            at += 8;
        }
        part.end
    }

    /// Compares what the table lets through with the literals.
    #[inline]
    fn compare<const STEP: usize>(
        &mut self,
        lets_through: impl Fn(u64) -> u64,
        word: u64,
        after: u64,
        at: usize,
    ) {
        for shift in (0..8).step_by(STEP) {
            let sample = shifted(word, after, shift);
            if lets_through(sample) & 1 != 0 {
                self.look_up(sample | FOLD, at + shift);
            }
        }
    }

    #[inline(never)]
    fn look_up(&mut self, sample: u64, at: usize) {
        let Sieve { multiplier, bucket_shift, gram_mask, .. } = *self.sieve;
        let bucket = (sample.wrapping_mul(multiplier) >> bucket_shift) as usize;
        let Some(&[begin, end]) = self.sieve.buckets.get(bucket..bucket + 2) else { return };
        let gram = sample & gram_mask;
        let entries = self.sieve.entries.get(begin as usize..end as usize).unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.gram == gram) {
            self.left = self.left.saturating_sub(1);
            let needle = &self.sieve.needles[entry.needle as usize];
            let Some(start) = at.checked_sub(usize::from(entry.offset)) else { continue };
            if needle.literal.stands_at(self.text, usize::from(entry.anchor), start) {
                self.found.push(Found { at, pattern: needle.pattern });
            }
        }
    }
}

/// Words that are sampled before anyone asks whether one was let through.
const GROUP: usize = 4;
/// Literals that a search compares before it stops.
pub(crate) const MOST_COMPARED: u32 = 1024;

/// The eight bytes that begin `shift` bytes into `word`, which `after` follows.
#[inline(always)]
fn shifted(word: u64, after: u64, shift: usize) -> u64 {
    match shift {
        0 => word,
        _ => word >> (8 * shift) | after << (64 - 8 * shift),
    }
}

/// The two words at this place, zeros behind the text's end.
fn padded(text: &[u8], at: usize) -> (u64, u64) {
    (padded_word(text, at), padded_word(text, at + 8))
}

fn padded_word(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    match (rest.first_chunk(), text.last_chunk()) {
        (Some(word), _) => u64::from_le_bytes(*word),
        (None, _) if rest.is_empty() => 0,
        // The text's last bytes, without those before this place.
        (None, Some(word)) => u64::from_le_bytes(*word) >> (64 - 8 * rest.len()),
        (None, None) => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// Whether the hash's bit is set, in the last bit.
#[inline(always)]
fn is_set<const WORDS: usize>(table: &[u64; WORDS], hash: u64) -> u64 {
    let shift = 64 - WORDS.ilog2();
    table[(hash >> shift) as usize] >> (hash >> (shift - 6) & 63)
}

fn set(table: &mut [u64], hash: u64) {
    let shift = 64 - table.len().ilog2();
    table[(hash >> shift) as usize] |= 1 << (hash >> (shift - 6) & 63);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needle(text: &str, pattern: u32) -> Needle {
        Needle { literal: Literal::exact(text.as_bytes()), pattern }
    }

    /// All occurrences are found once at least, whatever place they stand at.
    fn check(texts: &[&str], expect: (usize, u32)) {
        let needles = (0..).zip(texts).map(|(pattern, text)| needle(text, pattern)).collect();
        let sieve = Sieve::new(needles);
        assert_eq!((sieve.step, sieve.gram_mask.count_ones() / 8), expect, "{texts:?}");
        for (pattern, needle) in (0..).zip(texts) {
            for before in 0..40 {
                for behind in [0, 7, 40] {
                    let text = [&b"-".repeat(before), needle.as_bytes(), &b"x".repeat(behind)];
                    let text = text.concat();
                    let mut found = Vec::new();
                    let middle = if text.len() > 32 { 32 } else { 0 };
                    sieve.find(None, &text, 0..middle, &mut found);
                    sieve.find(None, &text, middle..text.len(), &mut found);
                    let mine: Vec<_> = found.iter().filter(|f| f.pattern == pattern).collect();
                    assert_eq!(mine.len(), 1, "{needle} behind {before} and before {behind}");
                    assert!((before..before + needle.len()).contains(&mine[0].at));
                }
            }
        }
    }

    #[test]
    fn literals_of_all_lengths_are_found_at_all_places() {
        check(&["oom"], (1, 3));
        check(&["abcd"], (1, 4));
        check(&["abcde"], (2, 4));
        check(&["abcdef", "uvwxyz"], (2, 5));
        check(&["abcdefg"], (4, 4));
        check(&["abcdefghij"], (4, 7));
        check(&["connection refused"], (8, 8));
        check(&["deadlock detected", "no space left on device", "out of memory"], (8, 6));
    }

    #[test]
    fn words_are_padded_with_zeros() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for length in 0..text.len() {
            for at in 0..length + 20 {
                let mut expect = [0; 64];
                expect[..length].copy_from_slice(&text[..length]);
                let word = |at: usize| expect[at..].first_chunk().map(|w| u64::from_le_bytes(*w));
                let (first, second) = padded(&text[..length], at);
                assert_eq!((Some(first), Some(second)), (word(at), word(at + 8)));
            }
        }
    }

    #[test]
    fn many_literals_are_found() {
        let texts: Vec<String> = (0..200).map(|number| format!("fault {number:08}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        check(&texts, (8, 7));
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let sieve = Sieve::new(vec![needle("refused", 0)]);
        let mut found = Vec::new();
        for text in ["", "refuse", "a refuse", "efused by this and that", "REFUSED"] {
            sieve.find(None, text.as_bytes(), 0..text.len(), &mut found);
        }
        assert_eq!(found, []);
    }
}
