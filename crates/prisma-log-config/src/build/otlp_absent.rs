//! Stands in for the OTLP sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::OtlpConfig;

pub(super) fn build(_: &OtlpConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: otlp`");
    Err(error.with_hint("turn on the feature `otlp`"))
}
