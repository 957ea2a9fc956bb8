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
use crate::engine::{Finding, Tally, row_key};
use crate::monitor::{Notification, NotificationKind};
use crate::policy::Limits;
use crate::{Alert, Firing, Group, Rule};

/// Alerts that are held at once: a storm is of tens of thousands.
const MAX_HELD: usize = if cfg!(test) { 2 } else { 1024 };

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
    /// The alerts that were held before, as they were left.
    touched: BTreeMap<u64, Watch>,
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
            touched: BTreeMap::new(),
            not_opened: 0,
            news: Vec::new(),
        })
    }

    /// Takes lines into their alert, or raises one.
    pub(super) fn take(&mut self, finding: &Finding) -> Result<(), Fault> {
        let Some(rule) = self.rules.get(finding.rule) else { return Ok(()) };
        if self.alerts.len() >= MAX_HELD || self.known.len() >= MAX_HELD {
            self.put()?;
        }
        let fingerprint = row_key(rule.name(), &finding.key);
        let number = self.number_of(&fingerprint)?;
        // In the log's own time the alert may have ended before these lines.
        if let Some(alert) = number.and_then(|number| self.alerts.get(&number))
            && !alert.is_resolved()
            && alert.inner.quiet_source == *finding.source
            && Watch::of(alert).is_quiet(&|_| Some(finding.watermark))
        {
            self.resolve_quiet(alert.inner.number)?;
        }
        let alert = number.and_then(|number| self.alerts.get_mut(&number));
        let number = match (alert, &finding.firing) {
            (Some(alert), _) if !alert.is_resolved() => {
                count(alert, &finding.first, finding);
                alert.inner.number
            }
            (_, None) => return Ok(()),
            (_, Some(_)) if self.unresolved >= self.limits.max_open_alerts => {
                self.not_opened += finding.firings();
                return Ok(());
            }
            (Some(alert), Some(firing)) => {
                recur(alert, rule, finding, firing);
                let number = alert.inner.number;
                self.opened(number, firing.last, NotificationKind::Reopened)?;
                number
            }
            (None, Some(firing)) => {
                let number = self.rows.next(NEXT_ALERT)?;
                self.known.insert(fingerprint, Some(number));
                self.alerts.insert(number, raise(number, rule, finding, firing));
                self.opened(number, firing.last, NotificationKind::Raised)?;
                number
            }
        };
        self.changed.insert(number);
        if let Some(rest) = &finding.rest
            && let Some(alert) = self.alerts.get_mut(&number)
        {
            count(alert, &rest.tally, finding);
        }
        Ok(())
    }

    /// The number of the alert with a fingerprint, which is among `alerts` then.
    fn number_of(&mut self, fingerprint: &[u8]) -> Result<Option<u64>, Fault> {
        if let Some(number) = self.known.get(fingerprint) {
            return Ok(*number);
        }
        let alert = self.rows.find(fingerprint)?;
        let number = alert.as_ref().map(|alert| alert.inner.number);
        self.alerts.extend(number.zip(alert));
        self.known.insert(fingerprint.to_vec(), number);
        Ok(number)
    }

    /// Does what time brings to alerts that it may be time for, and to those that were looked at.
    pub(super) fn pass_time(
        &mut self,
        due: &[u64],
        now_in: &dyn Fn(&Path) -> Option<Timestamp>,
    ) -> Result<(), Fault> {
        self.put()?;
        let due_by_now = |(_, watch): &(&u64, &Watch)| watch.is_due(now_in, self.now);
        let mut due: Vec<u64> = due.to_vec();
        due.extend(self.touched.iter().filter(due_by_now).map(|(number, _)| *number));
        due.into_iter().try_for_each(|number| self.pass_time_of(number, now_in))
    }

    /// Ends an alert when its quiet period has passed, calms it, raises its severity.
    fn pass_time_of(
        &mut self,
        number: u64,
        now_in: &dyn Fn(&Path) -> Option<Timestamp>,
    ) -> Result<(), Fault> {
        if !self.alerts.contains_key(&number) {
            if self.alerts.len() >= MAX_HELD {
                self.put()?;
            }
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

    fn opened(&mut self, number: u64, at: Timestamp, how: NotificationKind) -> Result<(), Fault> {
        self.unresolved += 1;
        if let Some(alert) = self.alerts.get_mut(&number) {
            alert.inner.open_since = self.now;
            alert.changed(at, self.limits.flapping);
        }
        self.tell(number, how)
    }

    fn tell(&mut self, number: u64, kind: NotificationKind) -> Result<(), Fault> {
        let Some(alert) = self.alerts.get(&number).cloned() else { return Ok(()) };
        let number = self.rows.next(NEXT_NOTIFICATION)?;
        self.news.push(Notification { number, kind, redelivered: false, alert });
        Ok(())
    }

    /// Writes the alerts that changed, and holds none any more.
    fn put(&mut self) -> Result<(), Fault> {
        self.known.clear();
        for (number, mut alert) in std::mem::take(&mut self.alerts) {
            if self.changed.remove(&number) {
                self.rows.put(&mut alert)?;
            }
            self.touched.insert(number, Watch::of(&alert));
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<StepOutcome, Fault> {
        self.put()?;
        let touched = self.touched.into_iter();
        let touched =
            touched.map(|(number, watch)| (number, Some(watch).filter(Watch::is_needed))).collect();
        Ok(StepOutcome { news: self.news, touched, not_opened: self.not_opened })
    }
}

fn raise(number: u64, rule: &Rule, finding: &Finding, firing: &Firing) -> Alert {
    let mut alert = Alert {
        group: Group::from_key(rule.group_by(), &finding.key),
        first_seen: firing.first,
        count: firing.count,
        samples: firing.samples.clone(),
        ..Alert::new(number, rule.name(), firing.last)
    };
    take_from_rule(&mut alert, rule);
    touch(&mut alert, &finding.first, finding);
    alert.why.clone_from(&firing.why);
    alert
}

fn recur(alert: &mut Alert, rule: &Rule, finding: &Finding, firing: &Firing) {
    // Matches that filled the window while the alert was unresolved are counted already.
    let fresh = finding.first.number.checked_sub(alert.inner.counted).filter(|&fresh| fresh > 0);
    alert.count += fresh.map_or(firing.count, |fresh| fresh.min(firing.count));
    alert.first_seen = alert.first_seen.min(firing.first);
    alert.last_seen = alert.last_seen.max(firing.last);
    alert.add_samples(firing.samples.iter().cloned());
    take_from_rule(alert, rule);
    alert.recur(firing.last);
    touch(alert, &finding.first, finding);
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

/// Takes lines into an alert that is not resolved.
fn count(alert: &mut Alert, tally: &Tally, finding: &Finding) {
    alert.count += tally.lines;
    alert.first_seen = alert.first_seen.min(tally.earliest);
    alert.last_seen = alert.last_seen.max(tally.latest);
    alert.add_samples(tally.samples.iter().cloned());
    touch(alert, tally, finding);
}

/// Notes that lines are in the alert's count, and starts the quiet period anew.
fn touch(alert: &mut Alert, tally: &Tally, finding: &Finding) {
    alert.message.clone_from(&tally.message);
    alert.add_source(&finding.source);
    alert.inner.counted = tally.number;
    alert.inner.quiet_since = tally.quiet_since;
    if alert.inner.quiet_source != *finding.source {
        alert.inner.quiet_source = finding.source.to_path_buf();
    }
}
