//! A sink that what was left behind is written to.

use std::time::Duration;

use prisma_log_core::support::Reporter;
use prisma_log_core::{DropReason, Record, Sink};

use crate::health::RecoveryReport;
use crate::slot::{Admission, Delivery, Facts, deliver};

/// How long a start waits for a sink in trouble, in all; the rest is for the next start.
const PATIENCE: Duration = Duration::from_secs(1);

/// A sink that takes part in a replay.
pub(crate) struct Target<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) admission: &'a mut Admission,
    pub(crate) sink: &'a mut dyn Sink,
    /// How long it may still be waited for.
    patience: Duration,
}

impl<'a> Target<'a> {
    pub(crate) fn new(
        facts: &'a Facts,
        admission: &'a mut Admission,
        sink: &'a mut dyn Sink,
    ) -> Self {
        Target { facts, admission, sink, patience: PATIENCE }
    }

    /// Whether it is not waited for any longer: it gets nothing more.
    pub(super) fn is_given_up(&self) -> bool {
        self.patience.is_zero()
    }

    /// Writes the records; how many it is through with, all of them unless it was given up.
    pub(super) fn take(
        &mut self,
        batch: &[Record<'_>],
        reporter: &Reporter,
        report: &mut RecoveryReport,
    ) -> usize {
        let mut through = 0;
        while through < batch.len() && !self.is_given_up() {
            let rest = &batch[through..];
            let before = self.facts.ledger.snapshot();
            let delivery = deliver(self.facts, reporter, self.sink, rest);
            let after = self.facts.ledger.snapshot();
            let delivered = after.delivered() - before.delivered();
            let dropped = after.dropped() - before.dropped();
            // Nobody sees the ledger yet; what stays where it is was never this process's.
            self.facts.ledger.submit(delivered + dropped);
            report.records += delivered;
            report.failed += dropped;
            match delivery {
                Delivery::Done => through = batch.len(),
                Delivery::Later { from, wait } => {
                    through += from;
                    let wait = wait.min(self.patience);
                    std::thread::sleep(wait);
                    self.patience -= wait;
                }
            }
        }
        through
    }

    /// Counts records that it can't be given, and that don't stay for it either.
    pub(super) fn lose(&self, records: u64, report: &mut RecoveryReport) {
        self.facts.ledger.submit(records);
        self.facts.ledger.drop_records(records, DropReason::SinkFailed);
        report.failed += records;
    }
}
