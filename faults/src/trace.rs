//! Programs of which every system call is counted, and that die at one of them.
//!
//! What `strace -f -e inject=…:signal=KILL:when=N` does for one kind of call in one thread, for all
//! calls of all threads in the order in which they are made.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What a program tells its tracer, by asking for the process group of a process that no system
/// has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Say {
    /// Calls are counted from here on.
    Begin = 0x7ace_0001,
    /// The calling thread's are not, from here on.
    Leave = 0x7ace_0002,
    /// None are, from here on.
    End = 0x7ace_0003,
}

/// Tells the tracer, if there is one.
pub(crate) fn say(what: Say) {
    // SAFETY: takes a number, and fails.
    unsafe { libc::getpgid(what as i32) };
}

/// How a traced program ended.
#[derive(Default)]
pub(crate) struct Traced {
    /// Whether it was killed at the call that was asked for; else it ended by itself.
    pub(crate) killed: bool,
    pub(crate) ended_well: bool,
    /// The last call that was counted, by name.
    pub(crate) last: String,
    /// How often each call was made.
    pub(crate) calls: BTreeMap<String, u64>,
}

/// Runs the program, and kills it as it enters the counted call of this number, from 1.
pub(crate) fn run(mut command: Command, kill_at: u64) -> Result<Traced, String> {
    // SAFETY: between fork and exec, one system call is made that only marks the process.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let child =
        command.spawn().map_err(|error| format!("cannot start a traced program: {error}"))?;
    let leader = child.id().cast_signed();
    let mut traced = Traced::default();
    let mut state = State { begun: false, left: BTreeSet::new(), count: 0 };
    let mut options_set = false;
    loop {
        let mut status = 0;
        // SAFETY: `status` lives across the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
        if pid == -1 {
            return Err(format!("lost a traced program: {}", io::Error::last_os_error()));
        }
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            if pid == leader {
                traced.ended_well = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
                return Ok(traced);
            }
            continue;
        }
        if !options_set {
            options_set = true;
            let options =
                libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
            request(libc::PTRACE_SETOPTIONS, pid, options as usize)
                .map_err(|error| format!("cannot trace: {error}"))?;
        }
        let signal = match libc::WSTOPSIG(status) {
            stop if stop == libc::SIGTRAP | 0x80 => {
                if let Some(call) = state.entered(pid) {
                    let name = name(call);
                    traced.last.clone_from(&name);
                    *traced.calls.entry(name).or_default() += 1;
                    if state.count == kill_at {
                        traced.killed = true;
                        // SAFETY: takes numbers; the process is a child that was not reaped.
                        unsafe { libc::kill(leader, libc::SIGKILL) };
                        continue;
                    }
                }
                0
            }
            // What the tracing itself brings: an exec, a new thread's beginning.
            libc::SIGTRAP | libc::SIGSTOP => 0,
            signal => signal,
        };
        // Fails only where the thread is gone already; its end is reported then.
        let _ = request(libc::PTRACE_SYSCALL, pid, signal as usize);
    }
}

struct State {
    begun: bool,
    /// Threads whose calls are not counted.
    left: BTreeSet<i32>,
    count: u64,
}

impl State {
    /// A stop at a call: its number, if the call is one that counts and is only beginning.
    fn entered(&mut self, thread: i32) -> Option<i64> {
        // SAFETY: all-zero is valid for numbers.
        let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
        let size = size_of::<libc::ptrace_syscall_info>();
        // SAFETY: the kernel writes at most `size` bytes into a structure that is that large.
        let got =
            unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, &raw mut info) };
        if got <= 0 || info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        // SAFETY: the kernel has filled in this part, as `op` says.
        let entry = unsafe { info.u.entry };
        if entry.nr.cast_signed() == libc::SYS_getpgid {
            match entry.args[0] as i32 {
                word if word == Say::Begin as i32 => {
                    self.begun = true;
                    self.left.remove(&thread);
                }
                word if word == Say::Leave as i32 => drop(self.left.insert(thread)),
                word if word == Say::End as i32 => self.begun = false,
                _ => {}
            }
            return None;
        }
        if !self.begun || self.left.contains(&thread) {
            return None;
        }
        self.count += 1;
        Some(entry.nr.cast_signed())
    }
}

fn request(what: libc::c_uint, pid: i32, data: usize) -> io::Result<()> {
    // SAFETY: requests that take numbers only.
    match unsafe { libc::ptrace(what, pid, 0_usize, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The calls that sinks make, by name; the others by number.
fn name(call: i64) -> String {
    macro_rules! table {
        ($($name:ident $number:ident),* $(,)?) => {
            [$((stringify!($name), libc::$number)),*]
        };
    }
    let known = table![
        clock_nanosleep SYS_clock_nanosleep,
        clone SYS_clone,
        clone3 SYS_clone3,
        close SYS_close,
        exit SYS_exit,
        fallocate SYS_fallocate,
        fchmod SYS_fchmod,
        fcntl SYS_fcntl,
        fdatasync SYS_fdatasync,
        flock SYS_flock,
        fstat SYS_fstat,
        fstatfs SYS_fstatfs,
        fsync SYS_fsync,
        ftruncate SYS_ftruncate,
        futex SYS_futex,
        getdents64 SYS_getdents64,
        geteuid SYS_geteuid,
        getpriority SYS_getpriority,
        gettid SYS_gettid,
        lseek SYS_lseek,
        madvise SYS_madvise,
        mmap SYS_mmap,
        mprotect SYS_mprotect,
        munmap SYS_munmap,
        newfstatat SYS_newfstatat,
        openat SYS_openat,
        openat2 SYS_openat2,
        prctl SYS_prctl,
        pread64 SYS_pread64,
        pwrite64 SYS_pwrite64,
        read SYS_read,
        readlinkat SYS_readlinkat,
        renameat SYS_renameat,
        renameat2 SYS_renameat2,
        rseq SYS_rseq,
        rt_sigprocmask SYS_rt_sigprocmask,
        sched_getaffinity SYS_sched_getaffinity,
        set_robust_list SYS_set_robust_list,
        setpriority SYS_setpriority,
        sigaltstack SYS_sigaltstack,
        statfs SYS_statfs,
        statx SYS_statx,
        symlinkat SYS_symlinkat,
        uname SYS_uname,
        unlinkat SYS_unlinkat,
        utimensat SYS_utimensat,
        write SYS_write,
        writev SYS_writev,
    ];
    let found = known.iter().find(|(_, number)| *number == call);
    found.map_or_else(|| format!("call {call}"), |(name, _)| (*name).to_owned())
}
