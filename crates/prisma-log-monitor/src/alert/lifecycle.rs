//! The states of an alert and the ways between them.

use std::fmt;
use std::str::FromStr;

use prisma_log_core::{Error, Timestamp};

use super::{Alert, optional};
use crate::text::{json_object, json_string};

const MAX_BY: usize = 256;
const MAX_NOTE: usize = 4096;
/// Entries of the history that are kept after its first one.
const MAX_HISTORY: usize = 100;

/// Where in its life an alert is.
///
/// ```text
/// open ──acknowledge──> acknowledged ──resolve, quiet──> resolved
///  │ └─────────────resolve, quiet──────────────────────────^ │
///  └<──────────────────recurrence───────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AlertState {
    /// Nobody has looked at it yet.
    Open,
    /// Somebody knows about it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl AlertState {
    /// All states.
    pub const ALL: [AlertState; 3] =
        [AlertState::Open, AlertState::Acknowledged, AlertState::Resolved];

    /// The name in JSON and on the command line: `open`, `acknowledged`, `resolved`.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertState::Open => "open",
            AlertState::Acknowledged => "acknowledged",
            AlertState::Resolved => "resolved",
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AlertState {
    type Err = Error;

    /// Reads a name, whatever its case.
    ///
    /// # Errors
    /// When the text is none of the three names.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = AlertState::ALL.into_iter().find(|s| text.eq_ignore_ascii_case(s.as_str()));
        found.ok_or_else(|| {
            Error::config(format!(
                "unknown alert state {text:?}: expected open, acknowledged or resolved"
            ))
        })
    }
}

/// One step in an alert's life.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The state before; `None` when the alert was raised.
    pub from: Option<AlertState>,
    /// The state after.
    pub to: AlertState,
    /// When: the log's own time for what the monitor did, the wall clock for what a person did.
    pub at: Timestamp,
    /// Who did it; `None` for the monitor.
    pub by: Option<String>,
    /// What they said about it.
    pub note: Option<String>,
}

impl Transition {
    pub(super) fn to_json(&self) -> String {
        json_object([
            ("from", optional(self.from.map(AlertState::as_str))),
            ("to", json_string(self.to.as_str())),
            ("at", json_string(&self.at.to_string())),
            ("by", optional(self.by.as_deref())),
            ("note", optional(self.note.as_deref())),
        ])
    }
}

impl Alert {
    /// Takes note that `by` knows about the alert.
    pub(crate) fn acknowledge(&mut self, by: &str, note: &str, at: Timestamp) -> Result<(), Error> {
        match self.state {
            AlertState::Open => self.by_hand(AlertState::Acknowledged, by, note, at),
            _ => Err(self.illegal("acknowledged")),
        }
    }

    /// Ends the alert because `by` says so.
    pub(crate) fn resolve(&mut self, by: &str, note: &str, at: Timestamp) -> Result<(), Error> {
        match self.state {
            AlertState::Open | AlertState::Acknowledged => {
                self.by_hand(AlertState::Resolved, by, note, at)
            }
            AlertState::Resolved => Err(self.illegal("resolved")),
        }
    }

    /// Ends the alert because its quiet period passed.
    pub(crate) fn resolve_quiet(&mut self) {
        let at = self.inner.quiet_since.saturating_add(self.inner.resolve_after);
        let note = format!("no match for {:?}", self.inner.resolve_after);
        self.go(AlertState::Resolved, at, None, Some(note));
    }

    /// Opens the alert again because its threshold was reached again.
    pub(crate) fn reopen(&mut self, at: Timestamp) {
        self.go(AlertState::Open, at, None, None);
    }

    fn by_hand(
        &mut self,
        to: AlertState,
        by: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let by = by.trim();
        if by.is_empty() || by.len() > MAX_BY || by.chars().any(char::is_control) {
            return Err(Error::config(format!(
                "invalid name {by:?}: expected 1 to {MAX_BY} bytes without control characters"
            )));
        }
        if note.len() > MAX_NOTE {
            let bytes = note.len();
            return Err(Error::config(format!("the note has {bytes} bytes, above {MAX_NOTE}")));
        }
        let note = (!note.is_empty()).then(|| note.to_owned());
        self.go(to, at, Some(by.to_owned()), note);
        Ok(())
    }

    fn go(&mut self, to: AlertState, at: Timestamp, by: Option<String>, note: Option<String>) {
        self.history.push(Transition { from: Some(self.state), to, at, by, note });
        if self.history.len() > 1 + MAX_HISTORY {
            self.history.remove(1);
        }
        self.state = to;
    }

    fn illegal(&self, wanted: &str) -> Error {
        let allowed = match self.state {
            AlertState::Open => "it can be acknowledged or resolved",
            AlertState::Acknowledged => "it can be resolved",
            AlertState::Resolved => "it opens again by itself when it recurs",
        };
        let by = self.history.last().and_then(|t| t.by.as_deref());
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        Error::state(format!(
            "alert {} can't be {wanted}: it is {}{by} already",
            self.id, self.state
        ))
        .with_hint(allowed)
    }
}
