//! Records that the pipeline itself writes: about drops, and from signal handlers.

use prisma_log_core::{Fields, Level, wire};

use crate::frame::{
    ALIGN, HEAD_BYTES, Head, KEYS_INLINE, LOGGER_INLINE, MESSAGE_INLINE, SITE_INLINE, push_text,
};

/// The logger of what the pipeline says about itself.
pub(crate) const LOGGER: &str = "prisma_log";

/// A record of the pipeline's own.
pub(crate) struct Notice<'a> {
    pub(crate) level: Level,
    pub(crate) logger: &'a str,
    pub(crate) message: &'a str,
    /// File, line, module.
    pub(crate) site: (&'a str, u32, &'a str),
    pub(crate) fields: &'a Fields,
}

impl Notice<'_> {
    /// The whole frame.
    pub(crate) fn frame(&self, nanos: u64) -> Vec<u8> {
        let mut frame = vec![0; HEAD_BYTES];
        let (file, line, module) = self.site;
        push_text(&mut frame, file);
        frame.extend_from_slice(&line.to_le_bytes());
        frame.extend_from_slice(&0_u32.to_le_bytes());
        push_text(&mut frame, module);
        push_text(&mut frame, "");
        push_text(&mut frame, self.logger);
        push_text(&mut frame, self.message);
        for (key, value) in self.fields.iter() {
            wire::push(Some(key), value, &mut frame);
        }
        frame.resize(frame.len().next_multiple_of(ALIGN), 0);
        let head = Head {
            len: frame.len() as u32,
            site: 0,
            logger: 0,
            list: 0,
            flags: SITE_INLINE | LOGGER_INLINE | MESSAGE_INLINE | KEYS_INLINE,
            level: self.level as u8,
            count: self.fields.len() as u16,
            nanos,
            sequence: 0,
        };
        for (word, place) in head.words().iter().zip(frame.chunks_exact_mut(8)) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        frame
    }
}
