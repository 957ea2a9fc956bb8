//! What matches and quiet do to alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prisma_log_core::Timestamp;

use super::db::Fault;
use super::step::{StepOutcome, Unresolved};
use super::tables::{AlertTables, NEXT_ALERT, NEXT_NOTIFICATION};
use crate::alert::Inner;
use crate::engine::row_key;
use crate::monitor::{Notification, NotificationKind};
use crate::{Alert, AlertState, Firing, Match, Rule, Transition};

/// Alerts as they change within a transaction.
pub(super) struct Changes<'t, 'r> {
    tables: AlertTables<'t>,
    rules: &'r [Arc<Rule>],
    /// By number.
    alerts: BTreeMap<u64, Alert>,
    /// Those of them that have to be written.
    changed: BTreeSet<u64>,
    /// Number of the alert with a fingerprint, as far as it was looked up; `None` if there is none.
    known: BTreeMap<Vec<u8>, Option<u64>>,
    news: Vec<Notification>,
}

impl<'t, 'r> Changes<'t, 'r> {
    pub(super) fn new(tables: AlertTables<'t>, rules: &'r [Arc<Rule>]) -> Self {
        Changes {
            tables,
            rules,
            alerts: BTreeMap::new(),
            changed: BTreeSet::new(),
            known: BTreeMap::new(),
            news: Vec::new(),
        }
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
                let alert = self.tables.find(&fingerprint)?;
                let number = alert.as_ref().map(|alert| alert.inner.number);
                self.alerts.extend(number.zip(alert));
                self.known.insert(fingerprint.clone(), number);
                number
            }
        };
        let Some(alert) = number.and_then(|number| self.alerts.get_mut(&number)) else {
            if let Some(firing) = &found.firing {
                let number = self.tables.next(NEXT_ALERT)?;
                let alert = raise(number, rule, found, firing);
                self.known.insert(fingerprint, Some(number));
                self.alerts.insert(number, alert);
                self.changed.insert(number);
                self.tell(number, NotificationKind::Raised)?;
            }
            return Ok(());
        };
        let number = alert.inner.number;
        // In the log's own time the alert may have ended before this line.
        let same_file = alert.inner.quiet_source == *found.source;
        if !alert.is_resolved()
            && same_file
            && Unresolved::of(alert).is_quiet(&|_| Some(found.watermark))
        {
            alert.resolve_quiet();
            self.changed.insert(number);
            self.tell(number, NotificationKind::Resolved)?;
        }
        let Some(alert) = self.alerts.get_mut(&number) else { return Ok(()) };
        if alert.is_resolved() {
            if let Some(firing) = &found.firing {
                recur(alert, rule, found, firing);
                self.changed.insert(number);
                self.tell(number, NotificationKind::Reopened)?;
            }
        } else {
            alert.count += 1;
            alert.first_seen = alert.first_seen.min(found.time);
            alert.last_seen = alert.last_seen.max(found.time);
            alert.add_samples([found.sample.clone()]);
            touch(alert, found);
            self.changed.insert(number);
        }
        Ok(())
    }

    /// Ends an alert when its quiet period has passed.
    pub(super) fn resolve_if_quiet(
        &mut self,
        number: u64,
        now_in: &dyn Fn(&Path) -> Option<Timestamp>,
    ) -> Result<(), Fault> {
        if !self.alerts.contains_key(&number) {
            self.alerts.extend(self.tables.get(number)?.map(|alert| (number, alert)));
        }
        let Some(alert) = self.alerts.get_mut(&number) else { return Ok(()) };
        if !alert.is_resolved() && Unresolved::of(alert).is_quiet(now_in) {
            alert.resolve_quiet();
            self.changed.insert(number);
            self.tell(number, NotificationKind::Resolved)?;
        }
        Ok(())
    }

    fn tell(&mut self, number: u64, kind: NotificationKind) -> Result<(), Fault> {
        let Some(alert) = self.alerts.get(&number).cloned() else { return Ok(()) };
        let number = self.tables.next(NEXT_NOTIFICATION)?;
        self.news.push(Notification { number, kind, redelivered: false, alert });
        Ok(())
    }

    /// Writes the alerts that changed.
    pub(super) fn finish(mut self) -> Result<StepOutcome, Fault> {
        let mut touched = Vec::new();
        for (number, mut alert) in self.alerts {
            if self.changed.contains(&number) {
                self.tables.put(&mut alert)?;
            }
            touched.push((number, (!alert.is_resolved()).then(|| Unresolved::of(&alert))));
        }
        Ok(StepOutcome { news: self.news, touched })
    }
}

fn raise(number: u64, rule: &Rule, found: &Match, firing: &Firing) -> Alert {
    let mut alert = Alert {
        id: Alert::id_of(number),
        rule: rule.name().to_owned(),
        description: rule.description().to_owned(),
        severity: rule.severity(),
        state: AlertState::Open,
        group: found.group.clone(),
        sources: Vec::new(),
        first_seen: firing.first,
        last_seen: firing.last,
        count: firing.count,
        message: String::new(),
        samples: firing.samples.clone(),
        history: vec![Transition {
            from: None,
            to: AlertState::Open,
            at: firing.last,
            by: None,
            note: None,
        }],
        inner: Inner {
            number,
            resolve_after: rule.resolve_after().max(rule.cooldown()),
            quiet_since: found.watermark.max(found.time),
            quiet_source: PathBuf::new(),
            counted: 0,
            resolved_number: None,
        },
    };
    touch(&mut alert, found);
    alert
}

fn recur(alert: &mut Alert, rule: &Rule, found: &Match, firing: &Firing) {
    // Matches that filled the window while the alert was unresolved are counted already.
    let fresh = found.number.checked_sub(alert.inner.counted).filter(|&fresh| fresh > 0);
    alert.count += fresh.map_or(firing.count, |fresh| fresh.min(firing.count));
    alert.first_seen = alert.first_seen.min(firing.first);
    alert.last_seen = alert.last_seen.max(firing.last);
    alert.add_samples(firing.samples.iter().cloned());
    alert.severity = rule.severity();
    rule.description().clone_into(&mut alert.description);
    alert.inner.resolve_after = rule.resolve_after().max(rule.cooldown());
    alert.reopen(firing.last);
    touch(alert, found);
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
