//! The records of a portion that go the same way, encoded.

use std::ops::Range;

use prisma_log_core::Record;

/// Encoded records, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Part {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// Of each scope, which is a logger, the record that it was met with first.
    scopes: Vec<usize>,
}

#[derive(Debug)]
struct Item {
    /// Its place in the batch.
    record: usize,
    scope: usize,
    bytes: Range<usize>,
}

impl Part {
    pub(super) fn clear(&mut self, keep_bytes: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(keep_bytes);
        self.items.clear();
        self.scopes.clear();
    }

    /// Adds the record at a place of the batch.
    pub(super) fn push(
        &mut self,
        record: usize,
        batch: &[Record<'_>],
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let scope = batch[record].logger;
        let last = self.items.last().map(|item| item.scope);
        let is = |number: &usize| batch[self.scopes[*number]].logger == scope;
        let known = last.filter(is).or_else(|| (0..self.scopes.len()).find(is));
        let number = known.unwrap_or_else(|| {
            self.scopes.push(record);
            self.scopes.len() - 1
        });
        let start = self.bytes.len();
        encode(&mut self.bytes);
        self.items.push(Item { record, scope: number, bytes: start..self.bytes.len() });
    }

    /// Takes the last record back.
    pub(super) fn pop(&mut self) {
        if let Some(item) = self.items.pop() {
            self.bytes.truncate(item.bytes.start);
            if self.scopes.last() == Some(&item.record) {
                self.scopes.pop();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes_of(&self, range: &Range<usize>) -> usize {
        self.items[range.clone()].iter().map(|item| item.bytes.len()).sum()
    }

    /// The place in the batch of a record of the part.
    pub(crate) fn record(&self, at: usize) -> usize {
        self.items[at].record
    }

    pub(crate) fn scope(&self, at: usize) -> usize {
        self.items[at].scope
    }

    /// An encoded record.
    pub(crate) fn piece(&self, at: usize) -> &[u8] {
        &self.bytes[self.items[at].bytes.clone()]
    }

    /// Cuts the part into requests of at most so many bytes, the last one first.
    pub(super) fn ranges(&self, most: usize) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (at, item) in self.items.iter().enumerate() {
            if at > start && bytes + item.bytes.len() > most {
                ranges.push(start..at);
                (start, bytes) = (at, 0);
            }
            bytes += item.bytes.len();
        }
        if start < self.items.len() {
            ranges.push(start..self.items.len());
        }
        ranges.reverse();
        ranges
    }

    /// The places in a range in order of their scopes, and within one as they came.
    pub(super) fn by_scope(&self, range: Range<usize>, of: &mut Vec<usize>) {
        of.clear();
        of.extend(range);
        of.sort_by_key(|&at| self.items[at].scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{Level, Timestamp};

    fn part(loggers: &[&str], sizes: &[usize]) -> Part {
        let record = |&logger| Record::new(Timestamp::UNIX_EPOCH, Level::Info, logger, "");
        let batch: Vec<_> = loggers.iter().map(record).collect();
        let mut part = Part::default();
        for (index, &size) in sizes.iter().enumerate() {
            part.push(index, &batch, |out| out.extend(vec![b'x'; size]));
        }
        part
    }

    #[test]
    fn scopes_are_numbered_as_they_come() {
        let mut part = part(&["a", "b", "a", "c", "b"], &[1; 5]);
        let mut of = Vec::new();
        part.by_scope(0..5, &mut of);
        assert_eq!(of, [0, 2, 1, 4, 3]);
        part.by_scope(1..4, &mut of);
        assert_eq!(of, [2, 1, 3]);
        part.pop();
        part.pop();
        assert_eq!((part.len(), part.bytes(), part.scopes.len()), (3, 3, 2));
    }

    #[test]
    fn ranges_hold_what_fits() {
        let check = |sizes: &[usize], most: usize, expect: &[Range<usize>]| {
            let part = part(&vec!["a"; sizes.len()], sizes);
            let mut ranges = part.ranges(most);
            ranges.reverse();
            assert_eq!(ranges, expect, "{sizes:?}");
        };
        check(&[], 10, &[]);
        check(&[99], 10, std::slice::from_ref(&(0..1)));
        check(&[5, 5, 1, 99, 1], 10, &[0..2, 2..3, 3..4, 4..5]);
    }
}
