//! Stands in for the syslog sink in programs that are built without it.

use prisma_log_core::{Error, Sink};

use crate::config::Service;
use crate::sinks::SyslogConfig;

pub(super) fn build(_: &SyslogConfig, _: &Service) -> Result<Box<dyn Sink>, Error> {
    let error = Error::config("this program was built without sinks of `type: syslog`");
    Err(error.with_hint("turn on the feature `syslog`"))
}
