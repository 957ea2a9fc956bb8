//! What matches and quiet do to alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use prisma_log_core::Timestamp;

use super::db::Fault;
use super::rows::AlertRows;
use super::step::StepOutcome;
use super::tables::{NEXT_ALERT, NEXT_NOTIFICATION};
use super::watch::Watch;
use crate::engine::row_key;
use crate::monitor::{Notification, NotificationKind};
use crate::policy::Limits;
use crate::{Alert, Firing, Match, Rule};

/// Alerts as they change within a transaction.
pub(super) struct Changes<'r, R> {
    rows: R,
    rules: &'r [Arc<Rule>],
    limits: Limits,
    /// The wall clock.
    now: Timestamp,
    /// By number.
    alerts: BTreeMap<u64, Alert>,
    /// Those of them that have to be written.
    changed: BTreeSet<u64>,
    /// Number of the alert with a fingerprint, as far as it was looked up; `None` if there is none.
    known: BTreeMap<Vec<u8>, Option<u64>>,
    /// How many alerts are not resolved.
    unresolved: u64,
    not_opened: u64,
    news: Vec<Notification>,
}

impl<'r, R: AlertRows> Changes<'r, R> {
    pub(super) fn new(
        rows: R,
        rules: &'r [Arc<Rule>],
        limits: Limits,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        Ok(Changes {
            unresolved: rows.unresolved()?,
            rows,
            rules,
            limits,
            now,
            alerts: BTreeMap::new(),
            changed: BTreeSet::new(),
            known: BTreeMap::new(),
            not_opened: 0,
            news: Vec::new(),
        })
    }

    /// Numbers of the alerts that were looked at.
    pub(super) fn touched(&self) -> Vec<u64> {
        self.alerts.keys().copied().collect()
    }

    /// Takes a match into its alert, or raises one.
    pub(super) fn take(&mut self, found: &Match) -> Result<(), Fault> {
        let Some(rule) = self.rules.get(found.rule) else { return Ok(()) };
        let fingerprint = row_key(rule.name(), &found.group.to_key());
        let number = match self.known.get(&fingerprint) {
            Some(number) => *number,
            None => {
                let alert = self.rows.find(&fingerprint)?;
                let number = alert.as_ref().map(|alert| alert.inner.number);
                self.alerts.extend(number.zip(alert));
                self.known.insert(fingerprint.clone(), number);
                number
            }
        };
        let Some(alert) = number.and_then(|number| self.alerts.get_mut(&number)) else {
            if let Some(firing) = &found.firing
                && self.may_open()
            {
                let number = self.rows.next(NEXT_ALERT)?;
                let alert = raise(number, rule, found, firing);
                self.known.insert(fingerprint, Some(number));
                self.alerts.insert(number, alert);
                self.opened(number, firing.last);
                self.tell(number, NotificationKind::Raised)?;
            }
            return Ok(());
        };
        let number = alert.inner.number;
        // In the log's own time the alert may have ended before this line.
        let same_file = alert.inner.quiet_source == *found.source;
        if !alert.is_resolved()
            && same_file
            && Watch::of(alert).is_quiet(&|_| Some(found.watermark))
        {
            self.resolve_quiet(number)?;
        }
        let Some(alert) = self.alerts.get_mut(&number) else { return Ok(()) };
        if !alert.is_resolved() {
            alert.count += u64::from(found.is_line());
            alert.first_seen = alert.first_seen.min(found.time);
            alert.last_seen = alert.last_seen.max(found.time);
            if found.is_line() {
                alert.add_samples([found.sample.clone()]);
            }
            touch(alert, found);
            self.changed.insert(number);
        } else if let Some(firing) = &found.firing
            && self.may_open()
            && let Some(alert) = self.alerts.get_mut(&number)
        {
            recur(alert, rule, found, firing);
            self.opened(number, firing.last);
            self.tell(number, NotificationKind::Reopened)?;
        }
        Ok(())
    }

    /// Does what time brings to an alert: ends it when its quiet period has passed, calms it, raises
    /// its severity.
    pub(super) fn pass_time(
        &mut self,
        number: u64,
        now_in: &dyn Fn(&Path) -> Option<Timestamp>,
    ) -> Result<(), Fault> {
        if !self.alerts.contains_key(&number) {
            self.alerts.extend(self.rows.get(number)?.map(|alert| (number, alert)));
        }
        let Some(alert) = self.alerts.get(&number) else { return Ok(()) };
        if !alert.is_resolved() && Watch::of(alert).is_quiet(now_in) {
            self.resolve_quiet(number)?;
        }
        let Some(alert) = self.alerts.get_mut(&number) else { return Ok(()) };
        if let Some(at) = Watch::of(alert).calm_by(now_in) {
            alert.calm(at);
            self.changed.insert(number);
        }
        if alert.escalate(self.now) {
            self.changed.insert(number);
            self.tell(number, NotificationKind::Escalated)?;
        }
        Ok(())
    }

    fn resolve_quiet(&mut self, number: u64) -> Result<(), Fault> {
        let Some(alert) = self.alerts.get_mut(&number) else { return Ok(()) };
        let at = alert.resolve_quiet();
        alert.changed(at, self.limits.flapping);
        self.unresolved = self.unresolved.saturating_sub(1);
        self.changed.insert(number);
        self.tell(number, NotificationKind::Resolved)
    }

    /// Whether there is room for one more alert that is not resolved; counts when there is none.
    fn may_open(&mut self) -> bool {
        let may = self.unresolved < self.limits.max_open_alerts;
        self.not_opened += u64::from(!may);
        may
    }

    fn opened(&mut self, number: u64, at: Timestamp) {
        self.unresolved += 1;
        self.changed.insert(number);
        if let Some(alert) = self.alerts.get_mut(&number) {
            alert.inner.open_since = self.now;
            alert.changed(at, self.limits.flapping);
        }
    }

    fn tell(&mut self, number: u64, kind: NotificationKind) -> Result<(), Fault> {
        let Some(alert) = self.alerts.get(&number).cloned() else { return Ok(()) };
        let number = self.rows.next(NEXT_NOTIFICATION)?;
        self.news.push(Notification { number, kind, redelivered: false, alert });
        Ok(())
    }

    /// Writes the alerts that changed.
    pub(super) fn finish(mut self) -> Result<StepOutcome, Fault> {
        let mut touched = Vec::new();
        for (number, mut alert) in self.alerts {
            if self.changed.contains(&number) {
                self.rows.put(&mut alert)?;
            }
            let watch = Watch::of(&alert);
            touched.push((number, watch.is_needed().then_some(watch)));
        }
        let (news, not_opened) = (self.news, self.not_opened);
        Ok(StepOutcome { news, touched, not_opened })
    }
}

fn raise(number: u64, rule: &Rule, found: &Match, firing: &Firing) -> Alert {
    let mut alert = Alert {
        group: found.group.clone(),
        first_seen: firing.first,
        count: firing.count,
        samples: firing.samples.clone(),
        ..Alert::new(number, rule.name(), firing.last)
    };
    take_from_rule(&mut alert, rule);
    touch(&mut alert, found);
    alert.why.clone_from(&firing.why);
    alert
}

fn recur(alert: &mut Alert, rule: &Rule, found: &Match, firing: &Firing) {
    // Matches that filled the window while the alert was unresolved are counted already.
    let fresh = found.number.checked_sub(alert.inner.counted).filter(|&fresh| fresh > 0);
    alert.count += fresh.map_or(firing.count, |fresh| fresh.min(firing.count));
    alert.first_seen = alert.first_seen.min(firing.first);
    alert.last_seen = alert.last_seen.max(firing.last);
    alert.add_samples(firing.samples.iter().cloned());
    take_from_rule(alert, rule);
    alert.recur(firing.last);
    touch(alert, found);
    alert.why.clone_from(&firing.why);
}

/// An alert is as its rule was when it was raised last.
fn take_from_rule(alert: &mut Alert, rule: &Rule) {
    alert.severity = rule.severity();
    rule.description().clone_into(&mut alert.description);
    alert.labels = rule.labels().to_vec();
    alert.inner.escalation = rule.escalation().to_vec();
    alert.inner.resolve_after = rule.resolve_after().max(rule.cooldown());
}

/// Notes that a match is in the alert's count, and starts the quiet period anew.
fn touch(alert: &mut Alert, found: &Match) {
    alert.message.clone_from(&found.message);
    alert.add_source(&found.source);
    alert.inner.counted = found.number;
    alert.inner.quiet_since = found.watermark.max(found.time);
    if alert.inner.quiet_source != *found.source {
        alert.inner.quiet_source = found.source.to_path_buf();
    }
}
