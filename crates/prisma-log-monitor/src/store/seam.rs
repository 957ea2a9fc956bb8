//! What monitors and people need of a place where alerts are kept.

use prisma_log_core::Error;

use super::Store;
use crate::{Alert, AlertFilter, Silence, SilenceBuilder};

/// A place where alerts are kept and worked on by people: a [`Store`], or one that several monitors
/// share.
///
/// # Contract
/// Every call is one change that is durable, and visible to everybody, when it returns. What is allowed
/// when, and the limits of names and notes, are those of [`Store`]'s methods of the same names.
pub trait AlertStore: Send + Sync {
    /// The alerts that pass, oldest first.
    ///
    /// # Errors
    /// When they can't be read.
    fn list(&self, filter: &AlertFilter) -> Result<Vec<Alert>, Error>;

    /// Takes note that `by` knows about an open alert.
    ///
    /// # Errors
    /// As [`Store::acknowledge`].
    fn acknowledge(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error>;

    /// Ends an alert.
    ///
    /// # Errors
    /// As [`Store::resolve`].
    fn resolve(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error>;

    /// Opens a resolved alert again.
    ///
    /// # Errors
    /// As [`Store::reopen`].
    fn reopen(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error>;

    /// Gives an alert to a person, or with an empty name to nobody.
    ///
    /// # Errors
    /// As [`Store::assign`].
    fn assign(&self, id: &str, to: &str, by: &str) -> Result<Alert, Error>;

    /// Keeps what `by` says about an alert.
    ///
    /// # Errors
    /// As [`Store::comment`].
    fn comment(&self, id: &str, by: &str, text: &str) -> Result<Alert, Error>;

    /// Makes a silence.
    ///
    /// # Errors
    /// As [`Store::silence`].
    fn silence(&self, silence: SilenceBuilder) -> Result<Silence, Error>;

    /// The silences that are kept, oldest first.
    ///
    /// # Errors
    /// When they can't be read.
    fn silences(&self) -> Result<Vec<Silence>, Error>;

    /// Ends a silence before its time.
    ///
    /// # Errors
    /// As [`Store::expire_silence`].
    fn expire_silence(&self, id: &str, by: &str) -> Result<Silence, Error>;
}

impl AlertStore for Store {
    fn list(&self, filter: &AlertFilter) -> Result<Vec<Alert>, Error> {
        Store::list(self, filter)
    }

    fn acknowledge(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        Store::acknowledge(self, id, by, note)
    }

    fn resolve(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        Store::resolve(self, id, by, note)
    }

    fn reopen(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        Store::reopen(self, id, by, note)
    }

    fn assign(&self, id: &str, to: &str, by: &str) -> Result<Alert, Error> {
        Store::assign(self, id, to, by)
    }

    fn comment(&self, id: &str, by: &str, text: &str) -> Result<Alert, Error> {
        Store::comment(self, id, by, text)
    }

    fn silence(&self, silence: SilenceBuilder) -> Result<Silence, Error> {
        Store::silence(self, silence)
    }

    fn silences(&self) -> Result<Vec<Silence>, Error> {
        Store::silences(self)
    }

    fn expire_silence(&self, id: &str, by: &str) -> Result<Silence, Error> {
        Store::expire_silence(self, id, by)
    }
}
