//! How deep calls are nested: values that log while they are formatted.

use std::cell::Cell;

/// Deeper calls don't format what their users wrote: it may be what made the call.
const MAX_DEPTH: u32 = 4;

/// Stands for what is not formatted.
pub(crate) const TOO_DEEP: &str = "<nested too deeply>";

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A call of a bridge, for as long as it lasts.
pub(crate) struct Nesting {
    depth: u32,
}

impl Nesting {
    #[inline]
    pub(crate) fn enter() -> Self {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        Nesting { depth }
    }

    #[inline]
    pub(crate) fn is_too_deep(&self) -> bool {
        self.depth >= MAX_DEPTH
    }
}

impl Drop for Nesting {
    #[inline]
    fn drop(&mut self) {
        DEPTH.set(self.depth);
    }
}
