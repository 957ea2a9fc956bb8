//! Stands in for receivers on this machine in programs that are built without them.

use super::super::CommandReceiver;
use super::{Built, Reveal, absent};

pub(super) fn command(_: &CommandReceiver, _: Reveal<'_>) -> Built {
    absent("command", "notify")
}

pub(super) fn log(_: Option<slog::Logger>) -> Built {
    absent("log", "notify")
}
