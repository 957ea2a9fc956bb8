//! Receivers over syslog.

use prisma_log_notify::SyslogNotifier;

use super::Built;
use crate::build::syslog_sink;
use crate::config::Service;
use crate::sinks::SyslogConfig;

pub(super) fn build(settings: &SyslogConfig) -> Built {
    Ok(Box::new(SyslogNotifier::new(syslog_sink(settings, &Service::default())?)))
}
