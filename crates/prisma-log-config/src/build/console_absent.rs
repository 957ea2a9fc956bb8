//! Stands in for the console sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::ConsoleConfig;

pub(super) fn build(_: &ConsoleConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: console`");
    Err(error.with_hint("turn on the feature `console`"))
}
