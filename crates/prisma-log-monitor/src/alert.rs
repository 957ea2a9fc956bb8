//! Alerts, what is known about them and what may be done with them.

mod codec;
mod filter;
mod flapping;
mod group;
mod history;
mod lifecycle;
mod notes;
mod sample;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Timestamp;

pub use filter::AlertFilter;
pub use group::Group;
pub use history::{Action, Transition};
pub use lifecycle::AlertState;
pub use notes::Comment;
pub(crate) use notes::{check_by, check_note};

use crate::engine::row_key;
use crate::text::{Escaped, json_array, json_object, json_string};
use crate::{Escalation, Severity};

/// Sample lines that an alert keeps.
pub(crate) const MAX_SAMPLES: usize = 5;
/// Source paths that an alert keeps.
const MAX_SOURCES: usize = 16;

/// What a rule found in one group, from its first occurrence until it is resolved and beyond.
///
/// Rule and group together identify an alert: while it is not resolved, further matches raise its
/// count, and when the threshold is reached again after it was resolved, the same alert opens
/// again.
///
/// `Display` writes one line for people, [`Alert::to_json`] one line for programs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert {
    /// `A` and a number that grows: `A000042`. Ids sort by age.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// The rule's description when the alert was raised.
    pub description: String,
    /// The rule's labels when the alert was raised.
    pub labels: Vec<(String, String)>,
    /// The rule's severity when the alert was raised, or a higher one after an
    /// [`Escalation`](crate::Escalation).
    pub severity: Severity,
    /// Where in its life the alert is.
    pub state: AlertState,
    /// The values of the rule's `group_by` keys.
    pub group: Group,
    /// The files that matching lines came from, at most 16.
    pub sources: Vec<PathBuf>,
    /// The time of the earliest match, as the log states it.
    pub first_seen: Timestamp,
    /// The time of the latest match, as the log states it.
    pub last_seen: Timestamp,
    /// Matches, including those that led to the alert; those that found it resolved and did not
    /// reach the threshold again are not in it.
    pub count: u64,
    /// The message of the match that was read last, at most 1 KiB of it.
    pub message: String,
    /// What was reached when it was raised last, where that is not plain from the rule: such as
    /// `error rate 7.3 % of 1200`.
    pub why: Option<String>,
    /// Who takes care of it.
    pub assignee: Option<String>,
    /// What people said about it, oldest first: at most 32.
    pub comments: Vec<Comment>,
    /// Whether it is raised and resolved so often that receivers are not told until it calms down.
    pub flapping: bool,
    /// The last matching lines, oldest first: at most 5 of at most 1 KiB, as they stand in the log
    /// (with control characters; `Display` and JSON escape them).
    pub samples: Vec<String>,
    /// What happened to the alert, oldest first; of very long histories the first and the last
    /// hundred entries.
    pub history: Vec<Transition>,
    pub(crate) inner: Inner,
}

/// What the monitor needs to go on with an alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inner {
    pub(crate) number: u64,
    /// The quiet period of the rule when the alert was last raised.
    pub(crate) resolve_after: Duration,
    /// Event time of the match that was read last, and the file it came from: the quiet period
    /// runs from here on that file's clock.
    pub(crate) quiet_since: Timestamp,
    pub(crate) quiet_source: PathBuf,
    /// The group's match number up to which matches are in `count`.
    pub(crate) counted: u64,
    /// The alert's place in the queue of resolved alerts that retention shortens.
    pub(crate) resolved_number: Option<u64>,
    /// Since when nobody has taken it on, by the wall clock.
    pub(crate) open_since: Timestamp,
    /// The severities to come, soonest first.
    pub(crate) escalation: Vec<Escalation>,
    /// Event times at which it was raised, resolved or opened again, as far as flapping needs them.
    pub(crate) changes: Vec<Timestamp>,
    /// How long it must not change to be calm again; zero when it does not flap.
    pub(crate) calm_after: Duration,
}

impl Alert {
    /// An open alert that was raised at a time in the log; nobody knows why.
    pub(crate) fn new(number: u64, rule: &str, at: Timestamp) -> Self {
        Alert {
            id: Alert::id_of(number),
            rule: rule.to_owned(),
            description: String::new(),
            labels: Vec::new(),
            severity: Severity::Info,
            state: AlertState::Open,
            group: Group::default(),
            sources: Vec::new(),
            first_seen: at,
            last_seen: at,
            count: 0,
            message: String::new(),
            why: None,
            assignee: None,
            comments: Vec::new(),
            flapping: false,
            samples: Vec::new(),
            history: vec![Transition::raised(at)],
            inner: Inner {
                number,
                resolve_after: Duration::ZERO,
                quiet_since: at,
                quiet_source: PathBuf::new(),
                counted: 0,
                resolved_number: None,
                open_since: at,
                escalation: Vec::new(),
                changes: Vec::new(),
                calm_after: Duration::ZERO,
            },
        }
    }

    /// The id that belongs to a number.
    pub(crate) fn id_of(number: u64) -> String {
        format!("A{number:06}")
    }

    /// The number in an id, with or without the leading letter and zeros.
    pub(crate) fn number_of(id: &str) -> Option<u64> {
        let digits = id.strip_prefix(['A', 'a']).unwrap_or(id);
        let wellformed = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if wellformed { digits.parse().ok() } else { None }
    }

    /// The last acknowledgement, unless the alert was resolved or opened again since.
    pub fn acknowledgement(&self) -> Option<&Transition> {
        self.last_change().filter(|last| last.action == Action::Acknowledged)
    }

    /// The resolution, while the alert is resolved.
    pub fn resolution(&self) -> Option<&Transition> {
        self.last_change().filter(|last| last.action == Action::Resolved)
    }

    /// The last step from a state to another.
    pub(crate) fn last_change(&self) -> Option<&Transition> {
        self.history.iter().rev().find(|step| step.from != Some(step.to))
    }

    /// The value that `key` stands for in matchers and routes: `rule`, `severity`, a key of the group,
    /// a label, or `id`; empty when the alert does not have it.
    pub fn value_of(&self, key: &str) -> &str {
        let label = || self.labels.iter().find(|(name, _)| name == key).map(|(_, v)| v.as_str());
        match key {
            "rule" => &self.rule,
            "severity" => self.severity.as_str(),
            _ => match self.group.get(key).or_else(label) {
                Some(value) => value,
                None if key == "id" => &self.id,
                None => "",
            },
        }
    }

    /// The alert as one line of JSON without a line end.
    ///
    /// Keys: `id`, `rule`, `description`, `severity`, `state`, `group` (object), `count`,
    /// `first_seen`, `last_seen`, `message`, `sources`, `samples`, `acknowledged_by`, `acknowledged_at`,
    /// `acknowledged_note`, `resolved_by`, `resolved_at`, `resolved_note` (null when they do not
    /// apply, `resolved_by` also after a quiet period), `labels` (object), `why`, `assignee` (null when
    /// there is none), `flapping`, `comments` (objects with `at`, `by`, `text`), `history` (objects with
    /// `action`, `from`, `to`, `at`, `by`, `note`). Times are RFC 3339 in UTC.
    pub fn to_json(&self) -> String {
        json_object(self.json_pairs())
    }

    pub(crate) fn json_pairs(&self) -> Vec<(&'static str, String)> {
        let time = |time: Timestamp| json_string(&time.to_string());
        let mut pairs = vec![
            ("id", json_string(&self.id)),
            ("rule", json_string(&self.rule)),
            ("description", json_string(&self.description)),
            ("severity", json_string(self.severity.as_str())),
            ("state", json_string(self.state.as_str())),
            ("group", json_object(self.group.iter().map(|(k, v)| (k, json_string(v))))),
            ("count", self.count.to_string()),
            ("first_seen", time(self.first_seen)),
            ("last_seen", time(self.last_seen)),
            ("message", json_string(&self.message)),
            (
                "sources",
                json_array(self.sources.iter().map(|path| json_string(&path.to_string_lossy()))),
            ),
            ("samples", json_array(self.samples.iter().map(|sample| json_string(sample)))),
        ];
        // Opening again ends an acknowledgement; resolving keeps it for the record.
        let mut steps = self.history.iter().rev().filter(|step| step.from != Some(step.to));
        let acknowledged = steps
            .find(|step| step.to != AlertState::Resolved)
            .filter(|step| step.to == AlertState::Acknowledged);
        let keys = [
            (acknowledged, ["acknowledged_by", "acknowledged_at", "acknowledged_note"]),
            (self.resolution(), ["resolved_by", "resolved_at", "resolved_note"]),
        ];
        for (transition, [by, at, note]) in keys {
            pairs.push((by, optional(transition.and_then(|t| t.by.as_deref()))));
            pairs.push((at, transition.map_or_else(|| "null".into(), |t| time(t.at))));
            pairs.push((note, optional(transition.and_then(|t| t.note.as_deref()))));
        }
        let labels = self.labels.iter().map(|(key, value)| (key.as_str(), json_string(value)));
        pairs.push(("labels", json_object(labels)));
        pairs.push(("why", optional(self.why.as_deref())));
        pairs.push(("assignee", optional(self.assignee.as_deref())));
        pairs.push(("flapping", self.flapping.to_string()));
        pairs.push(("comments", json_array(self.comments.iter().map(Comment::to_json))));
        pairs.push(("history", json_array(self.history.iter().map(Transition::to_json))));
        pairs
    }

    /// Whether it is over.
    pub fn is_resolved(&self) -> bool {
        self.state == AlertState::Resolved
    }

    /// What identifies the alert: rule and group.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        row_key(&self.rule, &self.group.to_key())
    }

    pub(crate) fn add_source(&mut self, source: &std::path::Path) {
        // Time alone can make a rule fire.
        let is_file = !source.as_os_str().is_empty();
        if is_file
            && self.sources.len() < MAX_SOURCES
            && !self.sources.iter().any(|have| have == source)
        {
            self.sources.push(source.to_owned());
        }
    }

    pub(crate) fn add_samples(&mut self, samples: impl IntoIterator<Item = String>) {
        self.samples.extend(samples);
        let surplus = self.samples.len().saturating_sub(MAX_SAMPLES);
        self.samples.drain(..surplus);
    }
}

pub(crate) fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".into(), json_string)
}

impl fmt::Display for Alert {
    /// `ERROR database-refused [db=orders]: 12 in 34s, open, A000042: last message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.severity.as_str().to_uppercase(), self.rule)?;
        if !self.group.is_empty() {
            write!(f, " [{}]", self.group)?;
        }
        let span = self.last_seen.saturating_since(self.first_seen);
        write!(f, ": {}", self.count)?;
        if !span.is_zero() {
            write!(f, " in {}", Span(span))?;
        }
        write!(f, ", {}, {}", self.state, self.id)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(&self.message)) }
    }
}

/// A duration in its two largest units: `250ms`, `34s`, `2m5s`, `3h20m`, `4d1h`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (large, unit, small, small_unit) = match seconds {
            0 => return write!(f, "{}ms", self.0.as_millis()),
            1..60 => return write!(f, "{seconds}s"),
            60..3_600 => (seconds / 60, "m", seconds % 60, "s"),
            3_600..86_400 => (seconds / 3_600, "h", seconds / 60 % 60, "m"),
            _ => (seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
        };
        write!(f, "{large}{unit}")?;
        if small == 0 { Ok(()) } else { write!(f, "{small}{small_unit}") }
    }
}

#[cfg(test)]
mod tests;
