//! Lines that are looked for in files, and for which records they stand.

use std::collections::HashMap;

/// Where a chain of candidates ends.
const END: usize = usize::MAX;

/// Which records of a batch are found as lines. A line stands for one record only, however many
/// would look like it.
pub(crate) struct Wanted<'a> {
    /// The first candidate of each line.
    first: HashMap<&'a [u8], usize>,
    /// The candidate after this one with the same line.
    next: Vec<usize>,
    found: Vec<bool>,
    left: usize,
    longest: usize,
}

/// How many lines a record may have been written as.
pub(crate) const FORMS: usize = 2;

impl<'a> Wanted<'a> {
    /// Looks for records by the [`FORMS`] lines that each may have been written as; `lines` has
    /// those of the first record, then those of the second, and so on.
    pub(crate) fn new(lines: &[&'a [u8]]) -> Self {
        let mut first = HashMap::with_capacity(lines.len());
        let mut next = vec![END; lines.len()];
        // From the back, so that among equal records the first is found first.
        for (candidate, &line) in lines.iter().enumerate().rev() {
            next[candidate] = first.insert(line, candidate).unwrap_or(END);
        }
        let records = lines.len() / FORMS;
        Wanted {
            first,
            next,
            found: vec![false; records],
            left: records,
            longest: lines.iter().map(|line| line.len()).max().unwrap_or(0),
        }
    }

    /// Length of the longest line that is looked for.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Whether nothing is left to look for.
    pub(crate) fn all_found(&self) -> bool {
        self.left == 0
    }

    /// Takes note of a line, without its end.
    pub(crate) fn see(&mut self, line: &[u8]) {
        if line.len() > self.longest {
            return;
        }
        let Some(first) = self.first.get_mut(line) else { return };
        // A record may have been found in its other form.
        while *first != END && self.found[*first / FORMS] {
            *first = self.next[*first];
        }
        if *first != END {
            self.found[*first / FORMS] = true;
            self.left -= 1;
        }
    }

    /// Whether each record was found.
    pub(crate) fn into_found(self) -> Vec<bool> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_one_record_in_either_form() {
        let check = |records: &[[&str; FORMS]], lines: &[&str], expect: &[usize]| {
            let forms: Vec<_> = records.as_flattened().iter().map(|form| form.as_bytes()).collect();
            let mut wanted = Wanted::new(&forms);
            lines.iter().for_each(|line| wanted.see(line.as_bytes()));
            assert_eq!(wanted.all_found(), expect.len() == records.len(), "{records:?} {lines:?}");
            let found = wanted.into_found();
            let found: Vec<_> = (0..found.len()).filter(|&index| found[index]).collect();
            assert_eq!(found, expect, "{records:?} {lines:?}");
        };
        let (a, b) = (["a", "a!"], ["b", "b!"]);
        check(&[], &["a"], &[]);
        check(&[a, b], &[], &[]);
        check(&[a, b], &["b"], &[1]);
        check(&[a, b], &["a!", "c", "b"], &[0, 1]);
        check(&[a, a, a], &["a"], &[0]);
        check(&[a, a, a], &["a!", "a"], &[0, 1]);
        check(&[a, a, a], &["a", "a!", "a", "a"], &[0, 1, 2]);
        check(&[a, b, a], &["a!", "a!", "a!"], &[0, 2]);
        check(&[a, b], &["a", "a!", "a"], &[0]);
        check(&[["a", "b"], ["b", "a"]], &["a", "b"], &[0, 1]);
        // An encoder that doesn't tell the forms apart.
        check(&[["a", "a"], ["a", "a"]], &["a"], &[0]);
        check(&[["a", "a"], ["a", "a"]], &["a", "a"], &[0, 1]);
        check(&[["", ""]], &[""], &[0]);
        check(&[a], &["", "a longer line"], &[]);
    }

    #[test]
    fn a_hundred_thousand_equal_records_take_linear_time() {
        let lines = vec![b"same".as_slice(); 200_000];
        let mut wanted = Wanted::new(&lines);
        (0..100_000).for_each(|_| wanted.see(b"same"));
        assert!(wanted.all_found());
    }
}
