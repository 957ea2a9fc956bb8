//! One processing step: what lines did to alerts, positions and windows, all or nothing.

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::{Error, Timestamp};
use prisma_log_tail::Checkpoint;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::Store;
use super::changes::Changes;
use super::db::Fault;
use super::dispatch;
use super::tables::{
    ALERTS, AlertTables, CHECKPOINTS, CLOCKS, FLAPPING, META, NOT_OPENED, OPERATIONS, OUTBOX,
    UNRESOLVED, WINDOWS,
};
use super::watch::Watch;
use crate::codec::{Reader, Writer};
use crate::engine::{Changed, Engine, Finding, SourceClock};
use crate::monitor::{Notification, NotificationKind};
use crate::policy::Limits;
use crate::{Alert, Rule};

/// What one step has to write.
pub(crate) struct Step<'a> {
    /// What lines did, in the order in which they were read.
    pub(crate) findings: &'a [Finding],
    /// Positions after these lines.
    pub(crate) checkpoints: &'a [Checkpoint],
    /// Windows and clocks as they stand after these lines.
    pub(crate) changed: &'a Changed,
    /// Numbers of news that handlers have returned from.
    pub(crate) delivered: &'a [u64],
    /// Numbers of alerts that it may be time to do something about.
    pub(crate) due: &'a [u64],
    pub(crate) limits: Limits,
    /// What time it is in a file.
    pub(crate) now_in: &'a dyn Fn(&Path) -> Option<Timestamp>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct StepOutcome {
    /// News for the handlers, in order.
    pub(crate) news: Vec<Notification>,
    /// The alerts that the step touched: `None` for those that time does nothing to any more.
    pub(crate) touched: Vec<(u64, Option<Watch>)>,
    /// Firings that raised no alert, because there were too many.
    pub(crate) not_opened: u64,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// Alerts that time does something to.
    pub(crate) watched: Vec<(u64, Watch)>,
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
                engine.set_source_clock(&path, SourceClock::read(&mut from)?);
                from.finish()?;
            }
            let mut saved = Saved::default();
            for row in transaction.open_table(CHECKPOINTS)?.iter()? {
                saved.checkpoints.push(Checkpoint::from_bytes(row?.1.value())?);
            }
            saved.watched = watched(transaction)?;
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

    /// The alerts that time does something to.
    pub(crate) fn watched(&self) -> Result<Vec<(u64, Watch)>, Error> {
        self.db.read(watched)
    }

    /// Differs when people did something.
    pub(crate) fn operations(&self) -> Result<u64, Error> {
        self.db.read(|transaction| {
            let operations = transaction.open_table(META)?.get(OPERATIONS)?;
            Ok(operations.map_or(0, |count| count.value()))
        })
    }

    /// Writes a step in one transaction.
    pub(crate) fn apply(&self, rules: &[Arc<Rule>], step: &Step<'_>) -> Result<StepOutcome, Error> {
        let now = self.clock.now();
        self.db.write(|transaction| {
            let mut changes =
                Changes::new(AlertTables::open(transaction)?, rules, step.limits, now)?;
            for finding in step.findings {
                changes.take(finding)?;
            }
            // What these lines raised may be over by now, too.
            changes.pass_time(step.due, step.now_in)?;
            let outcome = changes.finish()?;
            note(transaction, &outcome)?;
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

/// Counts firings that raised nothing, and lays news before those who take it to receivers.
fn note(transaction: &WriteTransaction, outcome: &StepOutcome) -> Result<(), Fault> {
    if outcome.not_opened > 0 {
        AlertTables::open(transaction)?.add(NOT_OPENED, outcome.not_opened)?;
    }
    let numbers = outcome.news.iter().map(|news| (news.number, news.alert.inner.number, news.kind));
    dispatch::announce(transaction, numbers)
}

/// The alerts that time does something to.
fn watched(transaction: &ReadTransaction) -> Result<Vec<(u64, Watch)>, Fault> {
    let alerts = transaction.open_table(ALERTS)?;
    let mut watched = Vec::new();
    for table in [UNRESOLVED, FLAPPING] {
        for row in transaction.open_table(table)?.iter()? {
            let number = row?.0.value();
            if let Some(row) = alerts.get(number)? {
                watched.push((number, Watch::of(&Alert::from_bytes(row.value())?)));
            }
        }
    }
    Ok(watched)
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
