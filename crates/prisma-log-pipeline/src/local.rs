//! What each thread keeps: its place in its chunk, and what it has learned about call sites.

use std::cell::{Cell, RefCell};
use std::sync::Weak;

use crate::cache::Caches;
use crate::drain::PipelineDrain;
use crate::shared::Shared;

/// The calling thread's state, readable in a few instructions, also in thread-local destructors:
/// nothing in it needs dropping.
pub(crate) struct Local {
    /// Number of the pipeline that the fields below belong to; 0 is none.
    pub(crate) owner: Cell<u64>,
    /// Start of the chunk being written.
    pub(crate) base: Cell<*mut u8>,
    /// Where the next frame goes.
    pub(crate) at: Cell<*mut u8>,
    /// One past the chunk's last byte.
    pub(crate) end: Cell<*mut u8>,
    /// Records in the chunk.
    pub(crate) records: Cell<u32>,
    /// The thread's stream of chunks.
    pub(crate) stream: Cell<u32>,
    /// The context that frames at `at` are read in; see [`prisma_log_context::version`].
    pub(crate) context: Cell<u64>,
    /// A record is being written: another one, made by its values, must not use the chunk.
    pub(crate) busy: Cell<bool>,
    /// The writer of that record, as an address.
    pub(crate) writer: Cell<usize>,
    /// The thread holds the lock of a shared stream.
    pub(crate) appending: Cell<bool>,
    /// This thread drives sinks: what it logs comes from a sink.
    pub(crate) in_sink: Cell<bool>,
    /// The drain that was last asked whether it takes a level.
    pub(crate) drain: Cell<*const PipelineDrain>,
    /// The time of the record that is being written.
    pub(crate) nanos: Cell<u64>,
    /// Where a logger was last that had fields of its own: a hint.
    pub(crate) with_fields: Cell<usize>,
    /// What the thread has learned; null before its first record and after its end.
    pub(crate) caches: Cell<*const RefCell<Caches>>,
    /// The thread is past the destructor that gives its chunk back.
    pub(crate) ended: Cell<bool>,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            owner: Cell::new(0),
            base: Cell::new(std::ptr::null_mut()),
            at: Cell::new(std::ptr::null_mut()),
            end: Cell::new(std::ptr::null_mut()),
            records: Cell::new(0),
            stream: Cell::new(0),
            context: Cell::new(0),
            busy: Cell::new(false),
            writer: Cell::new(0),
            appending: Cell::new(false),
            in_sink: Cell::new(false),
            drain: Cell::new(std::ptr::null()),
            nanos: Cell::new(0),
            with_fields: Cell::new(0),
            caches: Cell::new(std::ptr::null()),
            ended: Cell::new(false),
        }
    };

    /// What needs dropping.
    static OWNED: Owned = Owned::default();
}

/// Lends the calling thread's state.
#[inline(always)]
pub(crate) fn with_local<R>(f: impl FnOnce(&Local) -> R) -> R {
    LOCAL.with(f)
}

#[derive(Default)]
struct Owned {
    caches: RefCell<Caches>,
    /// The thread's place in each pipeline that it has logged to.
    places: RefCell<Vec<Place>>,
}

struct Place {
    owner: u64,
    shared: Weak<Shared>,
    base: *mut u8,
    at: *mut u8,
    end: *mut u8,
    records: u32,
    stream: u32,
    context: u64,
}

impl Place {
    fn take(local: &Local, shared: Weak<Shared>) -> Self {
        Place {
            owner: local.owner.get(),
            shared,
            base: local.base.get(),
            at: local.at.get(),
            end: local.end.get(),
            records: local.records.get(),
            stream: local.stream.get(),
            context: local.context.get(),
        }
    }

    fn put(&self, local: &Local) {
        local.base.set(self.base);
        local.at.set(self.at);
        local.end.set(self.end);
        local.records.set(self.records);
        local.stream.set(self.stream);
        local.context.set(self.context);
        local.owner.set(self.owner);
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        with_local(|local| {
            local.ended.set(true);
            local.caches.set(std::ptr::null());
            leave(local, &self.places);
            for place in self.places.take() {
                if let Some(shared) = place.shared.upgrade() {
                    shared.end_stream(place.stream);
                }
            }
        });
    }
}

/// Saves where the thread stands in the pipeline that it has logged to last.
fn leave(local: &Local, places: &RefCell<Vec<Place>>) {
    let owner = local.owner.get();
    if let Some(place) = places.borrow_mut().iter_mut().find(|place| place.owner == owner) {
        *place = Place::take(local, place.shared.clone());
    }
    local.owner.set(0);
}

/// Turns the thread to this pipeline: to where it stood in it, or to a new stream, which `begin`
/// puts into `local`. `false` when it has no stream of its own there: it is ending, or there are
/// too many threads.
pub(crate) fn turn_to(
    local: &Local,
    id: u64,
    shared: &Weak<Shared>,
    begin: impl FnOnce(&Local) -> bool,
) -> bool {
    if local.ended.get() {
        return false;
    }
    let turned = OWNED.try_with(|owned| {
        leave(local, &owned.places);
        local.caches.set(&raw const owned.caches);
        let mut places = owned.places.borrow_mut();
        if let Some(place) = places.iter().find(|place| place.owner == id) {
            place.put(local);
            return true;
        }
        places.retain(|place| place.shared.strong_count() > 0);
        // Out of memory, a thread goes with the crowd.
        if places.try_reserve(1).is_err() || !begin(local) {
            return false;
        }
        local.owner.set(id);
        places.push(Place::take(local, shared.clone()));
        true
    });
    turned.unwrap_or(false)
}

/// Forgets this thread's places: in a forked child, they are its parent's.
pub(crate) fn forget_places() {
    with_local(|local| {
        local.owner.set(0);
        local.busy.set(false);
        local.appending.set(false);
        local.in_sink.set(false);
    });
    let _ended = OWNED.try_with(|owned| {
        if let Ok(mut places) = owned.places.try_borrow_mut() {
            places.clear();
        }
    });
}
