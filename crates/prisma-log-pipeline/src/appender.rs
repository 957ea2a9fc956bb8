//! A stream that several threads share, under a lock: of threads without a chunk of their own, and
//! of urgent records when the queue is full.
#![expect(unsafe_code, reason = "frames are copied into shared memory")]

use std::sync::atomic::Ordering;

use crate::segment::{PAYLOAD_AT, Segment};

/// The writing end of a shared stream.
pub(crate) struct Appender {
    pub(crate) stream: u32,
    chunk: Option<u32>,
    at: u32,
    records: u32,
    /// The frames before `at` end in a context.
    in_context: bool,
}

impl Appender {
    pub(crate) fn new(stream: u32) -> Self {
        Appender { stream, chunk: None, at: 0, records: 0, in_context: false }
    }

    /// Whether frames of this length, context included, fit into the chunk at hand.
    pub(crate) fn fits(&self, segment: &Segment, len: usize) -> bool {
        self.chunk.is_some() && self.at as usize + len <= segment.sizes.chunk_bytes as usize
    }

    /// Goes on in another chunk.
    pub(crate) fn turn_to(&mut self, chunk: u32) {
        self.chunk = Some(chunk);
        self.at = PAYLOAD_AT;
        self.records = 0;
        self.in_context = false;
    }

    /// Whether a frame without a context has to say so.
    pub(crate) fn in_context(&self) -> bool {
        self.in_context
    }

    /// Appends a context's frame, or nothing, and a record's, which fit, and commits them.
    pub(crate) fn append(&mut self, segment: &Segment, frames: [&[u8]; 2], in_context: bool) {
        let Some(chunk) = self.chunk else { return };
        let chunk = segment.chunk(chunk);
        for bytes in frames {
            assert!(self.at as usize + bytes.len() <= segment.sizes.chunk_bytes as usize);
            // SAFETY: within the chunk, as was just checked, and beyond what is committed; this
            // appender is the chunk's only producer.
            unsafe {
                let to = chunk.base().add(self.at as usize);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
            }
            self.at += bytes.len() as u32;
        }
        self.records += 1;
        chunk.header().records.store(self.records, Ordering::Relaxed);
        chunk.header().committed.store(self.at, Ordering::Release);
        self.in_context = in_context;
    }
}
