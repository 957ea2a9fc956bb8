//! Records and spans of `log` and `tracing` into the pipeline, and records on to `tracing`.
//!
//! - [`LogBridge`] takes what libraries log through the crate `log`.
//! - [`TracingBridge`] takes the events and spans of `tracing`: a span becomes a
//!   [context](prisma_log_context::Context), so that everything that is logged in it, through
//!   whichever API, carries its ids; its end becomes a record.
//! - [`TracingSink`] hands records on to `tracing`'s subscribers.
//!
//! All of them may be installed at once: what came from `tracing` is not handed back to it, and what
//! was handed to it is not taken again. The pipeline's filters decide what is taken, also when they
//! are changed while the program runs; a directive's name is a record's target.
//!
//! A record's target is its logger's name, and its tag (`slog.tag`) tells how it came: `log` or
//! `tracing`. `log` and `tracing` know no level above ERROR, so none of their records is CRITICAL.
//!
//! A value whose `Debug` or `Display` logs does no harm: values that log themselves are
//! followed four records deep. What a sink's own code logs, such as an HTTP client's, is refused by
//! the pipeline and counted: [`DropReason::Reentrant`](prisma_log_core::DropReason::Reentrant).
#![forbid(unsafe_code)]

#[cfg(any(feature = "log", feature = "tracing"))]
mod gathered;
#[cfg(feature = "log")]
mod log_bridge;
#[cfg(any(feature = "log", feature = "tracing"))]
mod loggers;
#[cfg(any(feature = "log", feature = "tracing"))]
mod nesting;
#[cfg(any(feature = "log", feature = "tracing"))]
#[cfg(feature = "tracing")]
mod tracing_bridge;
#[cfg(feature = "tracing")]
mod tracing_sink;

#[cfg(feature = "log")]
pub use log_bridge::LogBridge;
#[cfg(feature = "tracing")]
pub use tracing_bridge::TracingBridge;
#[cfg(feature = "tracing")]
pub use tracing_sink::TracingSink;
