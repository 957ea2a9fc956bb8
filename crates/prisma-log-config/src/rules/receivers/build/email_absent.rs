//! Stands in for receivers by mail in programs that are built without them.

use super::super::EmailReceiver;
use super::{Built, Reveal, absent};

pub(super) fn build(_: &EmailReceiver, _: Reveal<'_>) -> Built {
    absent("email", "notify-email")
}
