//! The quick way of a call through the facade's macros: straight into the chunk.
//!
//! It is open to the usual call: plain fields, a message without arguments, a logger without fields
//! of its own, a thread that has room in its chunk and is in the same context as before. Whatever
//! is not so, shows before anything is committed, and the call goes the general way.
#![expect(unsafe_code, reason = "frames are written through raw pointers into shared memory")]

use std::fmt;

use prisma_log_core::support::contain;
use prisma_log_core::wire;
use slog::{Drain as _, Key, Logger, Record, Serializer};

use crate::call_site::CallSite;
use crate::drain::PipelineDrain;
use crate::frame::{ALIGN, HEAD_BYTES, Head};
use crate::local::{Local, with_local};
use crate::shared::{ASYNC, commit};
use crate::writer::copy_short;

/// Kept free behind the fields, for padding.
const TAIL: usize = ALIGN;
/// A longer text goes the general way, which knows caps.
const MAX_TEXT: usize = 64;

/// Where the next field goes; a value, so that it stays in registers. Null once the general way has
/// to be gone.
#[derive(Clone, Copy)]
pub struct Quick {
    at: *mut u8,
    end: *mut u8,
}

impl Quick {
    const NONE: Quick = Quick { at: std::ptr::null_mut(), end: std::ptr::null_mut() };

    /// Gives the quick way up.
    #[inline(always)]
    pub fn give_up(self) -> Quick {
        Quick::NONE
    }

    #[inline(always)]
    fn fixed<const N: usize>(self, tag: u8, payload: [u8; N]) -> Quick {
        // Without a place there is no room either.
        if self.end.addr() - self.at.addr() < 1 + N {
            return Quick::NONE;
        }
        // SAFETY: there is room for tag and payload; unaligned, as fields are.
        unsafe {
            *self.at = tag;
            self.at.add(1).cast::<[u8; N]>().write_unaligned(payload);
            Quick { at: self.at.add(1 + N), end: self.end }
        }
    }

    /// Writes an unsigned number.
    #[inline(always)]
    pub fn u64(self, value: u64) -> Quick {
        self.fixed(wire::U64, value.to_le_bytes())
    }

    /// Writes a signed number.
    #[inline(always)]
    pub fn i64(self, value: i64) -> Quick {
        self.fixed(wire::I64, value.to_le_bytes())
    }

    /// Writes a floating-point number.
    #[inline(always)]
    pub fn f64(self, value: f64) -> Quick {
        self.fixed(wire::F64, value.to_le_bytes())
    }

    /// Writes a truth value.
    #[inline(always)]
    pub fn bool(self, value: bool) -> Quick {
        self.fixed(if value { wire::TRUE } else { wire::FALSE }, [])
    }

    /// Writes a wide number.
    #[inline(always)]
    pub fn i128(self, value: i128) -> Quick {
        self.fixed(wire::I128, value.to_le_bytes())
    }

    /// Writes a wide unsigned number.
    #[inline(always)]
    pub fn u128(self, value: u128) -> Quick {
        self.fixed(wire::U128, value.to_le_bytes())
    }

    /// Writes a text.
    #[inline(always)]
    pub fn str(self, value: &str) -> Quick {
        let len = value.len();
        if len > MAX_TEXT || self.end.addr() - self.at.addr() < 5 + len {
            return Quick::NONE;
        }
        // SAFETY: there is room for tag, length and text.
        unsafe {
            *self.at = wire::STR;
            self.at.add(1).cast::<[u8; 4]>().write_unaligned((len as u32).to_le_bytes());
            copy_short(value.as_ptr(), self.at.add(5), len);
            Quick { at: self.at.add(5 + len), end: self.end }
        }
    }
}

/// Logs a call the quick way; `false` when it has to go the general way, and nothing was done.
#[inline(always)]
pub(crate) fn log(
    logger: &Logger<PipelineDrain>,
    site: &'static CallSite,
    message: &fmt::Arguments<'_>,
    fields: impl FnOnce(Quick) -> Quick,
) -> bool {
    let start = begin(logger, site, message);
    if start.at.is_null() {
        return false;
    }
    let end = fields(start);
    if end.at.is_null() {
        with_local(|local| local.busy.set(false));
        return false;
    }
    finish(logger, site, message, end)
}

/// Where the fields go, if the quick way is open. What else `finish` needs to know is left in the
/// thread's state: the place is all that fits into registers.
#[inline(never)]
fn begin(
    logger: &Logger<PipelineDrain>,
    site: &'static CallSite,
    message: &fmt::Arguments<'_>,
) -> Quick {
    with_local(|local| {
        let (Some(drain), Some(definition)) = (drain_of(local, logger, site), site.known()) else {
            return Quick::NONE;
        };
        let constant = match (message.as_str(), definition.message) {
            (Some(now), Some(then)) => std::ptr::eq(now, then),
            _ => false,
        };
        let shared = &*drain.shared;
        if local.busy.replace(true) {
            return Quick::NONE;
        }
        // From here on a signal handler that logs finds the chunk in use.
        let (at, end) = (local.at.get(), local.end.get());
        let usual = constant
            && definition.id != 0
            && local.owner.get() == shared.id
            && local.context.get() == prisma_log_context::version()
            && end.addr() - at.addr() > HEAD_BYTES + TAIL
            && !drain.name.inline
            && !drain.name.by_module()
            && local.with_fields.get() != std::ptr::from_ref(logger.list()).addr();
        if !usual {
            local.busy.set(false);
            return Quick::NONE;
        }
        local.nanos.set(shared.clock.now());
        // SAFETY: there is room for the head, and behind it for the tail.
        unsafe { Quick { at: at.add(HEAD_BYTES), end: end.sub(TAIL) } }
    })
}

/// The drain under a logger, which slog does not show: it is asked whether it takes the level, and
/// notes itself in answering.
#[inline(always)]
fn drain_of<'a>(
    local: &Local,
    logger: &'a Logger<PipelineDrain>,
    site: &'static CallSite,
) -> Option<&'a PipelineDrain> {
    local.drain.set(std::ptr::null());
    let _taken = logger.is_enabled(site.level());
    // SAFETY: null, or noted a moment ago by a drain that this logger has asked, and a logger over
    // a `PipelineDrain` asks none but its own: that lives as long as the logger is borrowed.
    unsafe { local.drain.get().as_ref() }
}

/// Completes the frame, unless the logger turns out to have fields.
#[inline(never)]
fn finish(
    logger: &Logger<PipelineDrain>,
    site: &'static CallSite,
    message: &fmt::Arguments<'_>,
    end: Quick,
) -> bool {
    with_local(|local| {
        // SAFETY: as `begin` found it; plain values have asked no other drain meanwhile.
        let drain = unsafe { local.drain.get().as_ref() };
        let (Some(drain), Some(definition)) = (drain, site.known()) else {
            local.busy.set(false);
            return false;
        };
        let (start, nanos) = (local.at.get(), local.nanos.get());
        let facts = site.record_static();
        let kv = ();
        let record = Record::new(&facts, message, slog::BorrowedKV(&kv));
        let mut probe = Probe;
        let list = logger.list();
        let empty =
            matches!(contain(|| slog::KV::serialize(list, &record, &mut probe)), Ok(Ok(())));
        if !empty {
            local.busy.set(false);
            local.with_fields.set(std::ptr::from_ref(list).addr());
            return false;
        }
        // SAFETY: the tail is kept free behind the fields, and the frame starts 8-aligned in the
        // thread's chunk. A value that logged meanwhile went elsewhere: `at` has not moved.
        unsafe {
            end.at.cast::<u64>().write_unaligned(0);
            let len = (end.at.addr() - start.addr()).next_multiple_of(ALIGN);
            let head = Head {
                len: len as u32,
                site: definition.id,
                logger: drain.name.id,
                list: 0,
                flags: 0,
                level: 7 - site.level().as_usize() as u8,
                count: site.keys.len() as u16,
                nanos,
                sequence: 0,
            };
            for (index, word) in head.words().into_iter().enumerate() {
                start.cast::<u64>().add(index).write(word.to_le());
            }
            commit(local, start.add(len));
        }
        local.busy.set(false);
        if drain.shared.mode_hint() != ASYNC {
            drain.shared.see_to_it(local);
        }
        true
    })
}

/// Finds out whether a logger has fields: fails with the first.
struct Probe;

impl Serializer for Probe {
    fn emit_arguments(&mut self, _: Key, _: &fmt::Arguments<'_>) -> slog::Result {
        Err(slog::Error::Other)
    }
}
