//! Who is below whom.

use std::collections::HashMap;

use prisma_log_core::{SpanId, Timestamp};

use super::Item;
use crate::trace::Trace;

/// The parent of what stands at the top; sorts last.
pub(super) const TOP: usize = usize::MAX;

/// The parents of nodes: of all spans, then of all spans that are missing. None is above itself.
pub(super) struct Links {
    pub(super) parents: Vec<usize>,
    pub(super) entry_parents: Vec<usize>,
    pub(super) missing: Vec<Missing>,
    /// For each node whether its link was cut because it was above itself.
    pub(super) in_circle: Vec<bool>,
}

/// A span that something names as its own or its parent, and whose end was not found.
pub(super) struct Missing {
    id: SpanId,
    parent: Option<SpanId>,
    has_records: bool,
    /// The earliest of what is below.
    time: Option<Timestamp>,
}

impl Links {
    pub(super) fn find(trace: &Trace) -> Links {
        let mut ids = HashMap::with_capacity(trace.spans.len());
        for (index, span) in trace.spans.iter().enumerate() {
            if let Some(id) = span.id {
                ids.entry(id).or_insert(index);
            }
        }
        let mut found = Finder { ids, spans: trace.spans.len(), missing: Vec::new() };
        let mut parents: Vec<_> = trace.spans.iter().map(|span| found.node(span.parent)).collect();
        let entries = trace.entries.iter().map(|entry| {
            let node = found.node(entry.span);
            if let Some(missing) = found.missing_at(node) {
                missing.has_records = true;
                missing.parent = missing.parent.or(entry.parent);
            }
            node
        });
        let entry_parents = entries.collect();
        // Records within a missing span tell its parent, which may be missing, too.
        let mut next = 0;
        while let Some(missing) = found.missing.get(next) {
            let parent = missing.parent;
            parents.push(found.node(parent));
            next += 1;
        }
        let in_circle = vec![false; parents.len()];
        let mut links = Links { parents, entry_parents, missing: found.missing, in_circle };
        links.cut_circles(trace);
        links.date_missing(trace);
        links
    }

    pub(super) fn item(&self, trace: &Trace, node: usize) -> Item {
        let spans = trace.spans.len();
        match self.missing.get(node.wrapping_sub(spans)) {
            _ if node < spans => Item::Span(node),
            Some(missing) => Item::Missing { id: missing.id, has_records: missing.has_records },
            None => Item::Entry(node - self.parents.len()),
        }
    }

    pub(super) fn time(&self, trace: &Trace, node: usize) -> Timestamp {
        match trace.spans.get(node) {
            Some(span) => span.start,
            None => self.missing[node - trace.spans.len()].time.unwrap_or_default(),
        }
    }

    /// Cuts the link of the earliest in each circle, so that everything hangs below the top.
    fn cut_circles(&mut self, trace: &Trace) {
        const UNSEEN: usize = 0;
        // The number of the walk that came by.
        let mut seen = vec![UNSEEN; self.parents.len()];
        for begin in 0..self.parents.len() {
            let walk = begin + 1;
            let mut node = begin;
            while node != TOP && seen[node] == UNSEEN {
                seen[node] = walk;
                node = self.parents[node];
            }
            if node == TOP || seen[node] != walk {
                continue;
            }
            let mut earliest = node;
            let mut other = self.parents[node];
            while other != node {
                if self.key(trace, other) < self.key(trace, earliest) {
                    earliest = other;
                }
                other = self.parents[other];
            }
            self.parents[earliest] = TOP;
            self.in_circle[earliest] = true;
        }
    }

    /// A missing span has no time, so that another one is cut if there is one.
    fn key(&self, trace: &Trace, node: usize) -> (Timestamp, usize) {
        let time = trace.spans.get(node).map(|span| span.start);
        (time.unwrap_or(Timestamp::from_unix_nanos(i64::MAX)), node)
    }

    /// Gives each missing span the time of the earliest that is below it.
    fn date_missing(&mut self, trace: &Trace) {
        let spans = trace.spans.len();
        let of_spans =
            trace.spans.iter().zip(&self.parents).map(|(span, &node)| (span.start, node));
        let of_entries = trace.entries.iter().zip(&self.entry_parents);
        let of_entries = of_entries.map(|(entry, &node)| (entry.time, node));
        let below = of_spans.chain(of_entries).filter(|&(_, node)| node != TOP && node >= spans);
        let mut below: Vec<_> = below.collect();
        below.sort_unstable();
        for (time, mut node) in below {
            // The first that comes by is the earliest.
            while node != TOP && node >= spans && self.missing[node - spans].time.is_none() {
                self.missing[node - spans].time = Some(time);
                node = self.parents[node];
            }
        }
    }
}

/// Finds nodes by their ids, and takes note of those that are missing.
struct Finder {
    ids: HashMap<SpanId, usize>,
    spans: usize,
    missing: Vec<Missing>,
}

impl Finder {
    fn node(&mut self, id: Option<SpanId>) -> usize {
        let Some(id) = id else { return TOP };
        let next = self.spans + self.missing.len();
        let node = *self.ids.entry(id).or_insert(next);
        if node == next {
            self.missing.push(Missing { id, parent: None, has_records: false, time: None });
        }
        node
    }

    fn missing_at(&mut self, node: usize) -> Option<&mut Missing> {
        self.missing.get_mut(node.checked_sub(self.spans)?)
    }
}
