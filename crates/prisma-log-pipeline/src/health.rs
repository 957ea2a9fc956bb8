//! What a pipeline says about itself.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::{Durability, LedgerSnapshot};

use crate::clock::ClockKind;
use crate::slot::SinkState;

/// The state of a pipeline at one moment.
///
/// `submitted = processed + dropped + in_flight` holds exactly at rest; while records come in, what
/// is under way between two of the counters is in `in_flight`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// Records that calls handed over since the start, or since the fork in a forked child: those
    /// that some sink's level let pass. The pipeline's own, such as those about drops, are among
    /// them.
    pub submitted: u64,
    /// Records that the worker has handed to their sinks; what became of them there, the sinks'
    /// ledgers say.
    pub processed: u64,
    /// Records that found no room in the queue, or came from a sink.
    pub dropped: u64,
    /// Records that are still in the queue.
    pub in_flight: u64,
    /// Bytes of the queue that are in use, in whole chunks.
    pub queue_bytes: u64,
    /// The most that ever were.
    pub queue_high_water: u64,
    /// Bytes that the queue has, on disk included.
    pub queue_capacity: u64,
    /// Where the queue is.
    pub memory: MemoryHealth,
    /// The sinks, in the order in which they were added.
    pub sinks: Vec<SinkHealth>,
    /// What a former process had left behind.
    pub recovery: RecoveryReport,
    /// Who writes.
    pub worker: WorkerState,
    /// What tells the time.
    pub clock: ClockKind,
    /// Failures that were reported so far.
    pub failures: u64,
}

/// Where a queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryHealth {
    /// In a file that outlives the process.
    Shared {
        /// The file.
        path: PathBuf,
    },
    /// In memory that ends with the process: what is queued when it is killed is lost.
    Anonymous {
        /// Why, unless it was asked for.
        why: Option<String>,
    },
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerState {
    /// A thread of the pipeline's own.
    Thread,
    /// Each log call, before it returns: no thread could be started, or the pipeline is closed.
    Inline,
}

/// The state of one sink.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkHealth {
    /// Its name.
    pub name: String,
    /// What became of its records.
    pub ledger: LedgerSnapshot,
    /// Records that it was given and has neither taken nor refused yet: they wait for it in the
    /// queue, and survive the process if that does.
    pub waiting: u64,
    /// How it does.
    pub state: SinkState,
    /// What it failed with last.
    pub last_error: Option<String>,
}

/// What a flush came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FlushReport {
    /// Everything logged before the flush has been through all sinks, and all were flushed in time.
    /// (A sink may still have failed, see [`SinkReport::error`].)
    pub complete: bool,
    /// By sink.
    pub sinks: Vec<SinkReport>,
}

impl FlushReport {
    /// Whether everything was written, and no sink failed.
    pub fn is_ok(&self) -> bool {
        self.complete && self.sinks.iter().all(|sink| sink.error.is_none())
    }
}

/// What a flush came to at one sink.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkReport {
    /// The sink's name.
    pub name: String,
    /// Records that the sink has taken since the start.
    pub written: u64,
    /// Records that are still on their way to it, or to other sinks of the pipeline.
    pub pending: u64,
    /// Records that it did not take, or that found no room in the queue.
    pub failed: u64,
    /// How far what was written is safe; [`Durability::CrashRing`] or less when the flush failed.
    pub durability: Durability,
    /// What the flush failed with.
    pub error: Option<String>,
}

/// What a start found of former processes of the same service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Segments that were taken over.
    pub segments: u64,
    /// Records that were written.
    pub records: u64,
    /// Records that a former process had written already, without getting to note that.
    pub already_written: u64,
    /// Records that a sink did not take, counted by sink.
    pub failed: u64,
    /// Records that a sink in trouble could not take yet, counted by sink: they stay where they are,
    /// for the next start, see `left`.
    pub kept: u64,
    /// Bytes that could not be read.
    pub damaged_bytes: u64,
    /// Segments that were left where they are, and why.
    pub left: Vec<String>,
    /// Segments that were taken over in part, and what of them is lost.
    pub lost: Vec<String>,
    /// How long that took.
    pub elapsed: Duration,
}
