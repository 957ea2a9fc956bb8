//! Stands in for the Zipkin sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::ZipkinConfig;

pub(super) fn build(_: &ZipkinConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: zipkin`");
    Err(error.with_hint("turn on the feature `zipkin`"))
}
