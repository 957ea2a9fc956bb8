//! Which alerts to list.

use super::{Alert, AlertState};
use crate::Severity;

/// Which alerts to list; without any setting all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct AlertFilter {
    states: Vec<AlertState>,
    rule: Option<String>,
    severity: Option<Severity>,
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

    /// Whether `alert` is one of them.
    pub fn passes(&self, alert: &Alert) -> bool {
        (self.states.is_empty() || self.states.contains(&alert.state))
            && self.rule.as_ref().is_none_or(|rule| *rule == alert.rule)
            && self.severity.is_none_or(|least| alert.severity >= least)
    }
}
