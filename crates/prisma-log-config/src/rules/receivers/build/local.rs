//! Receivers on this machine: programs, and the process's own log.

use prisma_log_core::Error;
use prisma_log_notify::{CommandNotifier, LogNotifier};

use super::super::CommandReceiver;
use super::{Built, Reveal};

pub(super) fn command(settings: &CommandReceiver, reveal: Reveal<'_>) -> Built {
    let mut builder = CommandNotifier::builder(&settings.program).args(&settings.args);
    for (name, value) in &settings.env {
        builder = builder.env(name, reveal(value)?);
    }
    if let Some(path) = &settings.directory {
        builder = builder.directory(path);
    }
    if let Some(time) = settings.timeout {
        builder = builder.timeout(time);
    }
    let statuses = settings.permanent_statuses.iter().copied();
    Ok(Box::new(builder.permanent_statuses(statuses).build()?))
}

pub(super) fn log(log: Option<slog::Logger>) -> Built {
    let log = log.ok_or_else(|| {
        let error = Error::config("this program has no logger for a receiver of `type: log`");
        error.with_hint("`plog` has none: use `command`, `syslog` or `journald`")
    })?;
    Ok(Box::new(LogNotifier::new(log)))
}
