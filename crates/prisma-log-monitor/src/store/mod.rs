//! Alerts, positions and windows in one file.

use std::path::Path;

use prisma_log_core::Error;

use crate::{Alert, AlertFilter};

/// Alerts, positions and windows in one file that several processes may use at the same time.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Opens a store, and creates it when there is none.
    pub fn open(_path: impl AsRef<Path>) -> Result<Store, Error> {
        Err(Error::state("not there yet"))
    }
    /// Opens a store that must exist.
    pub fn open_existing(_path: impl AsRef<Path>) -> Result<Store, Error> {
        Err(Error::state("not there yet"))
    }
    /// The alerts that pass, oldest first.
    pub fn list(&self, _filter: &AlertFilter) -> Result<Vec<Alert>, Error> {
        Err(Error::state("not there yet"))
    }
    /// The alert with this id.
    pub fn get(&self, _id: &str) -> Result<Alert, Error> {
        Err(Error::state("not there yet"))
    }
    /// Takes note that `by` knows about an alert; returns it as it stands then.
    pub fn acknowledge(&self, _id: &str, _by: &str, _note: &str) -> Result<Alert, Error> {
        Err(Error::state("not there yet"))
    }
    /// Ends an alert; returns it as it stands then.
    pub fn resolve(&self, _id: &str, _by: &str, _note: &str) -> Result<Alert, Error> {
        Err(Error::state("not there yet"))
    }
}
