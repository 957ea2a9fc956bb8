//! What a record teaches about its call site and its logger.

use prisma_log_core::wire;
use slog::OwnedKVList;

use super::FrameWriter;
use crate::cache::{Caches, Place};
use crate::frame::KEYS_INLINE;

impl FrameWriter<'_> {
    /// What this record taught about its call site and its logger, for the thread's caches.
    #[inline]
    pub(crate) fn lesson(&self, values: &OwnedKVList) -> Option<Lesson> {
        let call = self.from_slog && self.flags & KEYS_INLINE != 0;
        let list = self.list == 0 && self.count > self.call_count;
        if !(call || list) || self.full || self.lost {
            return None;
        }
        self.teach(values, call, list)
    }

    #[cold]
    #[inline(never)]
    fn teach(&self, values: &OwnedKVList, call: bool, list: bool) -> Option<Lesson> {
        let mut lesson = Lesson { call: None, list: None };
        if call {
            // Back into the order in which slog hands them over.
            let mut keys = keys_of(self.written(self.call_at), self.call_count as usize)?;
            keys.reverse();
            lesson.call = Some((self.place(), keys));
        }
        if list {
            let count = (self.count - self.call_count) as usize;
            let keys = keys_of(self.written(self.phase_at), count)?;
            lesson.list = Some((std::ptr::from_ref(values).addr(), keys));
        }
        Some(lesson)
    }
}

/// The inline keys of so many fields; `None` when one has none.
fn keys_of(mut fields: &[u8], count: usize) -> Option<Vec<Box<str>>> {
    let mut key = || {
        let key = wire::read(&mut fields)?.key?;
        Some(Box::from(std::str::from_utf8(key).ok()?))
    };
    (0..count).map(|_| key()).collect()
}

/// What a record taught.
pub(crate) struct Lesson {
    call: Option<(Place, Vec<Box<str>>)>,
    list: Option<(usize, Vec<Box<str>>)>,
}

impl Lesson {
    #[cold]
    pub(crate) fn learn(self, caches: &mut Caches) {
        if let Some((place, keys)) = self.call {
            caches.learn_site(&place, keys);
        }
        if let Some((address, keys)) = self.list {
            caches.learn_list(address, keys);
        }
    }
}
