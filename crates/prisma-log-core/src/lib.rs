//! Records, values, and the traits that sinks, encoders and clocks meet in.
//!
//! This crate does no I/O of its own and starts no threads. A sink or encoder needs nothing else;
//! [`SinkDrain`] puts any [`Sink`] under a plain [`slog::Logger`], and [`DrainSink`] makes any
//! [`slog::Drain`] a sink.
#![forbid(unsafe_code)]

mod capture;
mod contain;
mod context;
mod drain;
mod drain_sink;
mod error;
mod fields;
mod fields_ref;
mod filter;
mod ledger;
mod level;
mod normal;
mod record;
mod report;
mod serde_value;
mod sink;
mod span;
mod static_str;
pub mod support;
mod table;
mod timestamp;
mod value;
pub mod wire;

pub use context::{ContextData, ContextSource, SpanId, TraceId};
pub use drain::{SinkDrain, SinkDrainBuilder};
pub use drain_sink::DrainSink;
pub use error::{Error, Place};
pub use fields::Fields;
pub use fields_ref::{FieldPlace, FieldsIter, FieldsRef};
pub use filter::Filter;
pub use ledger::{DropReason, Ledger, LedgerSnapshot};
pub use level::Level;
pub use record::{Record, Shape, Site};
pub use sink::{BatchError, Durability, Encoder, Sink, SinkCommand, SinkPosition};
pub use span::{SpanEvent, SpanEvents, SpanKind, SpanRecord, SpanStatus};
pub use timestamp::{Clock, ManualClock, RFC3339_LEN, SystemClock, Timestamp};
pub use value::Value;
