//! The operating system with faults at will.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

use crate::fs::{Folder, Fs, Handle, Lock, Open, Stat};
use crate::real::RealFs;

/// What the next `write` does; [`Step::Real`] when the schedule is empty.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Real,
    /// Takes so many bytes.
    Short(usize),
    /// Takes so many bytes, and another program appends a line right after.
    Overtaken(usize),
    /// Somebody deletes the file first.
    Deleted,
    Zero,
    Fails(i32),
}

/// What each call of the operating system does; the real thing unless told otherwise.
pub(super) struct Plan {
    pub(super) path: PathBuf,
    pub(super) writes: VecDeque<Step>,
    /// What every `write` after the schedule does.
    pub(super) then: Step,
    pub(super) open: Option<i32>,
    pub(super) rename: Option<i32>,
    pub(super) remove: Option<i32>,
    pub(super) cut: Option<i32>,
    pub(super) overwrite: Option<i32>,
    pub(super) sync: Option<i32>,
    pub(super) sync_folder: Option<i32>,
    pub(super) available: Option<u64>,
    pub(super) renames: usize,
    pub(super) syncs: usize,
    /// How many files were opened, and which of them was written last.
    pub(super) handles: usize,
    pub(super) written: usize,
    pub(super) now: Instant,
}

#[derive(Clone)]
pub(super) struct Faulty(pub(super) Arc<Mutex<Plan>>);

impl Faulty {
    pub(super) fn plan<R>(&self, f: impl FnOnce(&mut Plan) -> R) -> R {
        f(&mut self.0.lock().unwrap())
    }

    fn fail(&self, which: impl FnOnce(&Plan) -> Option<i32>) -> io::Result<()> {
        match self.plan(|plan| which(plan)) {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(()),
        }
    }
}

pub(super) fn append_line(path: &Path, line: &[u8]) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(line).unwrap();
}

pub(super) struct FaultyFs {
    pub(super) real: RealFs,
    pub(super) faults: Faulty,
}

impl Fs for FaultyFs {
    fn now(&self) -> Instant {
        self.faults.plan(|plan| plan.now)
    }

    fn wall(&self) -> Timestamp {
        self.real.wall()
    }

    fn sleep(&self, time: Duration) {
        self.faults.plan(|plan| plan.now += time);
    }

    fn user(&self) -> u32 {
        self.real.user()
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.real.resolve(path)
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        self.real.create_folders(path)
    }

    fn folder(&self, path: &Path) -> io::Result<Arc<dyn Folder>> {
        let real = self.real.folder(path)?;
        Ok(Arc::new(FaultyFolder { real, faults: self.faults.clone() }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.real.stat(path)
    }
}

struct FaultyFolder {
    real: Arc<dyn Folder>,
    faults: Faulty,
}

impl Folder for FaultyFolder {
    fn stat_self(&self) -> io::Result<Stat> {
        self.real.stat_self()
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Arc<dyn Handle>> {
        self.faults.fail(|plan| plan.open)?;
        let real = self.real.open(name, how)?;
        let number = self.faults.plan(|plan| {
            plan.handles += 1;
            plan.handles
        });
        Ok(Arc::new(FaultyHandle { real, faults: self.faults.clone(), number }))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        self.real.stat(name)
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.faults.plan(|plan| plan.renames += 1);
        self.faults.fail(|plan| plan.rename)?;
        self.real.rename(from, to)
    }

    fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.real.replace(from, to)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.faults.fail(|plan| plan.remove)?;
        self.real.remove(name)
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        self.real.names()
    }

    fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        self.real.link(target, name)
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        self.real.read_link(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.fail(|plan| plan.sync_folder)?;
        self.real.sync()
    }

    fn available(&self) -> io::Result<u64> {
        match self.faults.plan(|plan| plan.available) {
            Some(bytes) => Ok(bytes),
            None => self.real.available(),
        }
    }
}

struct FaultyHandle {
    real: Arc<dyn Handle>,
    faults: Faulty,
    number: usize,
}

impl Handle for FaultyHandle {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let (step, path) = self.faults.plan(|plan| {
            plan.written = self.number;
            (plan.writes.pop_front().unwrap_or(plan.then.clone()), plan.path.clone())
        });
        let part = |count: usize| &bytes[..count.min(bytes.len())];
        match step {
            Step::Real => self.real.append(bytes),
            Step::Short(count) => self.real.append(part(count)),
            Step::Overtaken(count) => {
                let written = self.real.append(part(count))?;
                append_line(&path, b"another\n");
                Ok(written)
            }
            Step::Deleted => {
                fs::remove_file(path)?;
                self.real.append(bytes)
            }
            Step::Zero => Ok(0),
            Step::Fails(code) => Err(io::Error::from_raw_os_error(code)),
        }
    }

    fn written_to(&self) -> io::Result<u64> {
        self.real.written_to()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.real.read_at(buffer, offset)
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.faults.fail(|plan| plan.overwrite)?;
        self.real.overwrite(bytes, offset)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.faults.fail(|plan| plan.cut)?;
        self.real.cut(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.plan(|plan| plan.syncs += 1);
        self.faults.fail(|plan| plan.sync)?;
        self.real.sync()
    }

    fn stat(&self) -> io::Result<Stat> {
        self.real.stat()
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.real.set_mode(mode)
    }

    fn set_modified(&self, time: Timestamp) -> io::Result<()> {
        self.real.set_modified(time)
    }

    fn try_lock(&self, lock: Lock) -> io::Result<()> {
        self.real.try_lock(lock)
    }

    fn unlock(&self) -> io::Result<()> {
        self.real.unlock()
    }
}
