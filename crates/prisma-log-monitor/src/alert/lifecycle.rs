//! The states of an alert and the ways between them.

use std::fmt;
use std::str::FromStr;

use prisma_log_core::{Error, Timestamp};

use super::{Action, Alert, check_by, check_note};

/// Where in its life an alert is.
///
/// ```text
/// open ──acknowledge──> acknowledged ──resolve, quiet──> resolved
///  ^│^─unacknowledge──────────┘                            ^ │
///  │└──────────────resolve, quiet──────────────────────────┘ │
///  └─────────────recurrence, reopen──────────────────────────┘
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

impl Alert {
    /// Takes note that `by` knows about the alert.
    pub(crate) fn acknowledge(&mut self, by: &str, note: &str, at: Timestamp) -> Result<(), Error> {
        match self.state {
            AlertState::Open => {
                self.by_hand(Action::Acknowledged, AlertState::Acknowledged, by, note, at)
            }
            _ => Err(self.illegal("acknowledged")),
        }
    }

    /// Ends the alert because `by` says so.
    pub(crate) fn resolve(&mut self, by: &str, note: &str, at: Timestamp) -> Result<(), Error> {
        match self.state {
            AlertState::Open | AlertState::Acknowledged => {
                self.by_hand(Action::Resolved, AlertState::Resolved, by, note, at)
            }
            AlertState::Resolved => Err(self.illegal("resolved")),
        }
    }

    /// Ends the alert because its quiet period passed; returns when that was.
    pub(crate) fn resolve_quiet(&mut self) -> Timestamp {
        let at = self.inner.quiet_since.saturating_add(self.inner.resolve_after);
        let note = format!("no match for {:?}", self.inner.resolve_after);
        self.record(Action::Resolved, AlertState::Resolved, at, None, Some(note));
        at
    }

    /// Opens the alert again because its threshold was reached again.
    pub(crate) fn recur(&mut self, at: Timestamp) {
        self.record(Action::Reopened, AlertState::Open, at, None, None);
    }

    /// Opens the alert again because `by` says so.
    pub(crate) fn reopen(&mut self, by: &str, note: &str, at: Timestamp) -> Result<(), Error> {
        match self.state {
            AlertState::Resolved => {
                self.by_hand(Action::Reopened, AlertState::Open, by, note, at)?;
                self.inner.open_since = at;
                Ok(())
            }
            _ => Err(self.illegal("opened again")),
        }
    }

    /// Takes an acknowledgement back.
    pub(crate) fn unacknowledge(
        &mut self,
        by: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        match self.state {
            AlertState::Acknowledged => {
                self.by_hand(Action::Unacknowledged, AlertState::Open, by, note, at)?;
                self.inner.open_since = at;
                Ok(())
            }
            _ => Err(self.illegal("unacknowledged")),
        }
    }

    fn by_hand(
        &mut self,
        action: Action,
        to: AlertState,
        by: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let by = check_by(by)?;
        check_note(note)?;
        let note = (!note.is_empty()).then(|| note.to_owned());
        self.record(action, to, at, Some(by), note);
        Ok(())
    }

    fn illegal(&self, wanted: &str) -> Error {
        let allowed = match self.state {
            AlertState::Open => "it can be acknowledged or resolved",
            AlertState::Acknowledged => "it can be unacknowledged or resolved",
            AlertState::Resolved => "it opens again by itself when it recurs, or by hand",
        };
        let by = self.last_change().and_then(|step| step.by.as_deref());
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        let state = self.state;
        Error::state(format!("alert {} can't be {wanted}: it is {state}{by} already", self.id))
            .with_hint(allowed)
    }
}
