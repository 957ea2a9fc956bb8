//! What was in a chunk that is given up.

use crate::batch::whole_chunk;
use crate::definitions::Definitions;
use crate::frame::{CONTEXT, HEAD_BYTES, Head};
use crate::reader::logger_of;

use super::Engine;

impl Engine {
    /// Goes through the records of a chunk that is dropped and that nobody reads any more: those
    /// that not all sinks have taken. `tell` gets the logger, the head, the context's frame and the
    /// record's.
    pub(crate) fn for_each_dropped(
        &self,
        chunk: u32,
        mut tell: impl FnMut(&str, Head, &[u8], &[u8]),
    ) {
        let segment = &self.pool.segment;
        let mut definitions = Definitions::default();
        definitions.update(segment);
        let (bytes, from) = whole_chunk(segment, chunk, self.pool.read_up_to(chunk));
        let (mut at, mut context) = (0, 0..0);
        while let Some(head) = Head::read(&bytes[at..]) {
            let frame = at..at + head.len as usize;
            if head.has(CONTEXT) {
                context =
                    if head.count == 0 && frame.len() == HEAD_BYTES { 0..0 } else { frame.clone() };
            } else if at >= from {
                let logger = logger_of(&definitions, &head, &bytes[frame.clone()]);
                tell(logger, head, &bytes[context.clone()], &bytes[frame.clone()]);
            }
            at = frame.end;
        }
    }
}
