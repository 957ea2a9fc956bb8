//! The owner of a pipeline.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_core::{Durability, Error, Filter, SinkCommand};

use crate::apart::Task;
use crate::builder::PipelineBuilder;
use crate::drain::PipelineDrain;
use crate::engine::Engine;
use crate::fork;
use crate::health::{
    FlushReport, Health, MemoryHealth, RecoveryReport, SinkHealth, SinkReport, WorkerState,
};
use crate::os;
use crate::panics::HookHandle;
use crate::shared::{INLINE, Shared};
use crate::store;

/// How long the end of a pipeline, or of the process, waits for the sinks.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// How long the end then waits once more, for the sinks that stand in for others.
const GIVE_UP_WAIT: Duration = Duration::from_millis(500);

/// A running pipeline: sinks, the queue before them, and the worker between.
///
/// Keep it until the program ends. Dropping it writes what is queued, waiting up to five seconds,
/// and ends the worker; what can't be written in that time stays in the queue for the next start.
/// The same happens when the process ends by `exit` while it is still there. Handles stay good
/// after that: their calls write their records themselves.
///
/// ```
/// use std::time::Duration;
/// use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Sink};
/// use prisma_log_pipeline::{Memory, Pipeline};
/// use slog::{info, o};
///
/// struct Print;
/// impl Sink for Print {
///     fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
///         for record in batch {
///             println!("{} {} {:?}", record.level, record.message, record.fields);
///         }
///         Ok(())
///     }
///     fn flush(&mut self) -> Result<(), Error> {
///         Ok(())
///     }
///     fn durability(&self) -> Durability {
///         Durability::Memory
///     }
/// }
///
/// let pipeline = Pipeline::builder()
///     .memory(Memory::Anonymous)
///     .sink("print", Filter::default(), Print)
///     .build()?;
/// let log = slog::Logger::root_typed(pipeline.drain().named("shop"), o!());
/// info!(log, "order processed"; "amount" => 99.9);
/// assert!(pipeline.flush(Duration::from_secs(5)).is_ok());
/// # Ok::<(), Error>(())
/// ```
#[must_use = "keep the value until the program ends: dropping it ends the pipeline"]
pub struct Pipeline {
    drain: PipelineDrain,
    pub(crate) hook: Option<HookHandle>,
}

impl Pipeline {
    /// Starts from no sinks; see [`PipelineBuilder`] for the defaults.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::new()
    }

    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        fork::enlist(shared);
        os::at_exit(close_all);
        Pipeline { drain: PipelineDrain::new(Arc::clone(shared)), hook: None }
    }

    fn shared(&self) -> &Shared {
        &self.drain.shared
    }

    /// A handle without a logger name: the call's module path is used.
    pub fn drain(&self) -> PipelineDrain {
        self.drain.clone()
    }

    /// Writes everything that was logged before this call, and flushes every sink; returns at the
    /// deadline at the latest.
    ///
    /// A full queue does not keep it from getting through. From within a sink it returns at once,
    /// incomplete.
    pub fn flush(&self, deadline: Duration) -> FlushReport {
        flush(self.shared(), deadline)
    }

    /// Asks something of every sink, such as [`SinkCommand::Reopen`] after log files were moved:
    /// behind everything that was logged before this call, but for what waits for a sink in trouble,
    /// which is tried again after the command. Returns at the deadline at the latest.
    ///
    /// # Errors
    /// The first failure, with the sink's name; every failure goes to the error handler too. When a
    /// sink has not done it by the deadline; it does so later. From within a sink.
    pub fn command(&self, command: SinkCommand, deadline: Duration) -> Result<(), Error> {
        let shared = self.shared();
        let engine = shared.engine.after_fork(shared);
        let deadline = instant_after(deadline);
        let outcome = engine.fulfil(shared, Task::Command(command), deadline, false);
        let mut failed = engine.facts.iter().zip(outcome.errors).filter_map(|(facts, error)| {
            let what = format!("cannot command sink {}: {}", facts.name, error?);
            Some(Error::state(what))
        });
        failed.next().map_or(Ok(()), Err)
    }

    /// How the pipeline does.
    pub fn health(&self) -> Health {
        let shared = self.shared();
        let engine = shared.engine.get();
        let (processed, in_flight) = engine.pool.counts();
        let dropped = shared.drops.total() - engine.dropped_before;
        let chunk = u64::from(engine.pool.segment.sizes.chunk_bytes);
        let memory = match &engine.pool.segment.backing {
            Some(backing) => MemoryHealth::Shared { path: backing.path.clone() },
            None => MemoryHealth::Anonymous { why: shared.why_anonymous() },
        };
        let sinks = engine.facts.iter().map(|facts| SinkHealth {
            name: facts.name.clone(),
            ledger: facts.ledger.snapshot(),
            waiting: facts.ledger.snapshot().in_flight(),
            state: facts.state(),
            last_error: facts.last_error(),
        });
        Health {
            submitted: processed + dropped + in_flight,
            processed,
            dropped,
            in_flight,
            queue_bytes: u64::from(engine.pool.chunks_in_use()) * chunk,
            queue_high_water: u64::from(engine.pool.high_water()) * chunk,
            queue_capacity: u64::from(engine.pool.segment.chunk_count()) * chunk,
            memory,
            sinks: sinks.collect(),
            recovery: self.recovery().clone(),
            worker: if shared.mode() == INLINE { WorkerState::Inline } else { WorkerState::Thread },
            clock: shared.clock.kind(),
            failures: shared.reporter.count(),
        }
    }

    /// What passes at all, before the sinks' own filters.
    pub fn filter(&self) -> Filter {
        self.shared().levels.filter()
    }

    /// Changes what passes at all; holds for calls from now on.
    pub fn set_filter(&self, filter: Filter) {
        self.shared().levels.set_filter(filter);
    }

    /// Changes what a sink takes; holds for records that are written from now on.
    ///
    /// # Errors
    /// When there is no sink of this name.
    pub fn set_sink_filter(&self, sink: &str, filter: Filter) -> Result<(), Error> {
        let shared = self.shared();
        let names = || shared.engine.get().facts.iter().map(|facts| facts.name.as_str());
        let Some(index) = names().position(|name| name == sink) else {
            let there_are = names().collect::<Vec<_>>().join(", ");
            return Err(Error::config(format!("no sink `{sink}`; there are: {there_are}")));
        };
        shared.levels.set_sink_filter(index, filter);
        Ok(())
    }

    /// Reports a failure of something around the pipeline the way its own are reported: to the error
    /// handler, to the counter in [`Health`], and to stderr, at most one line a second.
    pub fn report(&self, what: &str, error: &Error) {
        self.shared().reporter.report(what, error);
    }

    /// What the start found of former processes of the same service.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.shared().recovery
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        drop(self.hook.take());
        close(self.shared(), Instant::now() + CLOSE_DEADLINE);
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").finish_non_exhaustive()
    }
}

pub(crate) fn flush(shared: &Shared, deadline: Duration) -> FlushReport {
    let deadline = instant_after(deadline);
    let engine = shared.engine.after_fork(shared);
    let flushed = engine.fulfil(shared, Task::Flush, deadline, false);
    let (_, queued) = engine.pool.counts();
    let sinks = engine.facts.iter().enumerate().map(|(index, facts)| {
        let ledger = facts.ledger.snapshot();
        let error = match flushed.errors.get(index) {
            Some(outcome) => outcome.as_ref().map(|error| error.to_string()),
            None => Some("the sinks have not come back in time".to_owned()),
        };
        let reached = *facts.durability.lock().unwrap_or_else(PoisonError::into_inner);
        SinkReport {
            name: facts.name.clone(),
            written: ledger.delivered(),
            pending: facts.pending(queued),
            failed: ledger.dropped(),
            durability: if error.is_none() { reached } else { in_queue(engine).min(reached) },
            error,
        }
    });
    FlushReport { sinks: sinks.collect(), complete: flushed.complete }
}

fn instant_after(deadline: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(deadline).unwrap_or(now + Duration::from_secs(86_400 * 365))
}

/// How far what is in the queue is safe.
fn in_queue(engine: &Engine) -> Durability {
    let outlives = engine.pool.segment.backing.is_some();
    if outlives { Durability::CrashRing } else { Durability::Memory }
}

/// Ends the worker: from here on each call writes its record itself. What is queued is written
/// before, and the segment removed if nothing is left in it.
pub(crate) fn close(shared: &Shared, deadline: Instant) {
    if !shared.engine.is_current() {
        return;
    }
    let engine = shared.engine.get();
    // One after the other: the end of the process may come while a pipeline is being dropped.
    let _one_at_a_time = engine.closing.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.closed.swap(true, std::sync::atomic::Ordering::AcqRel) {
        return;
    }
    shared.set_mode(INLINE);
    // Every record that was committed before this is seen by the flush below; every later one sees
    // the mode and is written by its own call.
    let fenced = os::heavy_fence();
    let flushed = engine.fulfil(shared, Task::Flush, deadline, true);
    engine.join(deadline);
    if fenced && flushed.complete && engine.is_empty() {
        // A segment that can't be removed is an empty one that the next start removes.
        let _left = store::remove(&engine.pool.segment);
    } else if !flushed.complete && engine.pool.segment.backing.is_none() {
        // No next start will find it.
        engine.give_up(shared, Instant::now() + GIVE_UP_WAIT);
    }
}

/// Called when the process ends by `exit`, or by the return from `main`.
extern "C" fn close_all() {
    let deadline = Instant::now() + CLOSE_DEADLINE;
    for shared in fork::pipelines() {
        close(&shared, deadline);
    }
}

/// The thread that waits for signals; one for the process.
static SIGNALS: OnceLock<bool> = OnceLock::new();

/// Has SIGTERM and SIGINT close all pipelines before they end the process as ever.
pub(crate) fn close_on_signals() -> Result<(), Error> {
    let started = SIGNALS.get_or_init(|| {
        let Ok(pipe) = os::SignalPipe::install(&os::END_SIGNALS) else { return false };
        let builder = std::thread::Builder::new().name("log-signals".into());
        let thread = builder.spawn(move || {
            loop {
                let signal = pipe.wait();
                if signal != 0 {
                    let deadline = Instant::now() + CLOSE_DEADLINE;
                    for shared in fork::pipelines() {
                        // Other handlers may let the process go on: the pipeline stays open.
                        let left = deadline.saturating_duration_since(Instant::now());
                        let _report = flush(&shared, left);
                    }
                    pipe.pass_on(signal);
                }
            }
        });
        thread.is_ok()
    });
    if *started { Ok(()) } else { Err(Error::state("cannot install handlers for signals")) }
}
