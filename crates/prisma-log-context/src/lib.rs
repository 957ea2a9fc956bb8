//! Trace, user, session and request context that rides on every log record.
//!
//! A [`Context`] is made per request, [entered](Context::enter) for as long as the request runs
//! on this thread, and every record logged meanwhile carries it: [`ThreadContext`] hands it to
//! the front end.
//!
//! - Futures, closures, threads, tokio tasks and work for rayon take the context along:
//!   [`InContext`], [`carry`], [`thread`], and the features `tokio` and `rayon`.
//! - A [`Span`], begun by a [`Tracer`], is a context with a beginning and an end; the end is a record.
//! - [`Propagation`] takes the context from a request's headers and into those of another: W3C
//!   `traceparent`, `tracestate` and `baggage`, and B3.
#![forbid(unsafe_code)]

mod carry;
mod context;
pub mod forks;
mod future;
mod ids;
mod propagation;
#[cfg(feature = "rayon")]
pub mod rayon;
mod sampler;
mod scope;
mod span;
pub mod thread;
#[cfg(feature = "tokio")]
pub mod tokio;
mod tracer;
mod version;

pub use carry::carry;
pub use context::Context;
pub use future::InContext;
pub use prisma_log_core::{SpanKind, SpanStatus};
pub use propagation::{
    Baggage, BaggageMember, HeaderFault, HeaderSink, HeaderSource, Incoming, Propagation,
    TraceParent, TraceState,
};
pub use sampler::Sampler;
pub use scope::{Scope, ThreadContext, version, with_current};
pub use span::Span;
pub use tracer::{SpanBuilder, Tracer};
