//! One process at a time rotates a file.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

use crate::file::LogFile;
use crate::fs::{Handle, Lock};
use crate::open::{Locking, lock_within, open_regular};

/// How long a sink waits for another process that rotates the same file.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// Held while one process rotates: an exclusive lock on `.app.log.lock` beside the file. Released
/// with the open file, so a process that dies can't leave it behind.
pub(crate) struct RotationLock {
    handle: Arc<dyn Handle>,
}

impl RotationLock {
    /// Waits for the lock; `None` when another process rotated the file meanwhile.
    pub(crate) fn take(log: &LogFile) -> Result<Option<Self>, Error> {
        let name = log.home.beside(".", ".lock");
        let refused = |what: &str| {
            Err(Error::state(format!("{} is {what}", log.home.path_of(&name).display())))
        };
        // Somebody may delete the lock file while it is waited for; a lock on a file without a
        // name keeps nobody out.
        for _ in 0..16 {
            let opening = open_regular(&log.home, &name, log.options.mode)?;
            let done = Cell::new(false);
            let locking = lock_within(&*log.home.fs, LOCK_PATIENCE, || {
                let attempt = opening.handle.try_lock(Lock::Exclusive);
                done.set(attempt.is_err() && log.is_at_path().is_ok_and(|ours| !ours));
                if done.get() { Ok(()) } else { attempt }
            });
            match locking {
                _ if done.get() => return Ok(None),
                Locking::Taken => {}
                Locking::Held => return refused("held by another process"),
                Locking::Unsupported => return refused("on a file system without file locks"),
            }
            let named = log.home.folder.stat(&name);
            if named.is_ok_and(|named| named.identity == opening.stat.identity) {
                return Ok(Some(RotationLock { handle: opening.handle }));
            }
        }
        refused("deleted all the time")
    }
}

impl Drop for RotationLock {
    fn drop(&mut self) {
        // Closing alone would not do: a child forked meanwhile has the file open as well.
        let _closing_is_left = self.handle.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failures;
    use crate::file::FileOptions;
    use crate::plan::Plan;
    use crate::real::RealFs;
    use crate::{Compression, Retention, Sync};

    #[test]
    fn a_copy_of_the_lock_in_a_forked_child_keeps_nobody_out() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("app.log");
        let plan = Plan::new(&path, None, &Retention::new(), Compression::None).unwrap();
        let options = FileOptions {
            path,
            mode: 0o640,
            create_dirs: false,
            plan,
            sync: Sync::PageCache,
            sync_on_flush: false,
            link: None,
            keep_when_full: None,
        };
        let fs = Arc::new(RealFs::new(Box::new(prisma_log_core::SystemClock)));
        let log = LogFile::open(options, fs, Arc::new(Failures::new(None))).unwrap();
        let lock = RotationLock::take(&log).unwrap().unwrap();
        assert!(RotationLock::take(&log).is_err());
        let _open_in_the_child = Arc::clone(&lock.handle);
        drop(lock);
        assert!(RotationLock::take(&log).unwrap().is_some());
    }
}
