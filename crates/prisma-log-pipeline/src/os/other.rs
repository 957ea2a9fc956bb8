//! The side of systems that are not Unix: records live in plain memory and die with the process.
#![expect(unsafe_code, reason = "memory that is aligned to pages and shared by pointer")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::ptr::NonNull;

const PAGE: usize = 4096;

/// Readable and writable memory that is freed on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory belongs to the process, not to a thread; who reads and writes it through
// `ptr`, and in what order, is up to the unsafe code that does so.
unsafe impl Send for Mapping {}
// SAFETY: as above; the methods themselves only read `start` and `layout`.
unsafe impl Sync for Mapping {}

/// Not on this system.
///
/// # Errors
/// Always, with [`io::ErrorKind::Unsupported`].
pub(crate) fn map_file(_file: &File, _len: usize) -> io::Result<Mapping> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "mapped files are not supported here"))
}

/// `len` zero bytes that belong to this process alone.
///
/// # Errors
/// When `len` is 0 or there is no memory left.
pub(crate) fn map_anonymous(len: usize) -> io::Result<Mapping> {
    let layout = Layout::from_size_align(len, PAGE)
        .ok()
        .filter(|layout| layout.size() > 0)
        .ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the size is not 0.
    let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(io::ErrorKind::OutOfMemory)?;
    Ok(Mapping { start, layout })
}

impl Mapping {
    /// The first byte; at the start of a page.
    pub(crate) fn ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.layout.size()
    }

    /// Whether the pages of a byte range were provided ahead: never.
    pub(crate) fn populate(&self, _range: Range<usize>) -> bool {
        false
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, once; whoever holds pointers into it must keep the
        // `Mapping` as long.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// Makes `file` at least `len` bytes long.
///
/// # Errors
/// When there is no room.
pub(crate) fn reserve(file: &File, len: u64) -> io::Result<()> {
    if file.metadata()?.len() < len { file.set_len(len) } else { Ok(()) }
}

/// Whether every other thread passed a memory barrier: never.
pub(crate) fn heavy_fence() -> bool {
    false
}

/// The user; 0, as there are no numbers for them.
pub(crate) fn user_id() -> u32 {
    0
}

/// Whether `hook` will be called at the exit: no.
pub(crate) fn at_exit(_hook: extern "C" fn()) -> bool {
    false
}

/// Whether the hooks will be called around every fork: no, as there is none.
pub(crate) fn at_fork(
    _prepare: extern "C" fn(),
    _parent: extern "C" fn(),
    _child: extern "C" fn(),
) -> bool {
    false
}

/// Would hear signals; can't be made here.
#[derive(Debug)]
pub(crate) struct SignalPipe(std::convert::Infallible);

impl SignalPipe {
    /// Not on this system.
    ///
    /// # Errors
    /// Always, with [`io::ErrorKind::Unsupported`].
    pub(crate) fn install(_signals: &[i32]) -> io::Result<SignalPipe> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "signals are not supported here"))
    }

    /// The number of the first signal.
    pub(crate) fn wait(&self) -> i32 {
        match self.0 {}
    }

    /// Does what `signal` would have done.
    pub(crate) fn pass_on(&self, _signal: i32) {
        match self.0 {}
    }
}

/// Nothing: there is no fork.
pub(crate) fn disconnect(_file: &std::fs::File) {}

/// Signals by which a process is asked to end; none are heard.
pub(crate) const END_SIGNALS: [i32; 0] = [];

/// Nothing: there are no signals.
pub(crate) fn block_signals() {}
