//! Where a request is in a trace, and what travels with it, from headers and into headers.

mod b3;
mod baggage;
mod fault;
mod headers;
mod incoming;
mod percent;
mod propagator;
mod text;
mod traceparent;
mod tracestate;

pub use baggage::{Baggage, BaggageMember};
pub use fault::HeaderFault;
pub use headers::{HeaderSink, HeaderSource};
pub use incoming::Incoming;
pub use propagator::Propagation;
pub use traceparent::TraceParent;
pub use tracestate::TraceState;
