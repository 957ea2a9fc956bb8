//! What a thread has learned about the call sites and loggers that it uses through slog's own
//! macros, so that their constants need not be written again.
//!
//! What is found here is a guess, made from addresses; the writer compares every text before it
//! relies on one. An address that serves something else by now costs time, never truth.

use std::cell::RefCell;

use prisma_log_core::Level;

use crate::registry::{SiteDef, SiteFacts, define_list, define_site};

const SITES: usize = 256;
const LISTS: usize = 16;
/// After so many vain attempts to learn, keys are taken to differ from call to call.
const PATIENCE: u8 = 4;

/// A call site as slog's record tells it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) module: &'static str,
    pub(crate) function: &'static str,
    pub(crate) level: Level,
    pub(crate) message: Option<&'static str>,
}

impl Place {
    /// Whether the two are one: the same constants, not only the same text.
    #[inline]
    fn is(&self, other: &Place) -> bool {
        let same = |a: &'static str, b: &'static str| std::ptr::eq(a, b);
        self.line == other.line
            && self.column == other.column
            && self.level == other.level
            && same(self.file, other.file)
            && same(self.module, other.module)
            && same(self.function, other.function)
            && match (self.message, other.message) {
                (None, None) => true,
                (Some(a), Some(b)) => same(a, b),
                _ => false,
            }
    }

    #[inline]
    fn slot(&self) -> usize {
        let message = self.message.map_or(0, |text| text.as_ptr().addr());
        let mixed = self.file.as_ptr().addr()
            ^ message.rotate_left(7)
            ^ (self.line as usize) << 3
            ^ (self.column as usize) << 13;
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - SITES.trailing_zeros())
    }
}

/// A call site and the keys that it had last time.
pub(crate) struct KnownSite {
    place: Place,
    pub(crate) def: &'static SiteDef,
    /// In the order in which slog hands them over.
    pub(crate) keys: Box<[Box<str>]>,
    failures: u8,
}

/// The keys of a logger's own fields.
pub(crate) struct KnownList {
    address: usize,
    pub(crate) id: u16,
    pub(crate) keys: Box<[Box<str>]>,
    failures: u8,
}

/// One thread's knowledge; direct-mapped. Empty until there is something to know: many threads log
/// through the facade's macros alone.
#[derive(Default)]
pub(crate) struct Caches {
    sites: Vec<Option<KnownSite>>,
    lists: Vec<Option<KnownList>>,
    /// For contexts on their way into a chunk.
    pub(crate) scratch: RefCell<Vec<u8>>,
}

/// Makes room for what is to be known; whether there was memory.
fn prepare<T>(slots: &mut Vec<Option<T>>, count: usize) -> bool {
    if slots.is_empty() && slots.try_reserve_exact(count).is_ok() {
        slots.resize_with(count, || None);
    }
    !slots.is_empty()
}

impl Caches {
    #[inline]
    pub(crate) fn site(&self, place: &Place) -> Option<&KnownSite> {
        self.sites.get(place.slot())?.as_ref().filter(|known| known.place.is(place))
    }

    /// Takes in what keys a site had this time, in the order slog handed them over.
    pub(crate) fn learn_site(&mut self, place: &Place, keys: Vec<Box<str>>) {
        if !prepare(&mut self.sites, SITES) {
            return;
        }
        let slot = &mut self.sites[place.slot()];
        let known = slot.take().filter(|known| known.place.is(place));
        let failures = known.as_ref().map_or(0, |known| known.failures + 1);
        if failures >= PATIENCE {
            *slot = known.map(|known| KnownSite { failures: PATIENCE - 1, ..known });
            return;
        }
        let def = define_site(SiteFacts {
            file: place.file,
            line: place.line,
            column: place.column,
            module: place.module,
            function: place.function,
            level: place.level,
            message: place.message,
            keys: keys.iter().rev().cloned().collect(),
        });
        *slot = Some(KnownSite { place: *place, def, keys: keys.into(), failures });
    }

    fn list_slot(address: usize) -> usize {
        (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - LISTS.trailing_zeros())
    }

    #[inline]
    pub(crate) fn list(&self, address: usize) -> Option<&KnownList> {
        self.lists.get(Self::list_slot(address))?.as_ref().filter(|known| known.address == address)
    }

    /// Takes in the keys of the logger at this address.
    pub(crate) fn learn_list(&mut self, address: usize, keys: Vec<Box<str>>) {
        if !prepare(&mut self.lists, LISTS) {
            return;
        }
        let slot = &mut self.lists[Self::list_slot(address)];
        let known = slot.take().filter(|known| known.address == address);
        let failures = known.as_ref().map_or(0, |known| known.failures + 1);
        if failures >= PATIENCE {
            *slot = known.map(|known| KnownList { failures: PATIENCE - 1, ..known });
            return;
        }
        let id = define_list(&keys);
        *slot = Some(KnownList { address, id, keys: keys.into(), failures });
    }
}
