//! A bounded table of texts that is read without a lock.

use std::sync::OnceLock;

/// Places in a table; a program has some hundreds of targets and keys that differ.
const SLOTS: usize = 1024;
/// How many places a text may stand in.
const PROBES: usize = 8;
/// Longer texts are not kept.
const MAX_BYTES: usize = 256;

/// What belongs to texts. Nothing is ever removed: once the places of a text are taken by others, it is
/// not kept, so that texts that are made up don't add up.
#[derive(Debug)]
pub struct Table<V> {
    slots: Box<[Slot<V>]>,
}

/// A text and what belongs to it.
type Slot<V> = OnceLock<(Box<str>, V)>;

impl<V> Table<V> {
    /// An empty table.
    #[expect(clippy::new_without_default, reason = "nobody asks for it")]
    pub fn new() -> Self {
        Table { slots: (0..SLOTS).map(|_| OnceLock::new()).collect() }
    }

    /// What belongs to the text, made at its first use; none if it can't be kept.
    #[inline]
    pub fn get_or_keep(&self, text: &str, make: impl FnOnce() -> V) -> Option<&V> {
        let hash = hash(text);
        for probe in 0..PROBES {
            match self.slots[(hash + probe) % SLOTS].get() {
                Some((kept, value)) if **kept == *text => return Some(value),
                Some(_) => {}
                None => return self.keep(text, hash + probe, make),
            }
        }
        None
    }

    #[cold]
    fn keep(&self, text: &str, at: usize, make: impl FnOnce() -> V) -> Option<&V> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let slot = &self.slots[at % SLOTS];
        // Another thread may be quicker; with another text, this one is kept the next time.
        let _taken = slot.set((text.into(), make()));
        slot.get().and_then(|(kept, value)| (**kept == *text).then_some(value))
    }
}

/// Eight bytes at a time; spreads, and no more.
#[inline]
fn hash(text: &str) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut hash = text.len() as u64;
    for &word in words {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    for &byte in rest {
        hash = (hash.rotate_left(5) ^ u64::from(byte)).wrapping_mul(FACTOR);
    }
    (hash >> 40) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_their_number_is_bounded() {
        let table = Table::new();
        let first = table.get_or_keep("shop::orders", || 1).unwrap();
        assert!(std::ptr::eq(first, table.get_or_keep("shop::orders", || 2).unwrap()));
        assert_eq!(table.get_or_keep(&"x".repeat(MAX_BYTES + 1), || 3), None);
        let texts: Vec<String> = (0..100 * SLOTS).map(|number| format!("t{number}")).collect();
        let kept = |text: &&String| table.get_or_keep(text, || 4).is_some();
        assert!(texts[..SLOTS / 2].iter().all(|text| kept(&text)), "half a table fits");
        let all = texts.iter().filter(kept).count();
        assert!((SLOTS / 2..SLOTS).contains(&all), "{all}");
        assert_eq!(table.get_or_keep("shop::orders", || 5), Some(&1));
    }
}
