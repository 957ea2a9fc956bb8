//! Mappings, and the fence that makes other threads' stores visible.
#![expect(unsafe_code, reason = "memory is mapped by system calls")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd as _;
use std::ptr::{self, NonNull};

/// Readable and writable memory that is unmapped on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to the process, not to a thread; who reads and writes it through
// `ptr`, and in what order, is up to the unsafe code that does so.
unsafe impl Send for Mapping {}
// SAFETY: as above; the methods themselves only read `start` and `len`.
unsafe impl Sync for Mapping {}

/// Maps the first `len` bytes of `file`, shared with everybody who maps it, and kept by the kernel
/// when this process dies.
///
/// The file must be open for reading and writing, and must not be cut while it is mapped.
///
/// # Errors
/// When the file is shorter than `len`, `len` is 0, or the kernel refuses.
pub(crate) fn map_file(file: &File, len: usize) -> io::Result<Mapping> {
    if file.metadata()?.len() < len as u64 {
        // Mapped all the same, the missing part would raise SIGBUS when it is touched.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "file shorter than its mapping"));
    }
    map(len, libc::MAP_SHARED, file.as_raw_fd())
}

/// Maps `len` zero bytes that belong to this process alone; a forked child gets a copy.
///
/// # Errors
/// When `len` is 0 or the kernel refuses.
pub(crate) fn map_anonymous(len: usize) -> io::Result<Mapping> {
    map(len, libc::MAP_PRIVATE | libc::MAP_ANON, -1)
}

fn map(len: usize, flags: libc::c_int, fd: libc::c_int) -> io::Result<Mapping> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: without MAP_FIXED the kernel picks a free range; nothing that exists is touched.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, protection, flags, fd, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
    Ok(Mapping { start, len })
}

impl Mapping {
    /// The first byte; at the start of a page.
    pub(crate) fn ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Asks the kernel to provide the pages of a byte range now, so that no page fault comes in
    /// between later; the contents stay. Whether it did: it is not needed for anything to work, and
    /// only Linux from 5.14 on can.
    pub(crate) fn populate(&self, range: Range<usize>) -> bool {
        if range.start >= range.end || range.end > self.len {
            return false;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            const MADV_POPULATE_WRITE: libc::c_int = 23; // the same on all architectures
            let start = range.start - range.start % page_size();
            // SAFETY: the range lies within the mapping; contents are not changed.
            let result = unsafe {
                let start = self.start.as_ptr().add(start).cast();
                libc::madvise(start, range.end - range.start, MADV_POPULATE_WRITE)
            };
            result == 0
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        false
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped, once; whoever holds pointers into it must
        // keep the `Mapping` as long.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn page_size() -> usize {
    // SAFETY: takes a number, gives a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

/// Makes `file` at least `len` bytes long and takes the room for them now: a mapped file without
/// room kills the process with SIGBUS when a page is touched.
///
/// # Errors
/// When there is no room. Where the file system can't promise room, only the length is set.
pub(crate) fn reserve(file: &File, len: u64) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let size = libc::off_t::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        loop {
            // SAFETY: takes numbers; the descriptor is open as long as `file`.
            if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, size) } == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EOPNOTSUPP | libc::ENOSYS) => break,
                _ => return Err(error),
            }
        }
    }
    if file.metadata()?.len() < len { file.set_len(len) } else { Ok(()) }
}

/// Makes every running thread of this process pass a full memory barrier before it returns; whether
/// that could be done.
///
/// With it the frequent side of a protocol gets by with a compiler fence where it would need a
/// sequentially consistent one. `false` means that nothing happened: other systems, Linux before
/// 4.3, or a sandbox that forbids `membarrier`.
pub(crate) fn heavy_fence() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        const GLOBAL: libc::c_int = 1;
        const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
        const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
        let call = |command: libc::c_int| {
            // SAFETY: takes numbers; without flags it only orders memory accesses.
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
        };
        // Refused until registered, which is once in a process and maybe again in a forked child.
        call(PRIVATE_EXPEDITED)
            || (call(REGISTER_PRIVATE_EXPEDITED) && call(PRIVATE_EXPEDITED))
            || call(GLOBAL)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    false
}
