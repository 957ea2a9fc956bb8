//! How far a sink with a thread of its own has come, noted in the segment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::{Forgotten, Progress};
use crate::segment::Segment;

/// Moves a sink's cursors as its batches come to an end, in whatever order they do: never past a
/// record whose batch is still open, so that a kill loses none and repeats none.
pub(crate) struct Track {
    segment: Arc<Segment>,
    /// The sink's place in the segment.
    sink: usize,
    /// Batches by their numbers, and up to where their chunks are through when they are. Each
    /// keeps its chunks pinned.
    open: Mutex<Open>,
}

type Open = BTreeMap<u64, Vec<Progress>>;

impl Track {
    pub(super) fn new(segment: Arc<Segment>, sink: usize) -> Self {
        Track { segment, sink, open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, number: u64, chunks: &[Progress]) {
        self.open().insert(number, chunks.to_vec());
    }

    /// A batch has become longer.
    pub(super) fn lengthen(&self, number: u64, chunks: &[Progress]) {
        let mut open = self.open();
        let known = open.entry(number).or_default();
        for place in chunks {
            match known.iter_mut().find(|known| known.chunk == place.chunk) {
                Some(known) => known.to = known.to.max(place.to),
                None => known.push(*place),
            }
        }
    }

    /// Whether no older batch is open.
    pub(super) fn is_oldest(&self, number: u64) -> bool {
        self.open().first_key_value().is_none_or(|(&oldest, _)| oldest >= number)
    }

    /// The batch is through.
    pub(crate) fn end(&self, number: u64) {
        let mut open = self.open();
        let chunks = open.remove(&number).unwrap_or_default();
        self.settle(&mut open, number, &chunks);
    }

    /// The first records of a batch are through.
    pub(super) fn shorten(&self, number: u64, forgotten: &Forgotten) {
        let mut open = self.open();
        let chunks = open.remove(&number).unwrap_or_default();
        let is_left = |place: &Progress| forgotten.part.iter().any(|p| p.chunk == place.chunk);
        // Younger batches that are through may have raised these.
        let (left, whole): (Vec<_>, Vec<_>) = chunks.into_iter().partition(is_left);
        self.settle(&mut open, number, &whole);
        self.settle(&mut open, number, &forgotten.part);
        open.insert(number, left);
    }

    fn settle(&self, open: &mut Open, number: u64, chunks: &[Progress]) {
        for place in chunks {
            let older = open.range_mut(..number).rev().flat_map(|(_, chunks)| chunks);
            match older.into_iter().find(|known| known.chunk == place.chunk) {
                Some(known) => known.to = known.to.max(place.to),
                None => place.note(&self.segment, self.sink),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::overflow::Overflow;
    use crate::segment::{PAYLOAD_AT, Sizes};
    use crate::store::{Memory, Store};

    const CHUNKS: u32 = 3;

    fn track() -> Track {
        let sizes = Sizes { chunk_bytes: 4096, chunks: CHUNKS, spill_chunks: 0 };
        let names = vec!["sink".to_owned()];
        let store = Store::open(&Memory::Anonymous, "s", sizes, &Overflow::default(), names);
        let (segment, _) = store.unwrap().segment(1).unwrap();
        (0..CHUNKS).for_each(|chunk| segment.chunk(chunk).begin(0, chunk));
        Track::new(Arc::new(segment), 0)
    }

    impl Track {
        fn cursor(&self, chunk: u32) -> u32 {
            let cursor = &self.segment.chunk(chunk).header().cursors[self.sink];
            cursor.load(Ordering::Acquire) - PAYLOAD_AT
        }
    }

    fn places(list: &[(u32, u32)]) -> Vec<Progress> {
        list.iter().map(|&(chunk, to)| Progress { chunk, to: PAYLOAD_AT + to }).collect()
    }

    #[test]
    fn cursors_wait_for_older_batches() {
        let track = track();
        let cursors = |expect: [u32; 3]| assert_eq!([0, 1, 2].map(|c| track.cursor(c)), expect);
        track.begin(1, &places(&[(0, 10), (1, 10)]));
        track.begin(2, &places(&[(0, 20)]));
        track.begin(3, &places(&[(1, 30), (2, 30)]));
        assert!(track.is_oldest(1) && !track.is_oldest(2));
        track.end(3);
        cursors([0, 0, 30]);
        track.end(2);
        cursors([0, 0, 30]);
        // The first records of the oldest, all that it had of one chunk among them.
        let (whole, part) = (places(&[(0, 10)]), places(&[(1, 4)]));
        track.shorten(1, &Forgotten { whole, part });
        cursors([20, 4, 30]);
        track.end(1);
        cursors([20, 30, 30]);
        track.begin(4, &places(&[(2, 40)]));
        track.lengthen(4, &places(&[(2, 50), (1, 35)]));
        assert!(track.is_oldest(4));
        track.end(4);
        cursors([20, 35, 50]);
    }

    /// An open batch: where its records begin and end in each chunk.
    struct Model {
        number: u64,
        ranges: Vec<(u32, u32, u32)>,
    }

    #[test]
    fn in_whatever_order_batches_end_no_cursor_passes_an_open_one() {
        for seed in 1..200_u64 {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut random = |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let track = track();
            let mut ends = [0_u32; CHUNKS as usize];
            let mut open: Vec<Model> = Vec::new();
            let mut number = 0;
            for step in 0..120 {
                if step < 80 && (open.is_empty() || random(2) == 0) {
                    number += 1;
                    let chunks: Vec<u32> = (0..CHUNKS).filter(|_| random(2) == 0).collect();
                    let ranges = chunks.into_iter().map(|chunk| {
                        let from = ends[chunk as usize];
                        ends[chunk as usize] += 2 + random(5) as u32;
                        (chunk, from, ends[chunk as usize])
                    });
                    let ranges: Vec<_> = ranges.collect();
                    let all: Vec<_> = ranges.iter().map(|&(chunk, _, to)| (chunk, to)).collect();
                    track.begin(number, &places(&all));
                    open.push(Model { number, ranges });
                } else if !open.is_empty() {
                    let at = random(open.len() as u64) as usize;
                    if random(3) == 0 && !open[at].ranges.is_empty() {
                        let batch = &mut open[at];
                        // Through with one chunk, and a part of the others.
                        let gone = batch.ranges.remove(0);
                        for range in &mut batch.ranges {
                            range.1 = range.2 - 1;
                        }
                        let part: Vec<_> = batch.ranges.iter().map(|r| (r.0, r.1)).collect();
                        let whole = places(&[(gone.0, gone.2)]);
                        track.shorten(batch.number, &Forgotten { whole, part: places(&part) });
                    } else {
                        track.end(open.remove(at).number);
                    }
                }
                for chunk in 0..CHUNKS {
                    let ranges = open.iter().flat_map(|batch| &batch.ranges);
                    let first = ranges.filter(|range| range.0 == chunk).map(|range| range.1).min();
                    // Ranges follow each other without gaps: the cursor is where the first begins.
                    let expect = first.unwrap_or(ends[chunk as usize]);
                    assert_eq!(track.cursor(chunk), expect, "seed {seed}, step {step}");
                }
            }
        }
    }
}
