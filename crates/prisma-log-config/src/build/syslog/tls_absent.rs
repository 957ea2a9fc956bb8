//! Stands in for encrypted connections in programs that are built without them.

use prisma_log_core::Error;
use prisma_log_syslog::Transport;

use crate::sinks::SyslogConfig;

pub(super) fn encrypted(_: &str, _: &SyslogConfig) -> Result<Transport, Error> {
    let error = Error::config("this program was built without syslog over TLS");
    Err(error.with_hint("turn on the feature `syslog-tls`"))
}
