//! Alerts, positions and windows in one file.

mod changes;
mod db;
mod dispatch;
mod lock;
mod open;
mod operate;
mod query;
mod rows;
mod seam;
mod silences;
mod step;
mod tables;
mod watch;

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::{Clock, Error, SystemClock};

pub use dispatch::ReceiverStatus;
pub(crate) use dispatch::{Dispatcher, Verdict, Waiting};
pub(crate) use lock::lock;
pub use query::HistoryEntry;
pub use seam::AlertStore;
pub(crate) use step::Step;
pub(crate) use watch::Watch;

use db::Db;

/// Alerts, positions and windows in one file.
///
/// Several processes may use the file at the same time: an operator acknowledges while the monitor
/// runs. Every change is one transaction that is durable (fdatasync) when the call returns; one
/// waits for the other. The alerts' states in the file are the truth, nobody keeps a copy.
///
/// At most 10,000 resolved alerts are kept; those resolved first go first. The file is created
/// with mode 0640 and is checked from end to end whenever it is opened. Beside it stands
/// `STORE-lock`, an empty file that keeps two monitors apart; when the path is a link, both stand
/// where it leads to.
#[derive(Clone)]
pub struct Store {
    db: Arc<Db>,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// Opens a store, and creates it when there is none.
    ///
    /// # Errors
    /// When the file can't be opened or created, is damaged, is something else, or was written by
    /// a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Store, Error> {
        Store::new(Db::open(path.as_ref(), true)?, Arc::new(SystemClock))
    }

    /// Opens a store that must exist.
    ///
    /// # Errors
    /// As [`Store::open`], and when there is no file.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Store, Error> {
        Store::new(Db::open(path.as_ref(), false)?, Arc::new(SystemClock))
    }

    /// A store that lives as long as its handles.
    ///
    /// # Errors
    /// When memory for it can't be had.
    pub fn in_memory() -> Result<Store, Error> {
        Store::new(Db::in_memory()?, Arc::new(SystemClock))
    }

    fn new(db: Db, clock: Arc<dyn Clock>) -> Result<Store, Error> {
        Ok(Store { db: Arc::new(db), clock })
    }

    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Store {
        Store { clock, ..self }
    }

    /// The file; `None` for a store in memory.
    pub fn path(&self) -> Option<&Path> {
        self.db.path()
    }

    /// Whether the file is gone for good: it has no name any more, and none has taken its place.
    pub(crate) fn is_deleted(&self) -> bool {
        self.db.is_deleted()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
