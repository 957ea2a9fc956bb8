//! The calls to the system that break things.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Sends a signal to this process.
pub(crate) fn raise(signal: i32) {
    // SAFETY: `kill` reads two numbers; what the signal does is what the caller wants.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// Sends a signal to a child that has not been waited for.
pub(crate) fn signal(pid: u32, signal: i32) {
    // SAFETY: `kill` reads two numbers; the process is this one's own child and not yet reaped, so
    // that its number names no other.
    unsafe { libc::kill(pid.cast_signed(), signal) };
}

/// Sleeps until a signal ends the process, at most this long.
pub(crate) fn wait_for_death(limit: Duration) {
    std::thread::sleep(limit);
}

/// Reads memory that must not be read.
pub(crate) fn segfault() {
    // SAFETY: a new mapping of one page; nothing existing is touched.
    let page = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_NONE, flags, -1, 0)
    };
    // SAFETY: the address is mapped, and the kernel answers the read with the signal that is wanted.
    unsafe { page.cast::<u8>().read_volatile() };
}

/// Allows this process no more memory than it has and `more` bytes, then asks for twice that:
/// Rust's answer is an abort.
pub(crate) fn exhaust_memory(more: u64) {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = pages.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default();
    set_limit(libc::RLIMIT_AS, pages * 4096 + more);
    let bytes = std::hint::black_box(2 * more) as usize;
    std::hint::black_box(vec![1_u8; bytes]);
}

/// Sets both the soft and the hard limit of this process.
pub(crate) fn set_limit(resource: libc::__rlimit_resource_t, value: u64) {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the structure lives across the call and is only read.
    unsafe { libc::setrlimit(resource, &raw const limit) };
}

/// Becomes a user that may be denied something; root never is. Whether this process is no root now.
pub(crate) fn leave_root() -> bool {
    // SAFETY: both only change this process's user.
    unsafe { libc::getuid() != 0 || libc::setuid(NOBODY) == 0 }
}

/// Whether this process may do anything.
pub(crate) fn is_root() -> bool {
    // SAFETY: only reads a number.
    unsafe { libc::geteuid() == 0 }
}

/// A user that owns no other process, as far as one can tell.
pub(crate) const NOBODY: u32 = 64_999;

/// Sees to it that a program does not outlive this one, however this one ends.
pub(crate) fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec, one system call is made that only sets a number.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

/// What a child is after a fork.
pub(crate) enum Forked {
    Parent,
    Child,
}

/// Forks. In the child only the calling thread goes on.
pub(crate) fn fork() -> Result<Forked, String> {
    // SAFETY: `fork` itself is sound; what the child calls next must expect locks that other
    // threads held, which is what these programs are about.
    match unsafe { libc::fork() } {
        -1 => Err(format!("cannot fork: {}", std::io::Error::last_os_error())),
        0 => Ok(Forked::Child),
        _pid => Ok(Forked::Parent),
    }
}

/// How a child of this process ended.
pub(crate) enum Reaped {
    Well,
    Badly,
    /// By the alarm that stops one that hangs.
    Hung,
}

/// Waits for any child.
pub(crate) fn reap() -> Option<Reaped> {
    let mut status = 0;
    // SAFETY: `status` lives across the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
    if pid <= 0 {
        None
    } else if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM {
        Some(Reaped::Hung)
    } else if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        Some(Reaped::Well)
    } else {
        Some(Reaped::Badly)
    }
}

/// Ends this process with SIGALRM after so many seconds, exec or not.
pub(crate) fn die_after(seconds: u32) {
    // SAFETY: only sets a timer.
    unsafe { libc::alarm(seconds) };
}

/// Runs the handlers that were registered for the end, then ends.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: ends the process; called by the only thread of a forked child.
    unsafe { libc::exit(code) }
}

/// Ends at once.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Becomes a program that ends well.
pub(crate) fn become_true() -> ! {
    let arguments = [c"true".as_ptr(), std::ptr::null()];
    for path in [c"/bin/true", c"/usr/bin/true"] {
        // SAFETY: path and arguments are NUL-terminated and live until the call fails.
        unsafe { libc::execv(path.as_ptr(), arguments.as_ptr()) };
    }
    exit_at_once(4)
}

/// Has SIGALRM call `handler`, in whichever thread it comes to.
pub(crate) fn on_alarm(handler: extern "C" fn(i32)) {
    // SAFETY: an all-zero `sigaction` is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the structure lives across the call; the handler has the signature that the flags
    // ask for, and does only what may be done in one.
    unsafe { libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()) };
}

/// Sends SIGALRM to the calling thread, and to no other, again and again until the thread ends.
pub(crate) fn interrupt_this_thread_every(period: Duration) -> Result<(), String> {
    let nanos = libc::timespec { tv_sec: 0, tv_nsec: period.subsec_nanos().into() };
    let times = libc::itimerspec { it_interval: nanos, it_value: nanos };
    // SAFETY: an all-zero `sigevent` is valid.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = libc::SIGALRM;
    // SAFETY: all structures live across the calls, and the timer that the first one makes is the
    // one that the second one starts.
    unsafe {
        event.sigev_notify_thread_id = libc::gettid();
        let mut timer: libc::timer_t = std::mem::zeroed();
        if libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) != 0
            || libc::timer_settime(timer, 0, &raw const times, std::ptr::null_mut()) != 0
        {
            return Err(format!("cannot start a timer: {}", std::io::Error::last_os_error()));
        }
    }
    Ok(())
}

/// Keeps SIGALRM from the calling thread from here on.
pub(crate) fn keep_alarms_from_this_thread() {
    // SAFETY: an all-zero set is valid, and lives across the calls, which change only this thread's
    // mask.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGALRM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Bytes of memory that this process has in use, shared ones included.
pub(crate) fn memory_in_use() -> u64 {
    status("VmRSS:")
}

/// The most that was ever in use.
pub(crate) fn most_memory_in_use() -> u64 {
    status("VmHWM:")
}

fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// Counts SIGHUPs from here on; how many there have been.
pub(crate) fn count_hang_ups() -> fn() -> u64 {
    static HANG_UPS: AtomicU64 = AtomicU64::new(0);
    extern "C" fn count(_signal: i32) {
        HANG_UPS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: an all-zero `sigaction` is valid: an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the structure lives across the call; the handler has the signature that the flags ask
    // for, and only adds to a counter.
    unsafe { libc::sigaction(libc::SIGHUP, &raw const action, std::ptr::null_mut()) };
    || HANG_UPS.load(Ordering::Relaxed)
}

/// Makes a FIFO.
pub(crate) fn fifo(path: &Path) -> bool {
    let Ok(text) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: the path is NUL-terminated and lives across the call.
    unsafe { libc::mkfifo(text.as_ptr(), 0o600) == 0 }
}

/// Gives this process mounts of its own, which end with it.
pub(crate) fn own_mounts() -> Result<(), String> {
    let cannot = || format!("no mounts of its own: {}", std::io::Error::last_os_error());
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: takes a number; the calling thread and those that it starts get the new name space.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(cannot());
    }
    let none = std::ptr::null();
    // SAFETY: the texts are NUL-terminated and live across the call; what may be null is.
    match unsafe { libc::mount(c"none".as_ptr(), c"/".as_ptr(), none, flags, none.cast()) } {
        0 => Ok(()),
        _ => Err(cannot()),
    }
}

/// Bytes of the file system at the path: all, and those that are free.
pub(crate) fn space(path: &Path) -> Result<(u64, u64), String> {
    let cannot = |error: &dyn std::fmt::Display| format!("no room at {}: {error}", path.display());
    let text = CString::new(path.as_os_str().as_bytes()).map_err(|error| cannot(&error))?;
    // SAFETY: all-zero is valid for numbers.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is NUL-terminated, and both live across the call.
    if unsafe { libc::statvfs(text.as_ptr(), &raw mut found) } != 0 {
        return Err(cannot(&std::io::Error::last_os_error()));
    }
    Ok((found.f_blocks * found.f_frsize, found.f_bfree * found.f_frsize))
}

/// Has the signals that ask a process to end do so, whatever this process was started with: what
/// runs in a shell's background starts with SIGINT ignored.
pub(crate) fn hear_end_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: takes numbers.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}
