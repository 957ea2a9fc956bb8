//! Alerts that come and go, and alerts that nobody takes on.

use std::time::Duration;

use prisma_log_core::Timestamp;

use super::{Action, Alert, AlertState};

impl Alert {
    /// Notes that the alert was raised, resolved or opened again at `at` in event time; too many of
    /// these within a time are flapping.
    pub(crate) fn changed(&mut self, at: Timestamp, limit: Option<(u32, Duration)>) {
        let Some((most, within)) = limit else { return };
        let near = |other: &Timestamp| {
            at.saturating_since(*other).max(other.saturating_since(at)) <= within
        };
        self.inner.changes.retain(near);
        self.inner.changes.push(at);
        let most = most as usize;
        if self.inner.changes.len() > most {
            let surplus = self.inner.changes.len() - most - 1;
            self.inner.changes.drain(..surplus);
            if !self.flapping {
                self.flapping = true;
                self.inner.calm_after = within;
                let note = format!("more than {most} changes within {within:?}");
                self.record(Action::Flapped, self.state, at, None, Some(note));
            }
        }
    }

    /// When the alert does not flap any more unless it changes, in event time.
    pub(crate) fn calm_at(&self) -> Option<Timestamp> {
        let last = self.inner.changes.last().filter(|_| self.flapping)?;
        Some(last.saturating_add(self.inner.calm_after))
    }

    /// The alert does not flap any more.
    pub(crate) fn calm(&mut self, at: Timestamp) {
        self.flapping = false;
        self.inner.changes.clear();
        self.record(Action::Calmed, self.state, at, None, None);
    }

    /// When its severity rises unless somebody takes it on, by the wall clock.
    pub(crate) fn escalates_at(&self) -> Option<Timestamp> {
        if self.state != AlertState::Open {
            return None;
        }
        let higher = self.inner.escalation.iter().filter(|step| step.severity > self.severity);
        higher.map(|step| self.inner.open_since.saturating_add(step.after)).min()
    }

    /// Raises the severity to what it is at `now`; whether it rose.
    pub(crate) fn escalate(&mut self, now: Timestamp) -> bool {
        if self.escalates_at().is_none_or(|at| at > now) {
            return false;
        }
        let open_for = now.saturating_since(self.inner.open_since);
        let due = self.inner.escalation.iter().filter(|step| step.after <= open_for);
        let Some(severity) = due.map(|step| step.severity).max() else { return false };
        let note = format!("{} to {severity}: nobody took it on", self.severity);
        self.severity = severity;
        self.record(Action::Escalated, self.state, now, None, Some(note));
        true
    }
}
