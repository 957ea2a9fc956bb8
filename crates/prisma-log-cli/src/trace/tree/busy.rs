//! Where a span's time went: to itself, or to spans below it.

use std::ops::Range;
use std::time::Duration;

use prisma_log_core::Timestamp;

use super::{Item, Place, Row};
use crate::trace::Trace;

/// For each span its place, and all intervals that the places name.
pub(super) struct Busy {
    pub(super) places: Vec<Place>,
    pub(super) intervals: Vec<Range<Timestamp>>,
}

impl Busy {
    /// A span that is missing is as if its children were its parent's.
    pub(super) fn find(trace: &Trace, rows: &[Row]) -> Busy {
        let mut below: Vec<(usize, Timestamp, Timestamp)> = Vec::new();
        // For each depth the span that rows below are within.
        let mut within: Vec<Option<usize>> = Vec::new();
        for row in rows {
            within.truncate(row.depth);
            let above = within.last().copied().flatten();
            match row.item {
                Item::Span(index) => {
                    if let Some(above) = above {
                        let (span, parent) = (&trace.spans[index], &trace.spans[above]);
                        below.push((above, span.start.max(parent.start), span.end.min(parent.end)));
                    }
                    within.push(Some(index));
                }
                Item::Missing { .. } => within.push(above),
                Item::Entry(_) => within.push(None),
            }
        }
        below.retain(|(_, start, end)| start < end);
        below.sort_unstable();
        Busy::merge(trace, &below)
    }

    fn merge(trace: &Trace, below: &[(usize, Timestamp, Timestamp)]) -> Busy {
        let mut intervals: Vec<Range<Timestamp>> = Vec::new();
        let mut places = vec![Place::default(); trace.spans.len()];
        for run in below.chunk_by(|(a, ..), (b, ..)| a == b) {
            let begin = intervals.len();
            for &(_, start, end) in run {
                match intervals[begin..].last_mut() {
                    Some(last) if last.end >= start => last.end = last.end.max(end),
                    _ => intervals.push(start..end),
                }
            }
            places[run[0].0].busy = begin..intervals.len();
        }
        for (span, place) in trace.spans.iter().zip(&mut places) {
            let all = intervals.get(place.busy.clone()).unwrap_or_default().iter();
            let busy: Duration = all.map(|busy| busy.end.saturating_since(busy.start)).sum();
            place.self_time = span.end.saturating_since(span.start).saturating_sub(busy);
        }
        Busy { places, intervals }
    }
}
