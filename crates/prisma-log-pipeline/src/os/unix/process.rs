//! The process: who owns it, and what happens when it forks or ends.
#![expect(unsafe_code, reason = "hooks of the C library")]

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// The effective user, who owns what the process creates.
pub(crate) fn user_id() -> u32 {
    // SAFETY: takes nothing, can't fail.
    unsafe { libc::geteuid() }
}

/// Has `hook` called when the process returns from `main` or calls `exit`; whether it will be.
///
/// The first call counts, further ones change nothing. Hooks run in the thread that exits, last
/// registered first, while other threads go on; thread-local storage of that thread may be gone. A
/// forked child that exits this way calls it too. No panic may leave the hook.
pub(crate) fn at_exit(hook: extern "C" fn()) -> bool {
    static DONE: AtomicBool = AtomicBool::new(false);
    // SAFETY: a function that takes nothing lives as long as the process.
    once(&DONE, || unsafe { libc::atexit(hook) } == 0)
}

/// Has the hooks called around every `fork` of this process: `prepare` before it, `parent` and
/// `child` after it; whether they will be.
///
/// The first call counts, further ones change nothing. The child has one thread, the one that
/// forked; `child` may only do what is async-signal-safe, since any lock, the allocator's too, may
/// be held by a thread that isn't there (glibc keeps its own allocator usable). Not called for
/// `vfork`, `posix_spawn`, or a bare `clone`. No panic may leave a hook.
pub(crate) fn at_fork(
    prepare: extern "C" fn(),
    parent: extern "C" fn(),
    child: extern "C" fn(),
) -> bool {
    static DONE: AtomicBool = AtomicBool::new(false);
    // SAFETY: functions that take nothing live as long as the process.
    once(&DONE, || unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) } == 0)
}

fn once(done: &AtomicBool, register: impl FnOnce() -> bool) -> bool {
    if done.swap(true, Ordering::Relaxed) {
        return true;
    }
    let registered = register();
    done.store(registered, Ordering::Relaxed);
    registered
}

/// Ends the process as `signal` does when nobody handles it, so that its parent sees that signal.
///
/// Where the signal doesn't end processes by default, or not this one (the first process of a
/// container is immune), it exits with code 128 + `signal`, without running exit hooks.
pub(crate) fn raise_default(signal: i32) -> ! {
    set_default(signal);
    // SAFETY: the set is initialised by `sigemptyset` before it is used; the rest takes numbers.
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
        libc::raise(signal);
        libc::_exit(128_i32.saturating_add(signal))
    }
}

fn set_default(signal: i32) {
    // SAFETY: all zero is a valid `sigaction`: the default action, no flags.
    unsafe {
        let action = MaybeUninit::<libc::sigaction>::zeroed();
        libc::sigaction(signal, action.as_ptr(), ptr::null_mut());
    }
}

/// Has `file` stand for nothing any more: what ends with the last close of what it stood for ends as
/// far as this process is concerned. For a forked child, which must not keep its parent's locks.
pub(crate) fn disconnect(file: &std::fs::File) {
    use std::os::fd::AsRawFd as _;
    // SAFETY: takes numbers and a constant string; `dup2` closes what the descriptor was, and its
    // owner will close what it is now.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if null >= 0 {
            libc::dup2(null, file.as_raw_fd());
            libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC);
            libc::close(null);
        }
    }
}

/// Has the calling thread, one of this library's own, leave all signals to the program's threads.
pub(crate) fn block_signals() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is initialised by `sigfillset` before it is used. A fault of this thread's own
    // (SIGSEGV and its kind) ends the process all the same.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
