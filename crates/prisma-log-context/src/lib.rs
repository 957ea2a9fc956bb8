//! Trace, user, session and request context that rides on every log record.
//!
//! A [`Context`] is made per request, [entered](Context::enter) for as long as the request runs
//! on this thread, and every record logged meanwhile carries it: [`ThreadContext`] hands it to
//! the front end.
#![forbid(unsafe_code)]

mod context;
mod ids;
mod scope;

pub use context::Context;
pub use scope::{Scope, ThreadContext, version, with_current};
