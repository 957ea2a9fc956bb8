//! Stands in for the journald sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::JournaldConfig;

pub(super) fn build(_: &JournaldConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: journald`");
    Err(error.with_hint("turn on the feature `journald`"))
}
