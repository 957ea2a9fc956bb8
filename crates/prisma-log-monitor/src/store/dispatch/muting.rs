//! What makes news of an alert wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use prisma_log_core::Timestamp;

use crate::{Alert, Policy, Silence, SilenceState};

/// Silences, and the alerts that mute others.
#[derive(Debug, Default)]
pub(super) struct Muting {
    silences: Vec<Silence>,
    /// Alerts that are not resolved and that an inhibition names as its source, by number.
    sources: BTreeMap<u64, Arc<Alert>>,
}

impl Muting {
    pub(super) fn set_silences(&mut self, mut silences: Vec<Silence>, now: Timestamp) {
        silences.retain(|silence| silence.state(now) != SilenceState::Expired);
        self.silences = silences;
    }

    /// Takes note of how an alert stands; whether others may be muted or not muted any more by it.
    pub(super) fn note(&mut self, policy: &Policy, alert: &Arc<Alert>) -> bool {
        let number = alert.inner.number;
        let mutes = policy.inhibitions.iter().any(|inhibition| inhibition.is_source(alert));
        if mutes && !alert.is_resolved() {
            self.sources.insert(number, Arc::clone(alert)).is_none()
        } else {
            self.sources.remove(&number).is_some()
        }
    }

    /// Whether news of the alert has to wait.
    pub(super) fn mutes(&self, policy: &Policy, alert: &Alert, now: Timestamp) -> bool {
        let is_silenced = |silence: &Silence| {
            silence.state(now) == SilenceState::Active && silence.matches(alert)
        };
        alert.flapping
            || policy.is_in_maintenance(alert, now)
            || self.silences.iter().any(is_silenced)
            || policy.inhibitions.iter().any(|inhibition| {
                let mut sources = self.sources.values().filter(|s| inhibition.is_source(s));
                sources.any(|source| inhibition.mutes(source, alert))
            })
    }
}
