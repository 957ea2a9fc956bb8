//! Where lines and records meet the rules, and what came of it waits for its transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_core::{Record, Timestamp};

use super::RuleReport;
use crate::engine::Changed;
use crate::{Engine, Match, Rule};

/// The engine and what it found; shared by the monitor's thread and the sinks that feed it.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) engine: Engine,
    /// Matches that no transaction has taken yet.
    pending: Vec<Match>,
    /// Whether a group fired since the last transaction began.
    fired: bool,
    /// What became of each rule.
    pub(super) rules: Vec<RuleReport>,
    /// Records of the process that were taken in.
    pub(super) records: u64,
    /// The rules that pending matches are of: those in use, and before them those that were in use
    /// when the oldest was found.
    known: Vec<Arc<Rule>>,
}

/// What a transaction takes.
#[derive(Debug)]
pub(super) struct Taken {
    /// The rules that matches are of, by their numbers.
    pub(super) rules: Vec<Arc<Rule>>,
    pub(super) matches: Vec<Match>,
    pub(super) changed: Changed,
}

/// The handle that is shared.
#[derive(Clone, Debug)]
pub(super) struct SharedIntake(Arc<Mutex<Intake>>);

impl SharedIntake {
    pub(super) fn new(engine: Engine) -> Self {
        let rules = engine.rules().iter();
        let rules =
            rules.map(|rule| RuleReport { rule: rule.name().to_owned(), ..RuleReport::default() });
        SharedIntake(Arc::new(Mutex::new(Intake {
            rules: rules.collect(),
            known: engine.rules().to_vec(),
            engine,
            pending: Vec::new(),
            fired: false,
            records: 0,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Intake> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intake {
    /// Takes a block of whole lines in.
    pub(super) fn block(&mut self, source: &Path, block: &[u8], now: Timestamp) {
        let before = self.pending.len();
        self.engine.scan(source, block, now, &mut self.pending);
        self.count(before);
    }

    /// Takes a record of the process in.
    pub(super) fn record(&mut self, source: &Path, record: &Record<'_>) {
        let before = self.pending.len();
        self.engine.record(source, record, record.timestamp, &mut self.pending);
        self.records += 1;
        self.count(before);
    }

    /// Lets time pass; `now_in` is the event time that it has come to.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let before = self.pending.len();
        self.engine.tick(now, &mut self.pending);
        self.count(before);
    }

    fn count(&mut self, before: usize) {
        if self.pending.len() == before {
            return;
        }
        let retired = self.known.len() - self.engine.rules().len();
        for found in self.pending.iter_mut().skip(before) {
            let Some(rule) = self.rules.get_mut(found.rule) else { continue };
            found.rule += retired;
            rule.matches += u64::from(found.is_line());
            rule.firings += u64::from(found.firing.is_some());
            self.fired |= found.firing.is_some();
        }
    }

    pub(super) fn has_fired(&self) -> bool {
        self.fired
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Hands over what there is.
    pub(super) fn take(&mut self) -> Taken {
        self.fired = false;
        Taken {
            rules: std::mem::replace(&mut self.known, self.engine.rules().to_vec()),
            matches: std::mem::take(&mut self.pending),
            changed: self.engine.take_changed(),
        }
    }

    /// Takes room back that [`Intake::take`] gave away, unless there is some by now.
    pub(super) fn use_again(&mut self, mut room: Vec<Match>) {
        if self.pending.capacity() == 0 {
            room.clear();
            self.pending = room;
        }
    }

    /// Goes on with other rules. What is known of groups stays with rules whose name, kind and keys
    /// stay.
    pub(super) fn exchange(&mut self, mut engine: Engine) {
        engine.adopt(&mut self.engine);
        let report = |rule: &Arc<Rule>| {
            let before = self.rules.iter().find(|report| report.rule == rule.name());
            let new = || RuleReport { rule: rule.name().to_owned(), ..RuleReport::default() };
            before.cloned().unwrap_or_else(new)
        };
        self.rules = engine.rules().iter().map(report).collect();
        self.known.extend(engine.rules().iter().cloned());
        self.engine = engine;
    }
}
