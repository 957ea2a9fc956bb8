//! What it takes to fire.

use prisma_log_core::Timestamp;

/// Events that reached a threshold.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::engine) struct Reached {
    pub(in crate::engine) count: u64,
    pub(in crate::engine) first: Timestamp,
    pub(in crate::engine) last: Timestamp,
    /// What was reached, where that is not plain from the rule.
    pub(in crate::engine) why: Option<String>,
}

impl Reached {
    pub(super) fn new(count: u64, first: Timestamp, last: Timestamp) -> Self {
        Reached { count, first, last, why: None }
    }

    pub(super) fn because(self, why: String) -> Self {
        Reached { why: Some(why), ..self }
    }
}
