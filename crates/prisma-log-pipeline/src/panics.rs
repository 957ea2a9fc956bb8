//! Panics as records: a hook in front of the one that was there before.

use std::backtrace::Backtrace;
use std::fmt::{self, Write as _};
use std::panic::PanicHookInfo;
use std::sync::{Arc, RwLock};

/// Longest backtrace text that is kept, in bytes.
const MAX_BACKTRACE: usize = 8 * 1024;
/// Longest text of a backtrace that is looked at: the first frames are the panic's own machinery.
const MAX_RAW_BACKTRACE: usize = 32 * 1024;

/// What is known of a panic.
#[derive(Debug)]
pub(crate) struct PanicFacts<'a> {
    /// What it was raised with, if that was text; else `Box<dyn Any>`.
    pub(crate) payload: &'a str,
    /// Source file, line and column, the latter from 1.
    pub(crate) location: Option<(&'a str, u32, u32)>,
    /// The thread's name; `<unnamed>` for one without.
    pub(crate) thread: &'a str,
    /// The calls that led there, innermost first, from the panicking one on, each on two lines; at
    /// most 8 KiB. Without debug information only names, without symbols only numbers.
    pub(crate) backtrace: &'a str,
}

type Make = dyn Fn(&PanicFacts<'_>) + Send + Sync;
type Slot = RwLock<Option<Arc<Make>>>;

/// As long as it lives, panics are reported; dropping it makes the hook pass them on and nothing
/// else. (Others may have put hooks in front of it meanwhile: it can't be taken out.)
#[must_use]
pub(crate) struct HookHandle(Arc<Slot>);

impl fmt::Debug for HookHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookHandle")
    }
}

impl Drop for HookHandle {
    fn drop(&mut self) {
        let make = self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        drop(make); // not under the lock: what it holds may run anything
    }
}

/// Has `make` called at every panic of the process, in the thread that panics, before the hook that
/// was there before.
///
/// `make` must not panic, nor run what may: std aborts a process that panics within a panic hook,
/// and catching it there is of no use. It must not wait either for what the panicking thread may be
/// holding or doing. From a thread that is panicking nothing can be installed; the handle then
/// stands for nothing.
pub(crate) fn install(make: impl Fn(&PanicFacts<'_>) + Send + Sync + 'static) -> HookHandle {
    let slot: Arc<Slot> = Arc::new(RwLock::new(Some(Arc::new(make))));
    if !std::thread::panicking() {
        let hook_slot = slot.clone();
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            report(&hook_slot, info);
            previous(info);
        }));
    }
    HookHandle(slot)
}

fn report(slot: &Slot, info: &PanicHookInfo<'_>) {
    // A lock that is taken is being emptied. Cloned, so that it isn't held while `make` runs.
    let Some(make) = slot.try_read().ok().and_then(|make| make.clone()) else { return };
    let backtrace = backtrace();
    let thread = std::thread::current();
    let facts = PanicFacts {
        payload: info.payload_as_str().unwrap_or("Box<dyn Any>"),
        location: info.location().map(|place| (place.file(), place.line(), place.column())),
        thread: thread.name().unwrap_or("<unnamed>"),
        backtrace: &backtrace,
    };
    make(&facts);
}

fn backtrace() -> String {
    let mut raw = Bounded(String::new());
    let _ = write!(raw, "{}", Backtrace::force_capture()); // an error is a full buffer
    let mut text = raw.0;
    text.drain(..machinery(&text));
    text.truncate(text.floor_char_boundary(MAX_BACKTRACE));
    text
}

/// Takes so much text and then no more.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_RAW_BACKTRACE - self.0.len();
        let end = text.floor_char_boundary(room);
        self.0.push_str(&text[..end]);
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Length of the frames that only belong to the panic itself, hooks and all.
fn machinery(text: &str) -> usize {
    const MARKS: [&str; 4] =
        ["rust_begin_unwind", "core::panicking::", "std::panicking::", "std::panic::panic_any"];
    let mut end = 0;
    let mut at = 0;
    let mut is_inside = false;
    for line in text.split_inclusive('\n') {
        if let Some(name) = frame_name(line) {
            if is_inside {
                end = at;
            }
            is_inside = MARKS.iter().any(|mark| name.contains(mark));
        }
        at += line.len();
    }
    end
}

/// The function of a line such as `  12: core::panicking::panic_fmt`; lines with places have none.
fn frame_name(line: &str) -> Option<&str> {
    let (number, name) = line.trim_start().split_once(": ")?;
    number.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

#[cfg(test)]
mod tests;
