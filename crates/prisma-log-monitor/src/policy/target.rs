//! Where a piece of news goes.

use std::time::Duration;

use crate::Group;

/// One way of an alert's news to a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Tells routes apart, also across restarts.
    pub(crate) route: u64,
    pub(crate) receiver: String,
    /// The values of the route's `group_by`.
    pub(crate) group: Group,
    pub(crate) pace: Pace,
}

/// When a group's news goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) group_wait: Duration,
    pub(crate) group_interval: Duration,
    pub(crate) repeat_interval: Duration,
}
