//! What a handler is told.

use std::fmt;
use std::ops::Deref;

use crate::Alert;
use crate::text::json_string;

/// News of an alert.
///
/// The alert stands as it was when the news was written, in the same transaction as the lines that
/// caused it. News is delivered at least once: when the program was killed between that transaction
/// and the note that the handler returned, the next run delivers it again with
/// [`Notification::redelivered`] set. [`Notification::number`] tells repetitions apart.
///
/// Dereferences to its [`Alert`]; `Display` is the alert's, with `again:` or `resolved:` in front
/// when it is not a new one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notification {
    /// Grows by one with every piece of news of a store.
    pub number: u64,
    /// What happened.
    pub kind: NotificationKind,
    /// Whether an earlier run may have delivered it already.
    pub redelivered: bool,
    /// The alert.
    pub alert: Alert,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotificationKind {
    /// It is new.
    Raised,
    /// It was resolved and has recurred.
    Reopened,
    /// Its quiet period has passed.
    Resolved,
}

impl NotificationKind {
    pub(crate) const ALL: [NotificationKind; 3] =
        [NotificationKind::Raised, NotificationKind::Reopened, NotificationKind::Resolved];

    /// The name in JSON: `raised`, `reopened`, `resolved`.
    pub const fn as_str(self) -> &'static str {
        match self {
            NotificationKind::Raised => "raised",
            NotificationKind::Reopened => "reopened",
            NotificationKind::Resolved => "resolved",
        }
    }
}

impl Notification {
    /// The alert's JSON ([`Alert::to_json`]) with the keys `notification` (the number), `event`
    /// (`raised`, `reopened` or `resolved`) and `redelivered` in front.
    pub fn to_json(&self) -> String {
        let mut pairs = vec![
            ("notification", self.number.to_string()),
            ("event", json_string(self.kind.as_str())),
            ("redelivered", self.redelivered.to_string()),
        ];
        pairs.extend(self.alert.json_pairs());
        crate::text::json_object(pairs)
    }
}

impl Deref for Notification {
    type Target = Alert;

    fn deref(&self) -> &Alert {
        &self.alert
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            NotificationKind::Raised => {}
            NotificationKind::Reopened => f.write_str("again: ")?,
            NotificationKind::Resolved => f.write_str("resolved: ")?,
        }
        fmt::Display::fmt(&self.alert, f)
    }
}
