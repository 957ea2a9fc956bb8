//! From the log call to the sinks, asynchronously, through memory that survives the process.
//!
//! A [`Pipeline`] takes records from slog loggers through [`PipelineDrain`], queues them, and has a
//! worker write them to its sinks in batches, in the order of time. A call costs tens of
//! nanoseconds, takes no lock, makes no system call and allocates nothing. The queue is a file in
//! memory: what a process had logged when it was killed, the next process of the same service
//! writes, once.
#![deny(
    unsafe_code,
    reason = "opened again in the modules that reach shared memory or the operating system"
)]

mod answer;
mod apart;
mod appender;
mod batch;
mod builder;
mod cache;
mod call_site;
mod clock;
mod context;
mod definitions;
mod drain;
mod drops;
mod emergency;
mod engine;
mod fork;
mod frame;
mod health;
mod levels;
mod limit;
mod limited;
mod local;
mod merge;
mod notice;
mod orphan;
mod os;
mod overflow;
mod panic_records;
mod panics;
mod pipeline;
mod pool;
mod quick;
mod reader;
mod registry;
mod replay;
mod segment;
mod shared;
mod slot;
mod store;
mod worker;
mod writer;

pub use builder::PipelineBuilder;
pub use clock::ClockKind;
pub use drain::PipelineDrain;
pub use emergency::Emergency;
pub use health::{
    FlushReport, Health, MemoryHealth, RecoveryReport, SinkHealth, SinkReport, WorkerState,
};
pub use limit::{Limit, Verdict};
pub use orphan::{QueueFile, QueueState, ReplaySink, SinkBacklog, TakenQueue};
pub use overflow::Overflow;
pub use pipeline::Pipeline;
pub use slot::SinkState;
pub use store::Memory;

/// What the facade's macros are made of; not for use by hand.
#[doc(hidden)]
pub mod macros {
    pub use crate::call_site::{CallSite, Field, Plain, SiteFields, WritePlain, WriteValue};
    pub use crate::limited::{fingerprint, tell_suppressed};
    pub use crate::quick::Quick;
    pub use crate::writer::{Cursor, FrameWriter};
}
