//! The double of the operating system: every call is counted, and goes wrong where it was told to.

mod files;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_core::Timestamp;

use super::disk::{Disk, Pid, errno};

/// Which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Call {
    Resolve,
    CreateFolders,
    OpenFolder,
    StatPath,
    StatFolder,
    Open,
    Create,
    StatName,
    Rename,
    Replace,
    Remove,
    Names,
    Link,
    ReadLink,
    SyncFolder,
    Available,
    Append,
    WrittenTo,
    ReadAt,
    Overwrite,
    Cut,
    Sync,
    Stat,
    SetMode,
    SetModified,
    Lock,
    Unlock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The call fails with this error and does nothing.
    Fails(i32),
    /// `append` and `read_at` do half of it.
    Short,
    /// The process dies before the call, or after so many 256ths of it.
    Dies(u8),
}

/// What goes wrong where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// At which call from now on, counted from 1.
    pub(super) at: u64,
    /// How many calls in a row.
    pub(super) times: u64,
    /// Only calls of this kind go wrong after the first.
    pub(super) only: Option<Call>,
    pub(super) trouble: Trouble,
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Process {
    dead: bool,
    calls: u64,
    fault: Option<Fault>,
    struck: u64,
    hook: Option<(u64, Hook)>,
    /// Each call since it was asked for.
    trace: Option<Vec<Call>>,
}

pub(super) struct World {
    pub(super) disk: Disk,
    processes: Vec<Process>,
    /// For whoever looks at a failed case.
    pub(super) story: Option<Vec<String>>,
}

/// The world that all processes of a case share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(super) fn new(wall: Timestamp, told: bool) -> Shared {
        let world =
            World { disk: Disk::new(wall), processes: Vec::new(), story: told.then(Vec::new) };
        Shared(Arc::new(Mutex::new(world)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new process.
    pub(super) fn process(&self) -> Os {
        let mut world = self.lock();
        world.processes.push(Process::default());
        Os { shared: self.clone(), pid: world.processes.len() - 1 }
    }
}

impl World {
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(what());
        }
    }
}

/// The operating system as one process sees it.
#[derive(Clone)]
pub(super) struct Os {
    shared: Shared,
    pub(super) pid: Pid,
}

/// How the call goes.
enum Way {
    Whole,
    Half,
    /// So much of it, and then the process is no more.
    Last(u8),
}

impl Os {
    fn with<R>(&self, f: impl FnOnce(&mut Process) -> R) -> R {
        f(&mut self.shared.lock().processes[self.pid])
    }

    /// From now on calls go wrong like this; or no more.
    pub(super) fn fault(&self, fault: Option<Fault>) {
        self.with(|process| {
            (process.calls, process.struck, process.fault) = (0, 0, fault);
        });
    }

    /// Takes over what goes wrong from the process before, and goes on counting.
    pub(super) fn succeeds(&self, before: &Os) {
        let world = &mut *self.shared.lock();
        let before = &mut world.processes[before.pid];
        let (calls, fault, struck) = (before.calls, before.fault, before.struck);
        let trace = before.trace.take();
        let process = &mut world.processes[self.pid];
        (process.calls, process.fault, process.struck) = (calls, fault, struck);
        process.trace = trace;
    }

    /// How often a call went wrong since it was told to.
    pub(super) fn struck(&self) -> u64 {
        self.with(|process| process.struck)
    }

    /// Something happens right before a call.
    pub(super) fn at_call(&self, at: u64, hook: impl FnOnce() + Send + 'static) {
        let hook: Hook = Box::new(hook);
        self.with(|process| (process.calls, process.hook) = (0, Some((at, hook))));
    }

    /// Takes the hook away, if it has not come to it.
    pub(super) fn no_hook(&self) {
        let _dropped_outside = self.with(|process| process.hook.take());
    }

    pub(super) fn start_trace(&self) {
        self.with(|process| process.trace = Some(Vec::new()));
    }

    pub(super) fn take_trace(&self) -> Vec<Call> {
        self.with(|process| process.trace.take().unwrap_or_default())
    }

    pub(super) fn is_dead(&self) -> bool {
        self.with(|process| process.dead)
    }

    /// The process dies here and now.
    pub(super) fn kill(&self) {
        let mut world = self.shared.lock();
        world.processes[self.pid].dead = true;
        world.disk.end(self.pid);
    }

    fn call<R>(
        &self,
        call: Call,
        what: impl FnOnce() -> String,
        act: impl FnOnce(&mut Disk, &Way) -> io::Result<R>,
    ) -> io::Result<R> {
        let hook = self.with(|process| {
            process.calls += 1;
            let now = process.hook.as_ref().is_some_and(|(at, _)| *at <= process.calls);
            if now && !process.dead { process.hook.take() } else { None }
        });
        if let Some((_, hook)) = hook {
            hook();
        }
        let mut world = self.shared.lock();
        let World { processes, disk, story } = &mut *world;
        let process = &mut processes[self.pid];
        if process.dead {
            return Err(errno(libc::EIO));
        }
        if let Some(trace) = &mut process.trace {
            trace.push(call);
        }
        let (acted, ends) = match process.trouble(call) {
            None => (act(disk, &Way::Whole), false),
            Some(Trouble::Fails(code)) => {
                // The kernel counts pages that it could not write as clean; a signal is no such
                // failure.
                if call == Call::Sync && code != libc::EINTR {
                    let _lost = act(disk, &Way::Half);
                }
                (Err(errno(code)), false)
            }
            Some(Trouble::Short) => (act(disk, &Way::Half), false),
            Some(Trouble::Dies(0)) => (Err(errno(libc::EIO)), true),
            Some(Trouble::Dies(part)) => (act(disk, &Way::Last(part)), true),
        };
        if let Err(error) = &acted
            && matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
        {
            disk.full.insert(self.pid);
        }
        if ends {
            process.dead = true;
            disk.end(self.pid);
        }
        if let Some(story) = story {
            let outcome = match &acted {
                Ok(_) => String::new(),
                Err(error) => format!(" = {:?} {:?}", error.kind(), error.raw_os_error()),
            };
            let end = if ends { ", and dies" } else { "" };
            story.push(format!("    {} {call:?} {}{outcome}{end}", self.pid, what()));
        }
        acted
    }
}

impl Process {
    fn trouble(&mut self, call: Call) -> Option<Trouble> {
        let fault = self.fault?;
        let first = self.struck == 0;
        let due = if first { self.calls >= fault.at } else { self.struck < fault.times };
        if !due || fault.only.is_some_and(|only| only != call) {
            return None;
        }
        self.struck += 1;
        Some(fault.trouble)
    }
}
