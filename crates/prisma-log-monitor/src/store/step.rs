//! One processing step: what lines did to alerts, positions and windows, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};
use prisma_log_tail::Checkpoint;
use redb::ReadableTable;

use super::Store;
use super::db::Fault;
use super::tables::{
    AlertTables, CHECKPOINTS, CLOCKS, NEXT_ALERT, NEXT_NOTIFICATION, OUTBOX, UNRESOLVED, WINDOWS,
};
use crate::alert::Inner;
use crate::codec::{Reader, Writer};
use crate::engine::{Engine, SourceClock, row_key};
use crate::monitor::{Notification, NotificationKind};
use crate::{Alert, AlertState, Firing, Match, Rule, Transition};

/// What one step has to write.
pub(crate) struct Step<'a> {
    /// Matches in the order in which their lines were read.
    pub(crate) matches: &'a [Match],
    /// Positions after these lines.
    pub(crate) checkpoints: &'a [Checkpoint],
    /// Clocks of these files, as they stand after these lines.
    pub(crate) sources: &'a [PathBuf],
    /// Numbers of news that handlers have returned from.
    pub(crate) delivered: &'a [u64],
    /// Numbers of alerts whose quiet period may have passed.
    pub(crate) due: &'a [u64],
    /// What time it is in a file.
    pub(crate) now_in: &'a dyn Fn(&Path) -> Option<Timestamp>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct StepOutcome {
    /// News for the handlers, in order.
    pub(crate) news: Vec<Notification>,
    /// The alerts that the step touched: `None` for those that are resolved now.
    pub(crate) touched: Vec<(u64, Option<Unresolved>)>,
}

/// What is needed to see that an alert's quiet period has passed.
#[derive(Clone, Debug)]
pub(crate) struct Unresolved {
    source: PathBuf,
    quiet_since: Timestamp,
    resolve_after: Duration,
}

impl Unresolved {
    fn of(alert: &Alert) -> Self {
        Unresolved {
            source: alert.inner.quiet_source.clone(),
            quiet_since: alert.inner.quiet_since,
            resolve_after: alert.inner.resolve_after,
        }
    }

    pub(crate) fn is_quiet(&self, now_in: &dyn Fn(&Path) -> Option<Timestamp>) -> bool {
        let now = now_in(&self.source);
        now.is_some_and(|now| now.saturating_since(self.quiet_since) >= self.resolve_after)
    }
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) unresolved: Vec<(u64, Unresolved)>,
    /// News that may not have been delivered.
    pub(crate) news: Vec<Notification>,
}

impl Store {
    /// Puts windows and clocks back into the engine, and returns the rest of what was left.
    pub(crate) fn load(&self, engine: &mut Engine) -> Result<Saved, Error> {
        let mut useless = Vec::new();
        let saved = self.db.read(|transaction| {
            for row in transaction.open_table(WINDOWS)?.iter()? {
                let (key, row) = row?;
                if !engine.restore(key.value(), row.value())? {
                    useless.push(key.value().to_vec());
                }
            }
            for row in transaction.open_table(CLOCKS)?.iter()? {
                let row = row?.1;
                let mut from = Reader::new(row.value(), "clock")?;
                let path = from.path()?;
                engine.set_source_clock(path, SourceClock::read(&mut from)?);
                from.finish()?;
            }
            let mut saved = Saved::default();
            for row in transaction.open_table(CHECKPOINTS)?.iter()? {
                saved.checkpoints.push(Checkpoint::from_bytes(row?.1.value())?);
            }
            let alerts = transaction.open_table(super::ALERTS)?;
            for row in transaction.open_table(UNRESOLVED)?.iter()? {
                let number = row?.0.value();
                if let Some(row) = alerts.get(number)? {
                    let alert = Alert::from_bytes(row.value())?;
                    saved.unresolved.push((number, Unresolved::of(&alert)));
                }
            }
            for row in transaction.open_table(OUTBOX)?.iter()? {
                let (number, row) = row?;
                saved.news.push(read_news(number.value(), row.value())?);
            }
            Ok(saved)
        })?;
        if !useless.is_empty() {
            self.db.write(|transaction| {
                let mut windows = transaction.open_table(WINDOWS)?;
                useless.iter().try_for_each(|key| windows.remove(&**key).map(drop))?;
                Ok(())
            })?;
        }
        Ok(saved)
    }

    /// Writes a step in one transaction.
    pub(crate) fn apply(&self, engine: &Engine, step: &Step<'_>) -> Result<StepOutcome, Error> {
        self.db.write(|transaction| {
            let mut changes = Changes {
                tables: AlertTables::open(transaction)?,
                rules: engine.rules(),
                alerts: BTreeMap::new(),
                changed: BTreeSet::new(),
                known: BTreeMap::new(),
                news: Vec::new(),
            };
            for found in step.matches {
                changes.take(found)?;
            }
            // What these lines raised may be over by now, too.
            let touched: Vec<u64> = changes.alerts.keys().copied().collect();
            for number in touched.into_iter().chain(step.due.iter().copied()) {
                changes.resolve_if_quiet(number, step.now_in)?;
            }
            let outcome = changes.finish()?;
            let mut outbox = transaction.open_table(OUTBOX)?;
            for &number in step.delivered {
                outbox.remove(number)?;
            }
            for news in &outcome.news {
                outbox.insert(news.number, &*write_news(news))?;
            }
            let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
            for checkpoint in step.checkpoints {
                let key = checkpoint.source().as_os_str().as_encoded_bytes();
                checkpoints.insert(key, &*checkpoint.to_bytes())?;
            }
            let mut clocks = transaction.open_table(CLOCKS)?;
            for source in step.sources {
                let Some(clock) = engine.source_clock(source) else { continue };
                let mut row = Writer::new();
                row.path(source);
                clock.write(&mut row);
                clocks.insert(source.as_os_str().as_encoded_bytes(), &*row.finish())?;
            }
            let mut windows = transaction.open_table(WINDOWS)?;
            for (key, row) in engine.dirty_rows() {
                match row {
                    Some(row) => windows.insert(&*key, &*row)?,
                    None => windows.remove(&*key)?,
                };
            }
            Ok(outcome)
        })
    }
}

/// Alerts as they change within a transaction.
struct Changes<'t, 'r> {
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

impl Changes<'_, '_> {
    fn take(&mut self, found: &Match) -> Result<(), Fault> {
        let Some(rule) = self.rules.get(found.rule) else { return Ok(()) };
        let fingerprint = row_key(&rule.name, &found.group.to_key());
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

    fn resolve_if_quiet(
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

    fn finish(mut self) -> Result<StepOutcome, Fault> {
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
        rule: rule.name.clone(),
        description: rule.description.clone(),
        severity: rule.severity,
        state: AlertState::Open,
        group: found.group.clone(),
        sources: Vec::new(),
        first_seen: firing.first,
        last_seen: firing.last,
        count: firing.count,
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
            resolve_after: rule.resolve_after,
            quiet_since: found.time,
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
    alert.severity = rule.severity;
    alert.description.clone_from(&rule.description);
    alert.inner.resolve_after = rule.resolve_after;
    alert.reopen(firing.last);
    touch(alert, found);
}

/// Notes that a match is in the alert's count, and starts the quiet period anew.
fn touch(alert: &mut Alert, found: &Match) {
    alert.add_source(&found.source);
    alert.inner.counted = found.number;
    alert.inner.quiet_since = found.time;
    if alert.inner.quiet_source != *found.source {
        alert.inner.quiet_source = found.source.to_path_buf();
    }
}

fn write_news(news: &Notification) -> Vec<u8> {
    let mut out = Writer::new();
    out.choice(&NotificationKind::ALL, news.kind);
    news.alert.write(&mut out);
    out.finish()
}

fn read_news(number: u64, row: &[u8]) -> Result<Notification, Error> {
    let mut from = Reader::new(row, "notification")?;
    let kind = from.choice(&NotificationKind::ALL)?;
    let alert = Alert::read(&mut from)?;
    from.finish()?;
    Ok(Notification { number, kind, redelivered: true, alert })
}
