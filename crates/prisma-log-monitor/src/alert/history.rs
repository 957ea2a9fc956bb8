//! What happened to an alert, step by step.

use std::fmt;

use prisma_log_core::Timestamp;

use super::{Alert, AlertState, optional};
use crate::text::{json_object, json_string};

/// Entries of the history that are kept after its first one.
const MAX_HISTORY: usize = 100;

/// What was done to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Its rule fired for the first time.
    Raised,
    /// Somebody took note of it.
    Acknowledged,
    /// It ended.
    Resolved,
    /// It came back, or somebody opened it again.
    Reopened,
    /// Somebody took an acknowledgement back.
    Unacknowledged,
    /// It was given to somebody, or taken from them.
    Assigned,
    /// Somebody said something about it.
    Commented,
    /// Its severity rose, because nobody took it on.
    Escalated,
    /// It was raised and resolved too often.
    Flapped,
    /// It does not flap any more.
    Calmed,
}

impl Action {
    /// All of them; the order is that of the stored form.
    pub(super) const ALL: [Action; 10] = [
        Action::Raised,
        Action::Acknowledged,
        Action::Resolved,
        Action::Reopened,
        Action::Unacknowledged,
        Action::Assigned,
        Action::Commented,
        Action::Escalated,
        Action::Flapped,
        Action::Calmed,
    ];

    /// The name in JSON: the variant's in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Raised => "raised",
            Action::Acknowledged => "acknowledged",
            Action::Resolved => "resolved",
            Action::Reopened => "reopened",
            Action::Unacknowledged => "unacknowledged",
            Action::Assigned => "assigned",
            Action::Commented => "commented",
            Action::Escalated => "escalated",
            Action::Flapped => "flapped",
            Action::Calmed => "calmed",
        }
    }

    /// What leads from one state to another.
    pub(super) fn between(from: Option<AlertState>, to: AlertState) -> Self {
        match (from, to) {
            (None, _) => Action::Raised,
            (_, AlertState::Open) => Action::Reopened,
            (_, AlertState::Acknowledged) => Action::Acknowledged,
            (_, AlertState::Resolved) => Action::Resolved,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One step in an alert's life.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// What was done.
    pub action: Action,
    /// The state before; `None` when the alert was raised.
    pub from: Option<AlertState>,
    /// The state after; often the same.
    pub to: AlertState,
    /// When: the log's own time for what the monitor did, the wall clock for what a person did and for
    /// escalations.
    pub at: Timestamp,
    /// Who did it; `None` for the monitor.
    pub by: Option<String>,
    /// What they said about it.
    pub note: Option<String>,
}

impl Transition {
    pub(crate) fn raised(at: Timestamp) -> Self {
        Transition {
            action: Action::Raised,
            from: None,
            to: AlertState::Open,
            at,
            by: None,
            note: None,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        json_object(self.json_pairs())
    }

    pub(crate) fn json_pairs(&self) -> [(&'static str, String); 6] {
        [
            ("action", json_string(self.action.as_str())),
            ("from", optional(self.from.map(AlertState::as_str))),
            ("to", json_string(self.to.as_str())),
            ("at", json_string(&self.at.to_string())),
            ("by", optional(self.by.as_deref())),
            ("note", optional(self.note.as_deref())),
        ]
    }
}

impl Alert {
    /// Notes what happened, and goes to a state.
    pub(super) fn record(
        &mut self,
        action: Action,
        to: AlertState,
        at: Timestamp,
        by: Option<String>,
        note: Option<String>,
    ) {
        self.history.push(Transition { action, from: Some(self.state), to, at, by, note });
        if self.history.len() > 1 + MAX_HISTORY {
            self.history.remove(1);
        }
        self.state = to;
    }
}
