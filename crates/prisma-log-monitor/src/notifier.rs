//! How news leaves the monitor.

use std::fmt;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use crate::text::{json_array, json_object, json_string};
use crate::{Alert, Group, Notification, NotificationKind};

/// Delivers messages to one place: a program, a web hook, a mailbox, ….
///
/// # Contract
/// - Called on a thread of its own, one message at a time; it may block, within its own time limits.
/// - `Ok` says that the other side has taken the message. Until then it is kept, and given again
///   after a restart: at least once, never silently lost. [`Message::id`] tells repetitions apart.
/// - Errors say whether to try again. Back-off between tries is the caller's.
pub trait Notifier: Send {
    /// Delivers a message.
    ///
    /// # Errors
    /// When it was not taken, and whether another try may help.
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError>;
}

impl<F> Notifier for F
where
    F: FnMut(&Message) -> Result<(), NotifyError> + Send,
{
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        self(message)
    }
}

impl Notifier for Box<dyn Notifier> {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        (**self).notify(message)
    }
}

/// What a receiver is told at once: news of the alerts of one group, or a digest of many.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Unique within the store and the same for every repetition.
    pub id: u64,
    /// The receiver's name.
    pub receiver: String,
    /// What the alerts have in common: the values of the route's `group_by`.
    pub group: Group,
    /// When the message was made.
    pub at: Timestamp,
    /// The alerts as they stand, news first.
    pub news: Vec<Notification>,
    /// Further alerts of the group that changed and are not in `news`, because there were too many.
    pub omitted: u64,
    /// Messages to this receiver that its cap held back since the last one.
    pub suppressed: u64,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
}

impl Message {
    /// A message that tries a receiver out: news of one open alert of a rule `test`, of severity
    /// info and without a group, raised at that time.
    pub fn test(receiver: impl Into<String>, at: Timestamp) -> Self {
        let alert = Alert::sample(at);
        let kind = NotificationKind::Raised;
        Message {
            id: 0,
            receiver: receiver.into(),
            group: Group::default(),
            at,
            news: vec![Notification { number: 0, kind, redelivered: false, alert }],
            omitted: 0,
            suppressed: 0,
            redelivered: false,
        }
    }

    /// Whether at least one of the alerts is not resolved.
    pub fn is_firing(&self) -> bool {
        self.news.iter().any(|news| !news.alert.is_resolved())
    }

    /// The most severe of the alerts.
    pub fn worst(&self) -> Option<&Alert> {
        self.news
            .iter()
            .map(|news| &news.alert)
            .max_by_key(|alert| (!alert.is_resolved(), alert.severity))
    }

    /// One line that says what it is about: `[FIRING:2] CRITICAL disk-full [source=a.log]`.
    pub fn title(&self) -> String {
        let firing = self.news.iter().filter(|news| !news.alert.is_resolved()).count();
        let (word, count) =
            if firing > 0 { ("FIRING", firing) } else { ("RESOLVED", self.news.len()) };
        let mut title = format!("[{word}:{count}]");
        if let Some(alert) = self.worst() {
            title += &format!(" {} {}", alert.severity.as_str().to_uppercase(), alert.rule);
            if !alert.group.is_empty() {
                title += &format!(" [{}]", alert.group);
            }
        }
        title
    }

    /// The message as one line of JSON: `id`, `receiver`, `status` (`firing` or `resolved`), `title`,
    /// `group` (object), `at` (RFC 3339), `omitted`, `suppressed`, `redelivered`, and `alerts`, a list
    /// of what [`Notification::to_json`] makes.
    pub fn to_json(&self) -> String {
        let status = if self.is_firing() { "firing" } else { "resolved" };
        json_object([
            ("id", self.id.to_string()),
            ("receiver", json_string(&self.receiver)),
            ("status", json_string(status)),
            ("title", json_string(&self.title())),
            ("group", json_object(self.group.iter().map(|(k, v)| (k, json_string(v))))),
            ("at", json_string(&self.at.to_string())),
            ("omitted", self.omitted.to_string()),
            ("suppressed", self.suppressed.to_string()),
            ("redelivered", self.redelivered.to_string()),
            ("alerts", json_array(self.news.iter().map(Notification::to_json))),
        ])
    }
}

impl fmt::Display for Message {
    /// The title, and a line for every alert.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())?;
        for news in &self.news {
            write!(f, "\n{news}")?;
        }
        if self.omitted > 0 {
            write!(f, "\n… and {} more", self.omitted)?;
        }
        if self.suppressed > 0 {
            write!(f, "\n{} messages were held back since the last one", self.suppressed)?;
        }
        Ok(())
    }
}

/// Why a message was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotifyError {
    /// What went wrong.
    pub error: Error,
    /// Whether another try may help.
    pub is_temporary: bool,
    /// How long the other side wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl NotifyError {
    /// Another try may help.
    pub fn temporary(error: Error) -> Self {
        NotifyError { error, is_temporary: true, retry_after: None }
    }

    /// The message will never be taken; it is counted, reported and given up.
    pub fn permanent(error: Error) -> Self {
        NotifyError { error, is_temporary: false, retry_after: None }
    }

    /// Another try may help after this time.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for NotifyError {}
