//! Which alerts to list.

use prisma_log_core::Timestamp;

use super::{Alert, AlertState};
use crate::{Matcher, Severity};

/// Which alerts to list; without any setting all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct AlertFilter {
    states: Vec<AlertState>,
    rule: Option<String>,
    severity: Option<Severity>,
    matchers: Vec<Matcher>,
    assignee: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    text: Option<String>,
    limit: Option<usize>,
}

impl AlertFilter {
    /// All alerts.
    pub fn all() -> Self {
        Self::default()
    }

    /// Alerts that are open or acknowledged.
    pub fn unresolved() -> Self {
        Self::all().state(AlertState::Open).state(AlertState::Acknowledged)
    }

    /// Alerts in this state; with several calls in one of them.
    pub fn state(mut self, state: AlertState) -> Self {
        self.states.push(state);
        self
    }

    /// Alerts of the rule with this name.
    pub fn rule(mut self, name: impl Into<String>) -> Self {
        self.rule = Some(name.into());
        self
    }

    /// Alerts of this severity and above.
    pub fn severity_at_least(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Alerts that satisfy the matcher; with several calls all of them.
    pub fn matcher(mut self, matcher: Matcher) -> Self {
        self.matchers.push(matcher);
        self
    }

    /// Alerts that this person takes care of; an empty name for those that nobody does.
    pub fn assignee(mut self, name: impl Into<String>) -> Self {
        self.assignee = Some(name.into());
        self
    }

    /// Alerts that were last seen at this time or later.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// Alerts that were first seen before this time.
    pub fn until(mut self, time: Timestamp) -> Self {
        self.until = Some(time);
        self
    }

    /// Alerts that have this text in rule, description, message, group, samples or comments, whatever
    /// the case.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text = Some(text.as_ref().to_lowercase());
        self
    }

    /// The newest so many of them; all unless told otherwise.
    pub fn limit(mut self, alerts: usize) -> Self {
        self.limit = Some(alerts);
        self
    }

    pub(crate) fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Whether `alert` is one of them, the limit apart.
    pub fn passes(&self, alert: &Alert) -> bool {
        (self.states.is_empty() || self.states.contains(&alert.state))
            && self.rule.as_ref().is_none_or(|rule| *rule == alert.rule)
            && self.severity.is_none_or(|least| alert.severity >= least)
            && self.since.is_none_or(|since| alert.last_seen >= since)
            && self.until.is_none_or(|until| alert.first_seen < until)
            && self.is_assigned(alert)
            && self.matchers.iter().all(|matcher| matcher.matches(alert))
            && self.text.as_ref().is_none_or(|text| has_text(alert, text))
    }

    fn is_assigned(&self, alert: &Alert) -> bool {
        let assignee = alert.assignee.as_deref().unwrap_or_default();
        self.assignee.as_ref().is_none_or(|wanted| wanted == assignee)
    }
}

/// Whether the text, in small letters, stands somewhere.
fn has_text(alert: &Alert, text: &str) -> bool {
    let has = |value: &str| value.to_lowercase().contains(text);
    has(&alert.rule)
        || has(&alert.description)
        || has(&alert.message)
        || alert.group.iter().any(|(_, value)| has(value))
        || alert.samples.iter().any(|sample| has(sample))
        || alert.comments.iter().any(|comment| has(&comment.text))
}
