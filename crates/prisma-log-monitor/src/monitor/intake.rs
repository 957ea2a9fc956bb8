//! Where lines and records meet the rules, and what came of it waits for its transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_core::{Record, Timestamp};

use super::RuleReport;
use crate::engine::{Changed, Finding, Findings};
use crate::{Engine, Rule};

/// The engine and what it found; shared by the monitor's thread and the sinks that feed it.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) engine: Engine,
    /// What no transaction has taken yet.
    findings: Findings,
    /// What became of each rule.
    rules: Vec<RuleReport>,
    /// Records of the process that were taken in.
    pub(super) records: u64,
    /// The rules that findings are of: those in use, and before them those that were in use when the
    /// oldest was found.
    known: Vec<Arc<Rule>>,
}

/// What a transaction takes.
#[derive(Debug)]
pub(super) struct Taken {
    /// The rules that findings are of, by their numbers.
    pub(super) rules: Vec<Arc<Rule>>,
    pub(super) findings: Vec<Finding>,
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
            findings: Findings::new(engine.rules().len(), 0),
            known: engine.rules().to_vec(),
            engine,
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
        self.engine.scan_into(source, block, now, &mut self.findings);
    }

    /// Takes a record of the process in.
    pub(super) fn record(&mut self, source: &Path, record: &Record<'_>) {
        self.engine.record_into(source, record, record.timestamp, &mut self.findings);
        self.records += 1;
    }

    /// Lets time pass; `now` is the event time that it has come to.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.engine.tick_into(now, &mut self.findings);
    }

    /// What waits for its transaction.
    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Hands over what there is; `all`: the clocks of sources whose lines did nothing, too.
    pub(super) fn take(&mut self, all: bool) -> Taken {
        Taken {
            rules: std::mem::replace(&mut self.known, self.engine.rules().to_vec()),
            findings: self.findings.take_list(),
            changed: if all { self.engine.take_changed() } else { self.engine.take_effects() },
        }
    }

    /// What became of each rule.
    pub(super) fn reports(&mut self) -> &[RuleReport] {
        for (report, (matches, firings)) in self.rules.iter_mut().zip(self.findings.take_counts()) {
            report.matches += matches;
            report.firings += firings;
        }
        &self.rules
    }

    /// Goes on with other rules. What is known of groups stays with rules whose name, kind and keys
    /// stay.
    pub(super) fn exchange(&mut self, mut engine: Engine) {
        engine.adopt(&mut self.engine);
        let before = self.reports().to_vec();
        let report = |rule: &Arc<Rule>| {
            let before = before.iter().find(|report| report.rule == rule.name());
            let new = || RuleReport { rule: rule.name().to_owned(), ..RuleReport::default() };
            before.cloned().unwrap_or_else(new)
        };
        self.rules = engine.rules().iter().map(report).collect();
        self.findings.exchange(engine.rules().len());
        self.known.extend(engine.rules().iter().cloned());
        self.engine = engine;
    }
}
