//! A folder in which one call fails, or in front of which the process dies.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use prisma_log_core::Timestamp;

use super::*;
use crate::fs::{Handle, Lock, Open, Stat};

type Hook = Box<dyn FnOnce() + Send>;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing; something happens before it.
    Surprise,
    /// It fails with this error number, and so do all that follow if `for_ever`.
    Error { code: i32, for_ever: bool },
    /// It is the last one that the process makes; a write comes half-way.
    Death,
}

/// Counts calls and spoils those from one on.
pub(super) struct Trap {
    calls: AtomicUsize,
    /// From 1.
    at: usize,
    fault: Fault,
    /// Only calls of this name count.
    only: Option<&'static str>,
    surprise: Mutex<Option<Hook>>,
    log: Mutex<Vec<&'static str>>,
}

impl Trap {
    pub(super) fn new(at: usize, fault: Fault, only: Option<&'static str>) -> Arc<Trap> {
        let (surprise, log) = Default::default();
        Arc::new(Trap { calls: AtomicUsize::new(0), at, fault, only, surprise, log })
    }

    /// What happens just before the call of this name that is the `at`th.
    pub(super) fn surprise(
        at: usize,
        only: &'static str,
        what: impl FnOnce() + Send + 'static,
    ) -> Arc<Trap> {
        let trap = Trap::new(at, Fault::Surprise, Some(only));
        *trap.surprise.lock().unwrap() = Some(Box::new(what));
        trap
    }

    pub(super) fn was_sprung(&self) -> bool {
        self.calls() >= self.at
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The calls so far, in order.
    pub(super) fn log(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }

    fn is_hit(&self, call: &'static str) -> Option<usize> {
        self.log.lock().unwrap().push(call);
        if self.only.is_some_and(|only| only != call) {
            return None;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let hit = match self.fault {
            Fault::Surprise => {
                if number == self.at {
                    self.surprise.lock().unwrap().take().unwrap()();
                }
                false
            }
            Fault::Error { for_ever: false, .. } => number == self.at,
            _ => number >= self.at,
        };
        hit.then_some(number)
    }

    fn call(&self, call: &'static str) -> io::Result<()> {
        match (self.is_hit(call), self.fault) {
            (None, _) | (_, Fault::Surprise) => Ok(()),
            (Some(_), Fault::Error { code, .. }) => Err(io::Error::from_raw_os_error(code)),
            (Some(_), Fault::Death) => Err(io::Error::other("dead")),
        }
    }
}

pub(super) struct Trapped {
    pub(super) inner: Arc<dyn Folder>,
    pub(super) trap: Arc<Trap>,
}

impl Folder for Trapped {
    fn stat_self(&self) -> io::Result<Stat> {
        self.trap.call("stat")?;
        self.inner.stat_self()
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Arc<dyn Handle>> {
        self.trap.call("open")?;
        let inner = self.inner.open(name, how)?;
        Ok(Arc::new(TrappedHandle { inner, trap: Arc::clone(&self.trap) }))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        self.trap.call("stat")?;
        self.inner.stat(name)
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.trap.call("rename")?;
        self.inner.rename(from, to)
    }

    fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.trap.call("replace")?;
        self.inner.replace(from, to)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.trap.call("remove")?;
        self.inner.remove(name)
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        self.trap.call("names")?;
        self.inner.names()
    }

    fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        self.trap.call("link")?;
        self.inner.link(target, name)
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        self.trap.call("read_link")?;
        self.inner.read_link(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.trap.call("sync_folder")?;
        self.inner.sync()
    }

    fn available(&self) -> io::Result<u64> {
        self.trap.call("available")?;
        self.inner.available()
    }
}

struct TrappedHandle {
    inner: Arc<dyn Handle>,
    trap: Arc<Trap>,
}

impl Handle for TrappedHandle {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        match (self.trap.is_hit("append"), self.trap.fault) {
            (None, _) | (_, Fault::Surprise) => self.inner.append(bytes),
            (Some(_), Fault::Error { code, .. }) => Err(io::Error::from_raw_os_error(code)),
            (Some(number), Fault::Death) => {
                if number == self.trap.at {
                    self.inner.append(&bytes[..bytes.len() / 2])?;
                }
                Err(io::Error::other("dead"))
            }
        }
    }

    fn written_to(&self) -> io::Result<u64> {
        self.trap.call("written_to")?;
        self.inner.written_to()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.trap.call("read_at")?;
        self.inner.read_at(buffer, offset)
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.trap.call("overwrite")?;
        self.inner.overwrite(bytes, offset)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.trap.call("cut")?;
        self.inner.cut(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.trap.call("sync")?;
        self.inner.sync()
    }

    fn stat(&self) -> io::Result<Stat> {
        self.trap.call("stat")?;
        self.inner.stat()
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.trap.call("set_mode")?;
        self.inner.set_mode(mode)
    }

    fn set_modified(&self, time: Timestamp) -> io::Result<()> {
        self.trap.call("set_modified")?;
        self.inner.set_modified(time)
    }

    fn try_lock(&self, lock: Lock) -> io::Result<()> {
        self.trap.call("try_lock")?;
        self.inner.try_lock(lock)
    }

    fn unlock(&self) -> io::Result<()> {
        self.trap.call("unlock")?;
        self.inner.unlock()
    }
}
