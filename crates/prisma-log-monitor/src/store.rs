//! Alerts, positions and windows in one file.

mod changes;
mod db;
mod lock;
mod open;
mod step;
mod tables;

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::{Clock, Error, SystemClock};
use redb::ReadableTable;

pub(crate) use lock::lock;
pub(crate) use step::{Step, Unresolved};

use crate::{Alert, AlertFilter};
use db::{Db, Fault};
use tables::{ALERTS, AlertTables, no_such, number_of};

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

    /// The alerts that pass, oldest first.
    ///
    /// # Errors
    /// When the file can't be read or is damaged.
    pub fn list(&self, filter: &AlertFilter) -> Result<Vec<Alert>, Error> {
        self.db.read(|transaction| {
            let table = transaction.open_table(ALERTS)?;
            let mut alerts = Vec::new();
            for row in table.iter()? {
                let alert = Alert::from_bytes(row?.1.value())?;
                if filter.passes(&alert) {
                    alerts.push(alert);
                }
            }
            Ok(alerts)
        })
    }

    /// The alert with this id; the leading letter and zeros may be left out.
    ///
    /// # Errors
    /// When there is none, or the file can't be read or is damaged.
    pub fn get(&self, id: &str) -> Result<Alert, Error> {
        let number = number_of(id)?;
        self.db.read(|transaction| {
            let row = transaction.open_table(ALERTS)?.get(number)?;
            let row = row.ok_or_else(|| no_such(id))?;
            Ok(Alert::from_bytes(row.value())?)
        })
    }

    /// Takes note that `by` knows about an open alert; returns it as it stands then.
    ///
    /// `by` is 1 to 256 bytes without control characters; `note` may be empty and has at most 4 KiB.
    ///
    /// # Errors
    /// When there is no such alert, when it is not open (an [`Error::is_state`] that says what is
    /// allowed), when `by` or `note` are outside their limits, or when the file can't be written.
    pub fn acknowledge(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        let now = self.clock.now();
        self.change(id, |alert| alert.acknowledge(by, note, now))
    }

    /// Ends an open or acknowledged alert; returns it as it stands then.
    ///
    /// `by` and `note` have the limits of [`Store::acknowledge`].
    ///
    /// # Errors
    /// As [`Store::acknowledge`], and when the alert is resolved already.
    pub fn resolve(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        let now = self.clock.now();
        self.change(id, |alert| alert.resolve(by, note, now))
    }

    fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Alert) -> Result<(), Error>,
    ) -> Result<Alert, Error> {
        let number = number_of(id)?;
        self.db.write(|transaction| {
            let mut tables = AlertTables::open(transaction)?;
            let mut alert = tables.get(number)?.ok_or_else(|| Fault::Own(no_such(id)))?;
            change(&mut alert)?;
            tables.put(&mut alert)?;
            Ok(alert)
        })
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
