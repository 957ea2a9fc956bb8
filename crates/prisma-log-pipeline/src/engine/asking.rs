//! Flushes and commands: everything that was logged before comes first.

use std::sync::Arc;
use std::time::Instant;

use prisma_log_core::Error;

use crate::apart::Task;
use crate::local::with_local;
use crate::shared::Shared;
use crate::slot::{Facts, SinkState};
use crate::worker::Worker;

use super::control::{Round, Step, Wish};
use super::{Engine, as_sink};

/// What a flush, or a command, came to: for each sink the error, if there was one.
pub(crate) struct Outcome {
    pub(crate) complete: bool,
    pub(crate) errors: Vec<Option<Arc<Error>>>,
}

impl Engine {
    /// Does what is wanted of the worker; whether it is to end.
    pub(super) fn obey(&self, shared: &Shared) -> bool {
        loop {
            let Some(wishes) = self.control.take() else { return true };
            if wishes.is_empty() {
                return false;
            }
            let (flushes, commands): (Vec<Wish>, Vec<Wish>) =
                wishes.into_iter().partition(|wish| wish.task == Task::Flush);
            for wish in commands {
                wish.answer.give(self.round(
                    shared,
                    &mut self.lock_worker(),
                    wish.task,
                    wish.deadline,
                ));
            }
            // Several flushes are one.
            if let Some(deadline) = flushes.iter().map(|wish| wish.deadline).max() {
                let round = self.round(shared, &mut self.lock_worker(), Task::Flush, deadline);
                flushes.iter().for_each(|wish| wish.answer.give(round.clone()));
            }
        }
    }

    /// Writes everything that was logged so far, and has the sinks do the rest; those with a thread
    /// of their own are asked to, and whoever wants it waits for them: the worker has others to serve.
    fn round(&self, shared: &Shared, worker: &mut Worker, task: Task, deadline: Instant) -> Round {
        self.collect_emergencies(shared);
        let mut drained = self.drain(shared, worker, deadline);
        // What was dropped meanwhile is told as well.
        if task == Task::Flush && worker.tell(shared, true, |notice| self.put(shared, notice)) {
            drained &= self.drain(shared, worker, deadline);
        }
        if worker.parked {
            let error = || Error::state("the sinks were at work when the process was forked");
            let sinks = self.facts.iter().map(|_| Step::Done(Some(Arc::new(error()))));
            return Round { drained: false, sinks: sinks.collect() };
        }
        Round { drained, sinks: worker.fulfil(shared, task) }
    }

    /// Writes everything that was logged so far, whatever is logged meanwhile.
    fn drain(&self, shared: &Shared, worker: &mut Worker, deadline: Instant) -> bool {
        let marks = self.pool.marks();
        loop {
            let passed = worker.pass(shared, &self.pool, u64::MAX);
            if worker.is_past(&self.pool, &marks) {
                return true;
            }
            if worker.parked || Instant::now() >= deadline {
                return false;
            }
            // A pass that reads nothing may turn to the next chunk of a stream.
            if passed.records == 0 {
                std::thread::yield_now();
            }
        }
    }

    /// Has it done by the worker, or by the calling thread where there is none. With `stop` the
    /// worker ends after it.
    pub(crate) fn fulfil(
        &self,
        shared: &Shared,
        task: Task,
        deadline: Instant,
        stop: bool,
    ) -> Outcome {
        if with_local(|local| local.in_sink.get()) {
            return self.not_done(|_| "a sink can't wait for itself".into());
        }
        let Some(round) = self.worker_round(shared, task, deadline, stop) else {
            return self.not_done(|facts| {
                if facts.is_at_work() {
                    LATE.into()
                } else {
                    "the queue was not written in time: another sink is at work".into()
                }
            });
        };
        let mut complete = round.drained;
        let outcome = |(step, facts): (Step, &Arc<Facts>)| match step {
            Step::Done(error) => error,
            Step::Asked(receipt) => receipt.wait(deadline).unwrap_or_else(|| {
                complete = false;
                Some(Arc::new(Error::state(why_late(facts))))
            }),
        };
        let errors = round.sinks.into_iter().zip(&self.facts).map(outcome).collect();
        Outcome { complete, errors }
    }

    fn not_done(&self, why: impl Fn(&Facts) -> String) -> Outcome {
        let errors = self.facts.iter().map(|facts| Some(Arc::new(Error::state(why(facts)))));
        Outcome { complete: false, errors: errors.collect() }
    }

    /// The worker's part; `None` when it was not done in time.
    fn worker_round(
        &self,
        shared: &Shared,
        task: Task,
        deadline: Instant,
        stop: bool,
    ) -> Option<Round> {
        let asked = if self.has_thread() { self.control.ask(task, deadline, stop) } else { None };
        match asked {
            Some(answer) => {
                self.wake();
                answer.wait(deadline)
            }
            None => self.round_inline(shared, task, deadline),
        }
    }

    fn round_inline(&self, shared: &Shared, task: Task, deadline: Instant) -> Option<Round> {
        as_sink(|| {
            let mut worker = self.worker_until(deadline)?;
            Some(self.round(shared, &mut worker, task, deadline))
        })
        .flatten()
    }

    /// After a close that came too early for sinks in trouble, with memory that ends with the
    /// process: what waits for them is brought elsewhere, or counted and told.
    pub(crate) fn give_up(&self, shared: &Shared, deadline: Instant) {
        let Some(()) = as_sink(|| {
            if let Some(mut worker) = self.worker_until(deadline) {
                worker.give_up(shared, &self.pool);
            }
        }) else {
            return;
        };
        let _outcome = self.fulfil(shared, Task::Flush, deadline, false);
    }
}

const LATE: &str = "the sink has not come back in time";

/// Why a sink did not do in time what was asked of it.
fn why_late(facts: &Facts) -> String {
    match facts.last_error() {
        Some(error) if facts.state() == SinkState::Failing && !facts.is_at_work() => {
            format!("records still wait for the sink: {error}")
        }
        _ => LATE.to_owned(),
    }
}
