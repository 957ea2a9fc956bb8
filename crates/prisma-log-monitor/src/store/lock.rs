//! The lock file beside a store: one monitor, and one creator at a time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use prisma_log_core::Error;

const RETRY: Duration = Duration::from_millis(10);

/// `path` with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Locks `STORE-lock` until the file is closed; waits for it for at most `patience`. `STORE` is
/// where links lead to, so that all names of one store have one lock.
///
/// # Errors
/// When another process has it, or the file can't be opened.
pub(crate) fn lock(store: &Path, patience: Duration) -> Result<File, Error> {
    let path = match fs::canonicalize(store) {
        Ok(real) => beside(&real, "-lock"),
        Err(_) => beside(store, "-lock"),
    };
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let file = options.open(&path).map_err(|error| Error::io_at("open", &path, error))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => thread::sleep(RETRY),
            Err(TryLockError::WouldBlock) => {
                let store = store.display();
                return Err(Error::state(format!("another monitor works on the store {store}"))
                    .with_hint("stop it, or use another store"));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io_at("lock", &path, error)),
        }
    }
}
