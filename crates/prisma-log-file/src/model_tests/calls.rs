//! The double of the operating system: every call is counted, and goes wrong where it was told to.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

use super::disk::{Disk, Ino, OWNER, Pid, errno};
use crate::fs::{Folder, Fs, Handle, Lock, Open, Stat};

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

    fn handle(&self, number: u64, ino: Ino) -> Arc<dyn Handle> {
        Arc::new(OpenFile { os: self.clone(), number, ino })
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

impl Fs for Os {
    fn now(&self) -> Instant {
        let disk = &self.shared.lock().disk;
        disk.began + disk.elapsed
    }

    fn wall(&self) -> Timestamp {
        self.shared.lock().disk.wall
    }

    fn sleep(&self, time: Duration) {
        let disk = &mut self.shared.lock().disk;
        disk.elapsed += time;
        disk.wall = disk.wall.saturating_add(time);
    }

    fn user(&self) -> u32 {
        OWNER
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.call(Call::Resolve, || format!("{path:?}"), |disk, _| disk.resolve(path))
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        let what = || format!("{path:?}");
        self.call(Call::CreateFolders, what, |disk, _| disk.create_folders(path))
    }

    fn folder(&self, path: &Path) -> io::Result<Arc<dyn Folder>> {
        let ino = self.call(
            Call::OpenFolder,
            || format!("{path:?}"),
            |disk, _| {
                if disk.has_link_in(path) {
                    return Err(errno(libc::ELOOP));
                }
                let ino = disk.walk(path)?;
                match disk.stat(ino).kind {
                    crate::fs::Kind::Folder => Ok((ino, disk.open(self.pid, ino, false))),
                    _ => Err(errno(libc::ENOTDIR)),
                }
            },
        );
        let (ino, number) = ino?;
        Ok(Arc::new(OpenFolder { os: self.clone(), number, ino }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let what = || format!("{path:?}");
        self.call(Call::StatPath, what, |disk, _| Ok(disk.stat(disk.walk(path)?)))
    }
}

struct OpenFolder {
    os: Os,
    number: u64,
    ino: Ino,
}

impl OpenFolder {
    fn call<R>(
        &self,
        call: Call,
        name: &OsStr,
        act: impl FnOnce(&mut Disk) -> io::Result<R>,
    ) -> io::Result<R> {
        self.os.call(call, || format!("{name:?}"), |disk, _| act(disk))
    }
}

impl Drop for OpenFolder {
    fn drop(&mut self) {
        self.os.shared.lock().disk.close(self.number);
    }
}

impl Folder for OpenFolder {
    fn stat_self(&self) -> io::Result<Stat> {
        self.call(Call::StatFolder, OsStr::new("."), |disk| Ok(disk.stat(self.ino)))
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Arc<dyn Handle>> {
        let call = if matches!(how, Open::Create { .. }) { Call::Create } else { Call::Open };
        let (number, ino) = self.call(call, name, |disk| {
            let ino = match how {
                Open::Create { mode } => disk.create(self.ino, name, mode)?,
                Open::Append | Open::Read => {
                    disk.lookup(self.ino, name).ok_or_else(|| errno(libc::ENOENT))?
                }
            };
            match disk.stat(ino).kind {
                crate::fs::Kind::Link => return Err(errno(libc::ELOOP)),
                crate::fs::Kind::Folder if how != Open::Read => return Err(errno(libc::EISDIR)),
                _ => {}
            }
            Ok((disk.open(self.os.pid, ino, how != Open::Read), ino))
        })?;
        Ok(self.os.handle(number, ino))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        self.call(Call::StatName, name, |disk| {
            let ino = disk.lookup(self.ino, name).ok_or_else(|| errno(libc::ENOENT))?;
            Ok(disk.stat(ino))
        })
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let what = || format!("{from:?} {to:?}");
        self.os.call(Call::Rename, what, |disk, _| disk.rename(self.ino, from, to))
    }

    fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let what = || format!("{from:?} {to:?}");
        self.os.call(Call::Replace, what, |disk, _| disk.replace(self.ino, from, to))
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.call(Call::Remove, name, |disk| disk.remove(self.os.pid, self.ino, name))
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        self.call(Call::Names, OsStr::new("."), |disk| {
            disk.looked = true;
            Ok(disk.entries(self.ino).keys().rev().cloned().collect())
        })
    }

    fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        self.call(Call::Link, name, |disk| disk.link(self.ino, name, target))
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        self.call(Call::ReadLink, name, |disk| {
            let ino = disk.lookup(self.ino, name).ok_or_else(|| errno(libc::ENOENT))?;
            disk.link_target(ino).ok_or_else(|| errno(libc::EINVAL))
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.os.call(
            Call::SyncFolder,
            || ".".to_owned(),
            |disk, way| {
                if matches!(way, Way::Whole | Way::Last(128..)) {
                    disk.sync_folder(self.ino);
                }
                Ok(())
            },
        )
    }

    fn available(&self) -> io::Result<u64> {
        self.call(Call::Available, OsStr::new("."), |disk| Ok(disk.available()))
    }
}

struct OpenFile {
    os: Os,
    number: u64,
    ino: Ino,
}

impl OpenFile {
    fn call<R>(
        &self,
        call: Call,
        what: impl FnOnce() -> String,
        act: impl FnOnce(&mut Disk, &Way) -> io::Result<R>,
    ) -> io::Result<R> {
        self.os.call(call, || format!("#{} {}", self.ino, what()), act)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.os.shared.lock().disk.close(self.number);
    }
}

impl Handle for OpenFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let what = || format!("{} {:?}", bytes.len(), String::from_utf8_lossy(bytes));
        self.call(Call::Append, what, |disk, way| {
            let taken = match way {
                Way::Whole => bytes.len(),
                Way::Half => bytes.len().div_ceil(2),
                Way::Last(part) => bytes.len() * usize::from(*part) / 255,
            };
            disk.append(self.number, &bytes[..taken])
        })
    }

    fn written_to(&self) -> io::Result<u64> {
        self.call(Call::WrittenTo, String::new, |disk, _| Ok(disk.position(self.number)))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call(
            Call::ReadAt,
            || offset.to_string(),
            |disk, way| {
                let bytes = disk.bytes(disk.file_of(self.number)?);
                let rest = &bytes[bytes.len().min(offset as usize)..];
                let all = rest.len().min(buffer.len());
                let taken = if matches!(way, Way::Half) { all.div_ceil(2) } else { all };
                buffer[..taken].copy_from_slice(&rest[..taken]);
                Ok(taken)
            },
        )
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.call(
            Call::Overwrite,
            || format!("{offset} +{}", bytes.len()),
            |disk, way| {
                let taken = match way {
                    Way::Last(part) => bytes.len() * usize::from(*part) / 255,
                    _ => bytes.len(),
                };
                disk.put(self.ino, Some(offset), &bytes[..taken]);
                Ok(())
            },
        )
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.call(
            Call::Cut,
            || len.to_string(),
            |disk, _| {
                disk.cut(self.ino, len);
                Ok(())
            },
        )
    }

    fn sync(&self) -> io::Result<()> {
        self.call(Call::Sync, String::new, |disk, way| match way {
            Way::Whole | Way::Last(128..) => disk.sync(self.number),
            Way::Half => {
                disk.lose(self.number);
                Ok(())
            }
            Way::Last(_) => Ok(()),
        })
    }

    fn stat(&self) -> io::Result<Stat> {
        let found =
            self.call(Call::Stat, String::new, |disk, _| Ok(disk.stat(disk.file_of(self.number)?)));
        let disk = &mut self.os.shared.lock().disk;
        disk.checked(self.os.pid, self.ino, found.is_ok());
        found
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.call(
            Call::SetMode,
            || format!("{mode:o}"),
            |disk, _| {
                disk.set_mode(self.ino, mode);
                Ok(())
            },
        )
    }

    fn set_modified(&self, time: Timestamp) -> io::Result<()> {
        self.call(
            Call::SetModified,
            || time.to_string(),
            |disk, _| {
                disk.set_modified(self.ino, time);
                Ok(())
            },
        )
    }

    fn try_lock(&self, lock: Lock) -> io::Result<()> {
        let what = || format!("{lock:?}");
        self.call(Call::Lock, what, |disk, _| disk.try_lock(self.number, lock))
    }

    fn unlock(&self) -> io::Result<()> {
        self.call(Call::Unlock, String::new, |disk, _| {
            disk.unlock(self.number);
            Ok(())
        })
    }
}
