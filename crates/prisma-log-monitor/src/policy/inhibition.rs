//! Inhibitions: one alert makes others not worth telling.

use prisma_log_core::Error;

use super::matcher::{Matcher, all_match};
use crate::Alert;

/// While an alert is not resolved that matches the source, no news of alerts that match the target
/// and have the same values of some keys.
///
/// As with Alertmanager, an alert that matches both sides is not muted by one of which the same is
/// true, itself included, and a key that both lack counts as equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhibition {
    source: Vec<Matcher>,
    target: Vec<Matcher>,
    equal: Vec<String>,
}

impl Inhibition {
    /// Starts an inhibition.
    pub fn builder() -> InhibitionBuilder {
        InhibitionBuilder { source: Vec::new(), target: Vec::new(), equal: Vec::new() }
    }

    /// Whether an alert can mute others.
    pub(crate) fn is_source(&self, alert: &Alert) -> bool {
        all_match(&self.source, alert)
    }

    /// Whether `source`, which is one and not resolved, mutes `alert`.
    pub(crate) fn mutes(&self, source: &Alert, alert: &Alert) -> bool {
        all_match(&self.target, alert)
            && !(self.is_source(alert) && all_match(&self.target, source))
            && self.equal.iter().all(|key| source.value_of(key) == alert.value_of(key))
    }
}

/// Collects what an inhibition is about.
#[derive(Clone, Debug)]
#[must_use = "an inhibition is checked when its policy is built"]
pub struct InhibitionBuilder {
    source: Vec<Matcher>,
    target: Vec<Matcher>,
    equal: Vec<String>,
}

impl InhibitionBuilder {
    /// What an alert that mutes must satisfy, too; at least once.
    pub fn source(mut self, matcher: Matcher) -> Self {
        self.source.push(matcher);
        self
    }

    /// What an alert that is muted must satisfy, too; at least once.
    pub fn target(mut self, matcher: Matcher) -> Self {
        self.target.push(matcher);
        self
    }

    /// The keys whose values must be the same in both, in place of those before.
    pub fn equal<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.equal = keys.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn build(self) -> Result<Inhibition, Error> {
        if self.source.is_empty() || self.target.is_empty() {
            return Err(Error::config("an inhibition must have matchers for source and target"));
        }
        Ok(Inhibition { source: self.source, target: self.target, equal: self.equal })
    }
}
