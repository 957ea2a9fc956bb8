//! Calls of a sink: whatever it does is contained, counted and reported.

use std::sync::PoisonError;
use std::time::Duration;

use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{DropReason, Error, Record, Sink, SinkCommand, SinkPosition};

use super::Facts;

/// A batch that fails so many records in a row is given up: the fault is not one record's.
const FAILURES_IN_A_ROW: usize = 3;
/// A sink is not tried again before this, nor long after it said it may be: the bounds of what it
/// asks for.
const LEAST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What came of handing over a batch.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Delivery {
    /// Every record is delivered or dropped.
    Done,
    /// The place where records are kept is in trouble: from this one on they are to be handed over
    /// again after the time.
    Later { from: usize, wait: Duration },
}

/// Hands a batch to a sink: what it refuses is counted and reported.
pub(crate) fn deliver(
    facts: &Facts,
    reporter: &Reporter,
    sink: &mut dyn Sink,
    batch: &[Record<'_>],
) -> Delivery {
    facts.at_work(true);
    let delivery = deliver_all(facts, reporter, sink, batch);
    facts.at_work(false);
    delivery
}

fn deliver_all(
    facts: &Facts,
    reporter: &Reporter,
    sink: &mut dyn Sink,
    batch: &[Record<'_>],
) -> Delivery {
    let mut rest = batch;
    let mut failures = 0;
    while !rest.is_empty() {
        match contain(|| sink.write(rest)) {
            Ok(Ok(())) => {
                facts.ledger.deliver(rest.len() as u64);
                if failures == 0 {
                    facts.set_state(super::SinkState::Ok);
                }
                break;
            }
            Ok(Err(failed)) => {
                let delivered = failed.delivered.min(rest.len());
                facts.ledger.deliver(delivered as u64);
                failures = if delivered == 0 { failures + 1 } else { 1 };
                facts.failed(reporter, &failed.error);
                rest = &rest[delivered..];
                if let Some(wait) = failed.retry_after
                    && !rest.is_empty()
                {
                    let wait = wait.clamp(LEAST_WAIT, LONGEST_WAIT);
                    return Delivery::Later { from: batch.len() - rest.len(), wait };
                }
                let given_up = match failed.rejected {
                    // The sink knows whose fault it is, and goes on behind it.
                    Some(rejected) => {
                        failures = 1;
                        rejected.max(1)
                    }
                    // The record at the front may be what the sink can't take; the others may go on.
                    None if failures < FAILURES_IN_A_ROW => 1,
                    None => rest.len(),
                };
                let given_up = given_up.min(rest.len());
                facts.ledger.drop_records(given_up as u64, DropReason::SinkFailed);
                rest = &rest[given_up..];
            }
            Err(reason) => {
                let error = panicked(&reason);
                facts.failed(reporter, &error);
                // How much of it was written nobody knows; none of it is written twice.
                facts.ledger.drop_records(rest.len() as u64, DropReason::SinkPanicked);
                break;
            }
        }
    }
    Delivery::Done
}

/// What a sink that panicked failed with.
pub(crate) fn panicked(reason: &str) -> Error {
    Error::state(format!("the sink panicked: {reason}"))
}

/// Where the sink's next batch will go, as far as it can tell.
pub(crate) fn position(sink: &dyn Sink) -> Option<SinkPosition> {
    contain(|| sink.position()).unwrap_or(None)
}

/// Flushes a sink, and notes how far what it has taken is safe.
pub(crate) fn flush(facts: &Facts, reporter: &Reporter, sink: &mut dyn Sink) -> Result<(), Error> {
    let flushed = call(facts, reporter, || sink.flush());
    if let Ok(durability) = contain(|| sink.durability()) {
        *facts.durability.lock().unwrap_or_else(PoisonError::into_inner) = durability;
    }
    flushed
}

/// Passes on what an operator asks for.
pub(crate) fn command(
    facts: &Facts,
    reporter: &Reporter,
    sink: &mut dyn Sink,
    command: SinkCommand,
) -> Result<(), Error> {
    call(facts, reporter, || sink.command(command))
}

pub(super) fn call(
    facts: &Facts,
    reporter: &Reporter,
    call: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    facts.at_work(true);
    let outcome = contain(call);
    facts.at_work(false);
    let outcome = outcome.unwrap_or_else(|reason| Err(panicked(&reason)));
    if let Err(error) = &outcome {
        facts.failed(reporter, error);
    }
    outcome
}
