//! Counters in a file of their own that a killed process leaves behind.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const SLOTS: usize = 64;
/// Slots stand this many words apart: no two threads share a cache line.
const STRIDE: usize = 8;

/// Shared counters, all zero at first. Never unmapped: threads may outlive everything else.
#[derive(Clone, Copy)]
pub(crate) struct Oracle(&'static [AtomicU64]);

impl Oracle {
    /// Maps the file, which is created if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let cannot = |error| format!("cannot map {}: {error}", path.display());
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(cannot)?;
        let bytes = SLOTS * STRIDE * size_of::<AtomicU64>();
        file.set_len(bytes as u64).map_err(cannot)?;
        // SAFETY: a new shared mapping of a file that is long enough; nothing existing is touched.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(cannot(std::io::Error::last_os_error()));
        }
        // SAFETY: the mapping is page-aligned, that long, never unmapped, and any bytes in it are
        // valid counters; all who share it touch it through atomics only.
        Ok(Oracle(unsafe { std::slice::from_raw_parts(start.cast(), SLOTS * STRIDE) }))
    }

    pub(crate) fn set(self, slot: usize, value: u64) {
        self.0[slot * STRIDE].store(value, Ordering::Release);
    }

    pub(crate) fn add(self, slot: usize, value: u64) {
        self.0[slot * STRIDE].fetch_add(value, Ordering::AcqRel);
    }

    pub(crate) fn get(self, slot: usize) -> u64 {
        self.0[slot * STRIDE].load(Ordering::Acquire)
    }
}
