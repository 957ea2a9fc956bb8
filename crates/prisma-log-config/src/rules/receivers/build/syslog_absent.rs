//! Stands in for receivers over syslog in programs that are built without them.

use super::{Built, absent};
use crate::sinks::SyslogConfig;

pub(super) fn build(_: &SyslogConfig) -> Built {
    absent("syslog", "syslog")
}
