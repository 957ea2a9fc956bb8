//! The engine in use.
#![expect(unsafe_code, reason = "the engine in use is behind an atomic pointer")]

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::shared::Shared;

use super::{Engine, generation};

/// Where the engine in use is; replaced in a forked child.
pub(crate) struct EngineSlot(AtomicPtr<Engine>);

impl EngineSlot {
    pub(crate) fn new(engine: Engine) -> Self {
        EngineSlot(AtomicPtr::new(Box::into_raw(Box::new(engine))))
    }

    #[inline]
    pub(crate) fn get(&self) -> &Engine {
        // SAFETY: made by `new` or `replace`, and freed with the slot alone.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// The engine of this process: the parent's is replaced in a forked child's first call.
    #[inline]
    pub(crate) fn after_fork<'a>(&'a self, shared: &'a Shared) -> &'a Engine {
        let engine = self.get();
        if engine.generation == generation() { engine } else { crate::fork::renew(shared) }
    }

    pub(crate) fn is_current(&self) -> bool {
        self.get().generation == generation()
    }

    /// Puts another engine in place. The old one stays, unused: threads of the parent, which the
    /// child does not have, may have been anywhere in it.
    pub(crate) fn replace(&self, engine: Engine) -> &Engine {
        let new = Box::into_raw(Box::new(engine));
        let old = self.0.swap(new, Ordering::AcqRel);
        let _leaked: *mut Engine = old;
        self.get()
    }
}

impl Drop for EngineSlot {
    fn drop(&mut self) {
        // SAFETY: nobody else has the slot any more.
        drop(unsafe { Box::from_raw(self.0.load(Ordering::Acquire)) });
    }
}
