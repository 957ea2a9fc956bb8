//! Where the sinks of a dead process stood, and how far those of this one have come since.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

use prisma_log_core::SinkPosition;

use crate::batch::Progress;
use crate::segment::{MAX_SINKS, PAYLOAD_AT, Segment};

use super::Target;

/// Where each chunk's frames begin that a sink has not taken.
pub(crate) struct Cursors<'a> {
    segment: &'a Segment,
    /// By place and chunk, where the dead process stood: targets may share a place.
    starts: HashMap<(usize, u32), u32>,
    /// For each target the places of its cursor: with several, it takes what any of them has not.
    places: Vec<Vec<usize>>,
    /// Whether what is taken is noted in the segment.
    pub(super) notes: bool,
    /// Places that move no more.
    held: RefCell<Vec<usize>>,
}

impl<'a> Cursors<'a> {
    /// Each target goes on where the sink of its name was. One of a new name takes what those sinks
    /// have not that are no more: they may have been renamed.
    pub(super) fn by_name(segment: &'a Segment, targets: &[Target<'_>]) -> Self {
        let names: Vec<&str> = segment.sink_names().collect();
        let place = |target: &Target<'_>| {
            names.iter().position(|name| *name == target.facts.name).into_iter().collect()
        };
        let mut places: Vec<Vec<usize>> = targets.iter().map(place).collect();
        let gone = all_places(segment)
            .into_iter()
            .filter(|place| !places.iter().flatten().any(|p| p == place));
        let gone: Vec<usize> = gone.collect();
        for none in places.iter_mut().filter(|places| places.is_empty()) {
            none.clone_from(&gone);
        }
        Cursors { segment, starts: starts(segment), places, notes: true, held: RefCell::default() }
    }

    /// Each target goes on at these places, and nothing is noted. One with a single place stands for
    /// that sink, and may have written records already; one with several has not.
    pub(crate) fn unnoted(segment: &'a Segment, places: Vec<Vec<usize>>) -> Self {
        Cursors { segment, starts: starts(segment), places, notes: false, held: RefCell::default() }
    }

    /// Where the sinks stood, in the words of one that is asked what it has already.
    pub(super) fn positions(&self, target: usize) -> impl Iterator<Item = SinkPosition> {
        let places = &self.places[target][..];
        let asked = if self.notes || places.len() == 1 { places } else { &[] };
        asked.iter().filter_map(|&place| self.segment.position(place))
    }

    /// Whether a target takes part: a sink that is new since then does not.
    pub(super) fn has(&self, target: usize) -> bool {
        !self.places[target].is_empty()
    }

    pub(super) fn start(&self, target: usize, chunk: u32) -> u32 {
        let places = self.places[target].iter();
        let starts = places.map(|&place| self.starts.get(&(place, chunk)).copied());
        starts.map(Option::unwrap_or_default).min().unwrap_or(PAYLOAD_AT)
    }

    pub(super) fn note_position(&self, target: usize, position: &SinkPosition) {
        for &place in self.places[target].iter().filter(|_| self.notes) {
            self.segment.set_position(place, position);
        }
    }

    /// A target is through with these.
    pub(super) fn advance(&self, target: usize, chunks: &[Progress]) {
        for &place in self.places[target].iter().filter(|_| self.notes) {
            // The last one that shares it, when all the others are through.
            let is_last = !self.places[target + 1..].iter().flatten().any(|&later| later == place);
            if is_last && !self.held.borrow().contains(&place) {
                chunks.iter().for_each(|progress| progress.note(self.segment, place));
            }
        }
    }

    /// A target takes nothing more: what it has not taken stays for the next start.
    pub(super) fn hold(&self, target: usize) {
        self.held.borrow_mut().extend(&self.places[target]);
    }
}

/// Where every sink stands in every chunk.
fn starts(segment: &Segment) -> HashMap<(usize, u32), u32> {
    let mut starts = HashMap::new();
    for chunk in (0..segment.chunk_count()).filter(|&chunk| segment.chunk(chunk).in_use()) {
        for place in all_places(segment) {
            let cursor = &segment.chunk(chunk).header().cursors[place];
            starts.insert((place, chunk), cursor.load(Ordering::Acquire));
        }
    }
    starts
}

/// The places of all sinks that the segment knows.
pub(crate) fn all_places(segment: &Segment) -> Vec<usize> {
    (0..segment.sink_names().count().clamp(1, MAX_SINKS)).collect()
}
