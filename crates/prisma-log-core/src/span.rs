//! Spans as records: how the end of a span stands in a log, and how it is read back.

mod events;
mod kind;
mod record;

pub use events::{SpanEvent, SpanEvents};
pub use kind::{SpanKind, SpanStatus};
pub use record::SpanRecord;
