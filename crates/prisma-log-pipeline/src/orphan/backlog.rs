//! What is left in a dead process's queue, counted.
#![expect(unsafe_code, reason = "frames are read in shared memory")]

use std::sync::atomic::Ordering;

use crate::emergency;
use crate::frame::{CONTEXT, Head};
use crate::segment::{MAX_SINKS, PAYLOAD_AT, Segment};

#[derive(Default)]
pub(super) struct Backlog {
    /// Records that at least one sink has not taken.
    pub(super) records: u64,
    /// Their least and greatest time.
    pub(super) times: Option<(u64, u64)>,
    /// By place of the sink.
    pub(super) by_sink: [u64; MAX_SINKS],
    pub(super) emergencies: u64,
    pub(super) damaged_bytes: u64,
}

impl Backlog {
    /// Counts in a segment that no process writes to any more.
    pub(super) fn of(segment: &Segment) -> Self {
        let mut backlog = Backlog::default();
        let sinks = segment.sink_names().count().clamp(1, MAX_SINKS);
        for chunk in 0..segment.chunk_count() {
            if segment.chunk(chunk).in_use() {
                backlog.add(segment, chunk, sinks);
            }
        }
        emergency::collect(segment, |_, _| {
            backlog.emergencies += 1;
            false
        });
        backlog
    }

    fn add(&mut self, segment: &Segment, chunk: u32, sinks: usize) {
        let chunk = segment.chunk(chunk);
        let cursors = &chunk.header().cursors[..sinks];
        let starts: Vec<u32> = cursors.iter().map(|at| at.load(Ordering::Acquire)).collect();
        // SAFETY: the process that wrote the chunk is dead; whoever replays it moves cursors only.
        let bytes = unsafe { chunk.bytes(PAYLOAD_AT, chunk.committed()) };
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(head) = Head::read(rest) else {
                self.damaged_bytes += rest.len() as u64;
                return;
            };
            let at = PAYLOAD_AT + (bytes.len() - rest.len()) as u32;
            rest = &rest[head.len as usize..];
            let mut is_left = false;
            for (start, count) in starts.iter().zip(&mut self.by_sink) {
                if !head.has(CONTEXT) && at >= *start {
                    *count += 1;
                    is_left = true;
                }
            }
            if is_left {
                self.records += 1;
                let (first, last) = self.times.unwrap_or((head.nanos, head.nanos));
                self.times = Some((first.min(head.nanos), last.max(head.nanos)));
            }
        }
    }
}
