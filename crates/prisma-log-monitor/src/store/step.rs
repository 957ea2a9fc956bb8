//! One processing step: what lines did to alerts, positions and windows, all or nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};
use prisma_log_tail::Checkpoint;
use redb::ReadableTable;

use super::Store;
use super::changes::Changes;
use super::tables::{AlertTables, CHECKPOINTS, CLOCKS, OUTBOX, UNRESOLVED, WINDOWS};
use crate::codec::{Reader, Writer};
use crate::engine::{Changed, DISORDER, Engine, SourceClock};
use crate::monitor::{Notification, NotificationKind};
use crate::{Alert, Match, Rule};

/// What one step has to write.
pub(crate) struct Step<'a> {
    /// Matches in the order in which their lines were read.
    pub(crate) matches: &'a [Match],
    /// Positions after these lines.
    pub(crate) checkpoints: &'a [Checkpoint],
    /// Windows and clocks as they stand after these lines.
    pub(crate) changed: &'a Changed,
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
    pub(super) fn of(alert: &Alert) -> Self {
        Unresolved {
            source: alert.inner.quiet_source.clone(),
            quiet_since: alert.inner.quiet_since,
            resolve_after: alert.inner.resolve_after,
        }
    }

    pub(crate) fn is_quiet(&self, now_in: &dyn Fn(&Path) -> Option<Timestamp>) -> bool {
        let Some(now) = now_in(&self.source) else { return false };
        // A file that went back into another era will not get to the end of this quiet period.
        let another_era = DISORDER.max(self.resolve_after);
        now.saturating_since(self.quiet_since) >= self.resolve_after
            || self.quiet_since.saturating_since(now) > another_era
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
    pub(crate) fn apply(
        &self,
        rules: &[Arc<Rule>],
        step: &Step<'_>,
    ) -> Result<StepOutcome, Error> {
        self.db.write(|transaction| {
            let mut changes = Changes::new(AlertTables::open(transaction)?, rules);
            for found in step.matches {
                changes.take(found)?;
            }
            // What these lines raised may be over by now, too.
            let touched = changes.touched();
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
            for (source, clock) in &step.changed.clocks {
                let mut row = Writer::new();
                row.path(source);
                clock.write(&mut row);
                clocks.insert(source.as_os_str().as_encoded_bytes(), &*row.finish())?;
            }
            let mut windows = transaction.open_table(WINDOWS)?;
            for (key, row) in &step.changed.windows {
                match row {
                    Some(row) => windows.insert(&**key, &**row)?,
                    None => windows.remove(&**key)?,
                };
            }
            Ok(outcome)
        })
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
