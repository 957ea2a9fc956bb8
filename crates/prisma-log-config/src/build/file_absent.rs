//! Stands in for the file sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::FileConfig;

pub(super) fn build(_: &FileConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: file`");
    Err(error.with_hint("turn on the feature `file`"))
}

/// Nobody here can tell; the sink can't be built anyway.
pub(crate) fn check_every(_: &str) -> Result<(), Error> {
    Ok(())
}

/// Nobody here can tell; the sink can't be built anyway.
pub(crate) fn check_zone(_: &str) -> Result<(), Error> {
    Ok(())
}
