//! Logging from a signal handler: no lock, no allocation, no formatting.
#![expect(unsafe_code, reason = "slots are written through raw pointers into shared memory")]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use prisma_log_core::{Fields, Level};

use crate::notice::Notice;
use crate::segment::{EMERGENCY_BYTES, EMERGENCY_SLOTS, Segment};
use crate::shared::Shared;

/// Bytes of text that a slot holds.
const TEXT_BYTES: usize = EMERGENCY_BYTES - 32;
/// The logger of what signal handlers log.
pub(crate) const LOGGER: &str = "emergency";

const FREE: u32 = 0;
const WRITING: u32 = 1;
const READY: u32 = 2;

#[repr(C)]
struct Slot {
    state: AtomicU32,
    level: AtomicU8,
    len: AtomicU32,
    nanos: AtomicU64,
    text: [AtomicU8; TEXT_BYTES],
}

const _: () = assert!(size_of::<Slot>() <= EMERGENCY_BYTES);

fn slot(segment: &Segment, index: usize) -> &Slot {
    // SAFETY: slots are 64-aligned and long enough, and everything in them is atomic.
    unsafe { &*segment.emergency(index).cast::<Slot>() }
}

/// Logs short texts from a signal handler.
///
/// Everything else may wait for a lock that the interrupted code holds. Make it before, keep it in
/// a `static`, and call nothing else of this library in the handler.
#[derive(Clone)]
pub struct Emergency {
    shared: Arc<Shared>,
}

impl Emergency {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Emergency { shared }
    }

    /// Puts a text of up to 480 bytes into one of 64 slots that outlive the process; a longer one is
    /// cut. The worker makes a record of it. `false` when all slots are taken, or in a forked child
    /// that has not logged yet; then the record is counted as dropped.
    ///
    /// Async-signal-safe: atomic operations only, and at most one read of the clock.
    pub fn log(&self, level: Level, text: &str) -> bool {
        let engine = self.shared.engine.get();
        if !self.shared.engine.is_current() {
            self.shared.emergency_dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let segment = &engine.pool.segment;
        let text = &text.as_bytes()[..text.floor_char_boundary(TEXT_BYTES)];
        for index in 0..EMERGENCY_SLOTS {
            let slot = slot(segment, index);
            let taken =
                slot.state.compare_exchange(FREE, WRITING, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_err() {
                continue;
            }
            slot.level.store(level as u8, Ordering::Relaxed);
            slot.nanos.store(self.shared.clock.now(), Ordering::Relaxed);
            for (place, byte) in slot.text.iter().zip(text) {
                place.store(*byte, Ordering::Relaxed);
            }
            slot.len.store(text.len() as u32, Ordering::Relaxed);
            slot.state.store(READY, Ordering::Release);
            self.shared.emergencies.fetch_add(1, Ordering::Release);
            return true;
        }
        self.shared.emergency_dropped.fetch_add(1, Ordering::Relaxed);
        false
    }
}

impl fmt::Debug for Emergency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emergency")
    }
}

/// Takes the texts out of the slots: `put` gets each with its time, and says whether the
/// slot can be freed.
pub(crate) fn collect(segment: &Segment, mut put: impl FnMut(&Notice<'_>, u64) -> bool) -> u32 {
    let mut taken = 0;
    for index in 0..EMERGENCY_SLOTS {
        let slot = slot(segment, index);
        if slot.state.load(Ordering::Acquire) != READY {
            continue;
        }
        let len = (slot.len.load(Ordering::Relaxed) as usize).min(TEXT_BYTES);
        let text: Vec<u8> =
            slot.text[..len].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        let level = usize::from(slot.level.load(Ordering::Relaxed)).wrapping_sub(1);
        let notice = Notice {
            level: Level::ALL.get(level).copied().unwrap_or(Level::Critical),
            logger: LOGGER,
            message: &String::from_utf8_lossy(&text),
            site: ("", 0, LOGGER),
            fields: &Fields::new(),
        };
        if put(&notice, slot.nanos.load(Ordering::Relaxed)) {
            slot.state.store(FREE, Ordering::Release);
            taken += 1;
        }
    }
    taken
}
