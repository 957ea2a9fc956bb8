//! Where short literals may stand, when they are few: of each, three bytes in a row are compared
//! with all places of the text, many at once.
//!
//! Sampling would have to look at every place for literals of three bytes. Loops over arrays of a
//! fixed length become vector instructions instead.

use std::ops::Range;

use crate::background::worths;
use crate::literal::{Literal, fold};
use crate::sieve::{Found, MOST_COMPARED, Needle};

/// Three folded bytes.
pub(crate) type Triple = [u8; 3];

/// Short literals to be found in one pass.
#[derive(Clone, Debug)]
pub(crate) struct ShortSieve {
    /// Each once.
    triples: Vec<Triple>,
    entries: Vec<Entry>,
    needles: Vec<Needle>,
}

/// A triple of a needle.
#[derive(Clone, Copy, Debug)]
struct Entry {
    triple: Triple,
    needle: u32,
    /// The needle's element that the triple begins with.
    anchor: usize,
}

/// Triples up to which this is faster than sampling.
const MOST_TRIPLES: usize = 8;
/// Places that are looked at at once.
const PLACES: usize = 32;

impl ShortSieve {
    /// Gives the needles back when there are too many for this.
    pub(crate) fn new(needles: Vec<Needle>) -> Result<Self, Vec<Needle>> {
        let mut sieve = ShortSieve { triples: Vec::new(), entries: Vec::new(), needles };
        for (number, needle) in (0..).zip(&sieve.needles) {
            let elements = &needle.literal.0;
            let worths = worths(&needle.literal.folded());
            let spellings = |at: usize| Literal::spellings(&elements[at..at + 3]);
            let rate = |&at: &usize| {
                let spellings = spellings(at);
                let shared = spellings.iter().all(|one| sieve.triples.iter().any(|t| one == t));
                (shared, usize::MAX - spellings.len(), worths[at..at + 3].iter().sum::<u32>())
            };
            let Some(anchor) = (0..elements.len().saturating_sub(2)).max_by_key(rate) else {
                return Err(sieve.needles);
            };
            for spelling in spellings(anchor) {
                let Ok(triple) = Triple::try_from(spelling) else { continue };
                sieve.entries.push(Entry { triple, needle: number, anchor });
                if !sieve.triples.contains(&triple) {
                    sieve.triples.push(triple);
                }
            }
            if sieve.triples.len() > MOST_TRIPLES {
                return Err(sieve.needles);
            }
        }
        Ok(sieve)
    }

    /// The triples of the patterns that are wanted.
    pub(crate) fn triples_of(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<Triple> {
        let wanted = |entry: &&Entry| is_wanted(self.needles[entry.needle as usize].pattern);
        let mut triples: Vec<Triple> =
            self.entries.iter().filter(wanted).map(|entry| entry.triple).collect();
        triples.sort_unstable();
        triples.dedup();
        triples
    }

    /// As [`Sieve::find`](crate::sieve::Sieve::find); `triples` stand in for all.
    pub(crate) fn find(
        &self,
        triples: Option<&[Triple]>,
        text: &[u8],
        part: Range<usize>,
        found: &mut Vec<Found>,
    ) -> usize {
        let triples = triples.unwrap_or(&self.triples);
        let mut left = MOST_COMPARED;
        let mut at = part.start;
        while at < part.end {
            // The last places are looked at together with some before them.
            let from = at.min(text.len().saturating_sub(PLACES + 2));
            let differences = match text.get(from..).and_then(|rest| rest.first_chunk()) {
                Some(bytes) => differences(triples, bytes),
                None => differences(triples, &padded(text)),
            };
            if differences.iter().fold(u8::MAX, |least, &one| least.min(one)) == 0 {
                for (place, _) in (from..).zip(&differences).filter(|(_, one)| **one == 0) {
                    if (at..part.end).contains(&place) {
                        self.compare(text, place, &mut left, found);
                    }
                }
            }
            at += PLACES;
            if left == 0 {
                break;
            }
        }
        at.min(part.end)
    }

    fn compare(&self, text: &[u8], at: usize, left: &mut u32, found: &mut Vec<Found>) {
        let Some(bytes) = text.get(at..at + 3) else { return };
        let triple = [fold(bytes[0]), fold(bytes[1]), fold(bytes[2])];
        for entry in self.entries.iter().filter(|entry| entry.triple == triple) {
            *left = left.saturating_sub(1);
            let Needle { literal, pattern } = &self.needles[entry.needle as usize];
            if literal.stands_at(text, entry.anchor, at) {
                found.push(Found { at, pattern: *pattern });
            }
        }
    }
}

/// The bytes of a short text, and zeros.
fn padded(text: &[u8]) -> [u8; PLACES + 2] {
    let mut bytes = [0; PLACES + 2];
    for (byte, &of_text) in bytes.iter_mut().zip(text) {
        *byte = of_text;
    }
    bytes
}

/// By place, zero where one of the triples begins.
#[inline(always)]
fn differences(triples: &[Triple], bytes: &[u8; PLACES + 2]) -> [u8; PLACES] {
    let mut least = [u8::MAX; PLACES];
    for &[first, second, third] in triples {
        for place in 0..PLACES {
            let difference = (fold(bytes[place]) ^ first)
                | (fold(bytes[place + 1]) ^ second)
                | (fold(bytes[place + 2]) ^ third);
            least[place] = difference.min(least[place]);
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sieve(texts: &[&str]) -> Result<ShortSieve, Vec<Needle>> {
        let needle = |(pattern, text): (u32, &&str)| Needle {
            literal: Literal::exact(text.as_bytes()),
            pattern,
        };
        ShortSieve::new((0..).zip(texts).map(needle).collect())
    }

    #[test]
    fn literals_are_found_at_all_places() {
        let texts = ["oom", "fatal", "panic", "sigsegv"];
        let sieve = sieve(&texts).expect("they are few");
        for (pattern, text) in (0..).zip(texts) {
            for before in 0..70 {
                for behind in [0, 1, 2, 40] {
                    let text = [&b"-".repeat(before), text.as_bytes(), &b"x".repeat(behind)];
                    let text = text.concat();
                    let mut found = Vec::new();
                    let middle = if text.len() > 8 { 8 } else { 0 };
                    sieve.find(None, &text, 0..middle, &mut found);
                    sieve.find(None, &text, middle..text.len(), &mut found);
                    assert!(matches!(found[..], [Found { pattern: one, .. }] if one == pattern));
                }
            }
        }
    }

    #[test]
    fn literals_share_their_triples() {
        let shared = sieve(&["panic", "panics", "panicked"]).expect("they are few");
        assert_eq!(shared.triples.len(), 1);
        let many = ["abc", "bcd", "cde", "def", "efg", "fgh", "ghi", "hij", "ijk"];
        assert_eq!(sieve(&many[..8]).map(|sieve| sieve.triples.len()).ok(), Some(8));
        assert_eq!(sieve(&many).map(|_| ()).map_err(|needles| needles.len()), Err(9));
    }

    #[test]
    fn it_stops_when_many_were_compared() {
        let sieve = sieve(&["aaa", "aab"]).expect("they are few");
        let text = b"a".repeat(4000);
        let mut found = Vec::new();
        assert_eq!(sieve.find(None, &text, 0..4000, &mut found), MOST_COMPARED as usize);
        assert_eq!(found.len(), MOST_COMPARED as usize);
        let without = sieve.triples_of(|pattern| pattern == 1);
        assert_eq!(sieve.find(Some(&without), &text, 0..4000, &mut found), 4000);
    }
}
