//! A trace's spans and records in their places.

mod busy;
mod links;

use std::ops::Range;
use std::time::Duration;

use prisma_log_core::{SpanId, Timestamp};

use self::busy::Busy;
use self::links::{Links, TOP};
use super::Trace;

/// Spans of one machine overlap by less than this by mistake: clocks are read one after the other,
/// and logs have microseconds.
const TOLERANCE: Duration = Duration::from_micros(100);

/// A trace's tree as rows from top to bottom.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) rows: Vec<Row>,
    /// For each span what its place says.
    pub(crate) places: Vec<Place>,
    /// When the first span or record of the trace begins.
    pub(crate) start: Timestamp,
    /// When the last one ends.
    pub(crate) end: Timestamp,
    /// Spans that are named as parents and were not found.
    pub(crate) missing: usize,
    busy: Vec<Range<Timestamp>>,
}

/// What one row shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    /// Index of a span.
    Span(usize),
    /// Index of an entry: a record or an event.
    Entry(usize),
    /// A span that is named as a parent, but whose end was not found. Whether records within it
    /// were: then it is of a service whose log is here.
    Missing { id: SpanId, has_records: bool },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) item: Item,
    /// How many rows it is below.
    pub(crate) depth: usize,
    /// Whether no other row follows below the same one.
    pub(crate) is_last: bool,
}

/// What a span's place in the tree says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// How long no span below it ran.
    pub(crate) self_time: Duration,
    /// How much earlier than its parent it starts.
    pub(crate) early: Duration,
    /// How much later than its parent it ends.
    pub(crate) late: Duration,
    /// Whether parent and child are of different services.
    pub(crate) is_remote: bool,
    /// Whether it is above itself: its parent link was cut.
    pub(crate) in_circle: bool,
    /// When spans below it ran, as a part of [`Tree::busy`].
    busy: Range<usize>,
}

impl Tree {
    /// Puts everything in its place; entries only if they are wanted.
    pub(crate) fn build(trace: &Trace, with_entries: bool) -> Tree {
        let links = Links::find(trace);
        let mut tree = Tree { missing: links.missing.len(), ..Tree::default() };
        (tree.start, tree.end) = extent(trace);
        tree.lay_out(trace, &links, with_entries);
        let Busy { places, intervals } = Busy::find(trace, &tree.rows);
        tree.busy = intervals;
        tree.places = places;
        tree.compare(trace, &links);
        tree
    }

    /// When spans below this one ran: in order, and apart from each other.
    pub(crate) fn busy(&self, span: usize) -> &[Range<Timestamp>] {
        let place = self.places.get(span).map(|place| place.busy.clone());
        place.and_then(|range| self.busy.get(range)).unwrap_or_default()
    }

    /// Rows, each below its parent and in order of time.
    fn lay_out(&mut self, trace: &Trace, links: &Links, with_entries: bool) {
        let nodes = links.parents.len();
        let mut children: Vec<(usize, Timestamp, usize)> =
            (0..nodes).map(|node| (links.parents[node], links.time(trace, node), node)).collect();
        if with_entries {
            let entries = trace.entries.iter().zip(&links.entry_parents).enumerate();
            let entries = entries.map(|(n, (entry, &parent))| (parent, entry.time, nodes + n));
            children.extend(entries);
        }
        // Nodes break ties: spans before entries, and both as they were found.
        children.sort_unstable();
        let of = |parent: usize| {
            let start = children.partition_point(|&(of, ..)| of < parent);
            let end = start + children[start..].partition_point(|&(of, ..)| of == parent);
            start..end
        };
        // What is still to be shown of each level: a chain may be deeper than the stack.
        let mut open = vec![of(TOP)];
        while let Some(level) = open.last_mut() {
            let Some(at) = level.next() else {
                open.pop();
                continue;
            };
            let is_last = level.start == level.end;
            let node = children[at].2;
            let item = links.item(trace, node);
            self.rows.push(Row { item, depth: open.len() - 1, is_last });
            if node < nodes {
                open.push(of(node));
            }
        }
    }

    fn compare(&mut self, trace: &Trace, links: &Links) {
        for (index, place) in self.places.iter_mut().enumerate() {
            place.in_circle = links.in_circle[index];
            let span = &trace.spans[index];
            let Some(parent) = trace.spans.get(links.parents[index]) else { continue };
            let over = |by: Duration| if by > TOLERANCE { by } else { Duration::ZERO };
            place.early = over(parent.start.saturating_since(span.start));
            place.late = over(span.end.saturating_since(parent.end));
            place.is_remote = parent.service != span.service;
        }
    }
}

/// From when to when something of the trace is known.
fn extent(trace: &Trace) -> (Timestamp, Timestamp) {
    let spans = trace.spans.iter().map(|span| (span.start, span.end));
    let entries = trace.entries.iter().map(|entry| (entry.time, entry.time));
    let both = spans.chain(entries);
    both.reduce(|(start, end), (from, to)| (start.min(from), end.max(to))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
