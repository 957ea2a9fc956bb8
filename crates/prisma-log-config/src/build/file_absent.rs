//! Stands in for the file sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::FileConfig;

pub(super) fn build(_: &FileConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: file`");
    Err(error.with_hint("turn on the feature `file`"))
}
