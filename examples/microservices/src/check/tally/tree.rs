//! Whether a request's spans are one tree.

use std::collections::HashMap;

use prisma_log::SpanId;

/// The spans of one trace, and which of them its records are in.
#[derive(Default)]
pub(super) struct Tree {
    parents: HashMap<SpanId, Option<SpanId>>,
    twice: u64,
    records: Vec<SpanId>,
    strays: u64,
}

impl Tree {
    pub(super) fn span(&mut self, span: SpanId, parent: Option<SpanId>) {
        self.twice += u64::from(self.parents.insert(span, parent).is_some());
    }

    /// A record in a span.
    pub(super) fn record(&mut self, span: SpanId) {
        self.records.push(span);
    }

    /// A record of the trace that is in no span.
    pub(super) fn stray(&mut self) {
        self.strays += 1;
    }

    /// Whether there is exactly one root, below the caller's span, and everything hangs on it.
    pub(super) fn check(&self, caller: SpanId) -> Result<(), String> {
        if self.twice > 0 {
            return Err(format!("{} spans ended twice", self.twice));
        }
        let roots = self.parents.values().filter(|parent| **parent == Some(caller)).count();
        if roots != 1 {
            return Err(format!("{roots} spans below the caller's"));
        }
        for span in self.parents.keys() {
            let mut at = *span;
            // A way that is longer than there are spans goes in circles.
            for _ in 0..=self.parents.len() {
                match self.parents.get(&at) {
                    Some(Some(parent)) => at = *parent,
                    Some(None) => return Err(format!("span {at} has no parent")),
                    None => break,
                }
            }
            if at != caller {
                return Err(format!("from span {span} the way ends at {at}"));
            }
        }
        Ok(())
    }

    /// How many records are in no span of this tree.
    pub(super) fn outside(&self) -> u64 {
        let outside = self.records.iter().filter(|span| !self.parents.contains_key(span));
        self.strays + outside.count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> SpanId {
        SpanId::new(number).unwrap()
    }

    #[test]
    fn only_one_tree_below_the_caller_will_do() {
        fn check(spans: &[(u64, u64)], expected: Result<(), &str>) {
            let mut tree = Tree::default();
            for &(span, parent) in spans {
                tree.span(id(span), SpanId::new(parent));
            }
            let found = tree.check(id(100));
            match expected {
                Ok(()) => assert_eq!(found, Ok(()), "{spans:?}"),
                Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{found:?}"),
            }
        }
        check(&[(1, 100), (2, 1), (3, 2), (4, 1)], Ok(()));
        check(&[], Err("0 spans below"));
        check(&[(1, 100), (2, 100)], Err("2 spans below"));
        check(&[(1, 100), (2, 0)], Err("has no parent"));
        check(&[(1, 100), (2, 9)], Err("the way ends at"));
        check(&[(1, 100), (2, 3), (3, 2)], Err("the way ends at"));
        check(&[(1, 100), (1, 100)], Err("ended twice"));
    }

    #[test]
    fn records_are_in_spans_of_the_tree_or_outside() {
        let mut tree = Tree::default();
        tree.span(id(1), Some(id(100)));
        tree.record(id(1));
        tree.record(id(2));
        tree.stray();
        assert_eq!(tree.outside(), 2);
    }
}
