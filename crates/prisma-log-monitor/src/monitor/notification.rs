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
/// Dereferences to its [`Alert`]; `Display` is the alert's, with `again:`, `resolved:`, `escalated:` or
/// `still:` in front when it is not a new one.
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
    /// It is over: its quiet period has passed, or somebody ended it.
    Resolved,
    /// Nobody took it on for so long that its severity rose.
    Escalated,
    /// It is still not resolved; only receivers are told.
    Reminder,
}

impl NotificationKind {
    /// All of them; the order is that of the stored form.
    pub(crate) const ALL: [NotificationKind; 5] = [
        NotificationKind::Raised,
        NotificationKind::Reopened,
        NotificationKind::Resolved,
        NotificationKind::Escalated,
        NotificationKind::Reminder,
    ];

    /// The name in JSON: `raised`, `reopened`, `resolved`, `escalated`, `reminder`.
    pub const fn as_str(self) -> &'static str {
        match self {
            NotificationKind::Raised => "raised",
            NotificationKind::Reopened => "reopened",
            NotificationKind::Resolved => "resolved",
            NotificationKind::Escalated => "escalated",
            NotificationKind::Reminder => "reminder",
        }
    }
}

impl NotificationKind {
    /// Its place in the stored form.
    pub(crate) fn place(self) -> u64 {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default() as u64
    }

    /// The kind at a place.
    pub(crate) fn at_place(place: u64) -> Self {
        let kind = usize::try_from(place).ok().and_then(|place| Self::ALL.get(place));
        kind.copied().unwrap_or(NotificationKind::Raised)
    }
}

impl Notification {
    /// The alert's JSON ([`Alert::to_json`]) with the keys `notification` (the number), `event`
    /// (the name of its [`NotificationKind`]) and `redelivered` in front.
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
            NotificationKind::Escalated => f.write_str("escalated: ")?,
            NotificationKind::Reminder => f.write_str("still: ")?,
        }
        fmt::Display::fmt(&self.alert, f)
    }
}
