//! Stands in for receivers in the journal in programs that are built without them.

use super::{Built, absent};
use crate::sinks::JournaldConfig;

pub(super) fn build(_: &JournaldConfig) -> Built {
    absent("journald", "journald")
}
