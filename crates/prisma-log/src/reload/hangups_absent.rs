//! Stands in for SIGHUP in programs that are built without it.

use prisma_log_core::Error;

/// Hears nothing.
#[derive(Debug)]
pub(super) struct Hangups;

impl Hangups {
    pub(super) fn listen() -> Result<Self, Error> {
        let error = Error::config("this program was built without `reload.sighup`");
        Err(error.with_hint("turn on the feature `sighup`, which needs Unix"))
    }

    pub(super) fn take(&self) -> bool {
        false
    }
}
