//! Signals that ask the process to end, as numbers in a pipe.
#![expect(unsafe_code, reason = "signal handlers")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::process::raise_default;

/// Hears the first of some signals; from then on, they do again what they did before.
///
/// The handler puts the previous actions back and writes the number to a pipe, nothing else. So a
/// second Ctrl-C during a long flush ends the process at once, and a handler that was there before
/// gets the second signal. Signals that were ignored stay ignored, as `nohup` wants it. A forked
/// child that hasn't installed its own listens to none: there, the previous action is what happens.
#[derive(Debug)]
pub(crate) struct SignalPipe {
    signals: &'static Signals,
}

#[derive(Debug)]
struct Signals {
    pipe: Pipe,
    previous: Vec<Previous>,
}

struct Previous {
    signal: libc::c_int,
    action: libc::sigaction,
}

impl std::fmt::Debug for Previous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:#x}", self.signal, self.action.sa_sigaction)
    }
}

/// Both ends close on exec and never block; they are never closed before, since a handler may be
/// about to write.
#[derive(Clone, Copy, Debug)]
struct Pipe {
    process: u32,
    reader: RawFd,
    writer: RawFd,
}

/// What the handler goes by: never freed. Null when nothing is listening, and from the first signal
/// on.
static ACTIVE: AtomicPtr<Signals> = AtomicPtr::new(ptr::null_mut());
/// The process whose `SignalPipe` lives; 0 when none does.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// The pipe of the last `SignalPipe`, for the next one.
static PIPE: Mutex<Option<Pipe>> = Mutex::new(None);

impl SignalPipe {
    /// Listens for `signals` from now on.
    ///
    /// # Errors
    /// When another `SignalPipe` of this process lives ([`io::ErrorKind::AlreadyExists`]), when a
    /// number is none of a signal that can be handled, or there are no file descriptors left.
    pub(crate) fn install(signals: &[i32]) -> io::Result<SignalPipe> {
        let process = std::process::id();
        let owner = OWNER.load(Ordering::Acquire);
        let taken = || OWNER.compare_exchange(owner, process, Ordering::AcqRel, Ordering::Acquire);
        if owner == process || taken().is_err() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "this process is listening for signals already",
            ));
        }
        let installed = listen(process, signals);
        if installed.is_err() {
            OWNER.store(0, Ordering::Release);
        }
        installed
    }

    /// Waits for the first of the signals, and gives its number; 0 when none can come any more.
    pub(crate) fn wait(&self) -> i32 {
        self.signals.pipe.read()
    }

    /// Ends a [`wait`](Self::wait), the running one or the next, with 0. From any thread.
    #[cfg(test)]
    pub(crate) fn wake(&self) {
        self.signals.pipe.write(0);
    }

    /// Does what `signal` would have done without this pipe: ends the process, or calls the handler
    /// that was there before. Returns in the second case, and when a handler that was installed
    /// since has called this one, and so had the signal already.
    pub(crate) fn pass_on(&self, signal: i32) {
        restore(self.signals, signal);
        let Ok(now) = exchange(signal, None) else { return };
        let previous = self.signals.previous.iter().find(|previous| previous.signal == signal);
        if now.sa_sigaction == libc::SIG_DFL {
            raise_default(signal);
        } else if previous.is_some_and(|p| p.action.sa_sigaction == now.sa_sigaction) {
            // SAFETY: takes numbers. To the process, so that any thread may handle it.
            unsafe { libc::kill(libc::getpid(), signal) };
        }
    }
}

impl Drop for SignalPipe {
    /// Puts the previous actions back, unless the first signal did, or others were set since.
    fn drop(&mut self) {
        if OWNER.load(Ordering::Acquire) == self.signals.pipe.process {
            restore(self.signals, 0);
            OWNER.store(0, Ordering::Release);
        }
    }
}

fn listen(process: u32, numbers: &[i32]) -> io::Result<SignalPipe> {
    // SAFETY: what was ever active is never freed.
    if let Some(parents) = unsafe { ACTIVE.load(Ordering::Acquire).as_ref() } {
        restore(parents, 0);
    }
    let pipe = Pipe::take(process)?;
    let mut previous = Vec::new();
    for &signal in numbers {
        let action = exchange(signal, None)?;
        if action.sa_sigaction != libc::SIG_IGN {
            previous.push(Previous { signal, action });
        }
    }
    let signals: &'static Signals = Box::leak(Box::new(Signals { pipe, previous }));
    ACTIVE.store(ptr::from_ref(signals).cast_mut(), Ordering::Release);
    for previous in &signals.previous {
        if let Err(error) = exchange(previous.signal, Some(&handling())) {
            restore(signals, 0);
            return Err(error);
        }
    }
    Ok(SignalPipe { signals })
}

/// The one handler. Async-signal-safe: atomics, `sigaction`, `getpid`, `raise`, `write`.
extern "C" fn handle(signal: libc::c_int) {
    // SAFETY: what was ever active is never freed.
    let Some(signals) = (unsafe { ACTIVE.load(Ordering::Acquire).as_ref() }) else {
        return; // two signals at once: the other one is being heard
    };
    let errno = errno::get();
    let is_back = restore(signals, signal);
    if std::process::id() == signals.pipe.process {
        signals.pipe.write(signal as u8); // numbers end at 64
    } else if is_back {
        // A forked child: its parent is not meant. Comes again when this handler is left.
        // SAFETY: takes a number.
        unsafe { libc::raise(signal) };
    }
    errno::set(errno);
}

/// Puts the previous actions back, once, where the handler is still this module's; whether that of
/// `asked` is now what it was before.
fn restore(signals: &'static Signals, asked: libc::c_int) -> bool {
    let active = ptr::from_ref(signals).cast_mut();
    let mine =
        ACTIVE.compare_exchange(active, ptr::null_mut(), Ordering::AcqRel, Ordering::Acquire);
    let mut is_back = false;
    if mine.is_ok() {
        for Previous { signal, action } in &signals.previous {
            let is_ours = exchange(*signal, None)
                .is_ok_and(|now| now.sa_sigaction == handling().sa_sigaction);
            if is_ours && exchange(*signal, Some(action)).is_ok() && *signal == asked {
                is_back = true;
            }
        }
    }
    is_back
}

/// The action of a signal, and a new one for it.
fn exchange(signal: libc::c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    let new = new.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: both are valid or null for the call, and all zero is a valid `sigaction`.
    unsafe {
        match libc::sigaction(signal, new, old.as_mut_ptr()) {
            0 => Ok(old.assume_init()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

fn handling() -> libc::sigaction {
    // SAFETY: all zero is a valid `sigaction`, and `sigfillset` initialises the set.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigfillset(&raw mut action.sa_mask);
        action
    }
}

impl Pipe {
    /// The pipe of this process, emptied, or a new one.
    fn take(process: u32) -> io::Result<Pipe> {
        // Held by another thread only when this process was forked meanwhile: then it is not ours.
        let Ok(mut last) = PIPE.try_lock() else { return Pipe::new(process) };
        if let Some(pipe) = last.filter(|pipe| pipe.process == process) {
            while let Ok(Some(_)) = pipe.try_read() {}
            return Ok(pipe);
        }
        let pipe = Pipe::new(process)?;
        *last = Some(pipe);
        Ok(pipe)
    }

    fn new(process: u32) -> io::Result<Pipe> {
        let mut ends = [-1; 2];
        // SAFETY: room for two descriptors.
        if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let [reader, writer] = ends;
        // In steps, as not every system has `pipe2`. A process that is started in between inherits
        // the ends, and does nothing with them.
        for end in ends {
            // SAFETY: takes numbers; the descriptors were just made.
            unsafe {
                libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC);
                libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK);
            }
        }
        Ok(Pipe { process, reader, writer })
    }

    /// Async-signal-safe. A full pipe has told already what there is to tell.
    fn write(self, number: u8) {
        // SAFETY: one byte is there to be read.
        unsafe { libc::write(self.writer, ptr::from_ref(&number).cast(), 1) };
    }

    /// Waits for a number; 0 when no more can come.
    fn read(self) -> i32 {
        loop {
            match self.try_read() {
                Ok(Some(number)) => return i32::from(number),
                Ok(None) => {}
                Err(_) => return 0,
            }
            let mut entry = libc::pollfd { fd: self.reader, events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry, and a count of one.
            unsafe { libc::poll(&raw mut entry, 1, -1) };
        }
    }

    fn try_read(self) -> io::Result<Option<u8>> {
        let mut number = 0_u8;
        // SAFETY: there is room for one byte.
        match unsafe { libc::read(self.reader, ptr::from_mut(&mut number).cast(), 1) } {
            1 => Ok(Some(number)),
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
                e if e.kind() == io::ErrorKind::Interrupted => Ok(None),
                e => Err(e),
            },
        }
    }
}

/// `errno`, which a handler must leave as it was; nothing on systems that hide it elsewhere.
mod errno {
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    fn place() -> *mut libc::c_int {
        // SAFETY: takes nothing; the place is the calling thread's own.
        #[cfg(target_os = "linux")]
        unsafe {
            libc::__errno_location()
        }
        // SAFETY: as above.
        #[cfg(not(target_os = "linux"))]
        unsafe {
            libc::__error()
        }
    }

    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    pub(super) fn get() -> libc::c_int {
        // SAFETY: `place` is valid as long as the thread.
        unsafe { *place() }
    }

    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    pub(super) fn set(number: libc::c_int) {
        // SAFETY: as above.
        unsafe { *place() = number }
    }

    #[cfg(not(any(
        target_os = "linux",
        target_os = "macos",
        target_os = "ios",
        target_os = "freebsd"
    )))]
    pub(super) fn get() -> libc::c_int {
        0
    }

    #[cfg(not(any(
        target_os = "linux",
        target_os = "macos",
        target_os = "ios",
        target_os = "freebsd"
    )))]
    pub(super) fn set(_: libc::c_int) {}
}
