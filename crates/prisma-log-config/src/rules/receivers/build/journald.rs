//! Receivers in the systemd journal.

use prisma_log_notify::JournalNotifier;

use super::Built;
use crate::build::journald_sink;
use crate::config::Service;
use crate::sinks::JournaldConfig;

pub(super) fn build(settings: &JournaldConfig) -> Built {
    Ok(Box::new(JournalNotifier::new(journald_sink(settings, &Service::default())?)))
}
