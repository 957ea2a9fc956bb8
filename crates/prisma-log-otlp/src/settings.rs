//! Settings from code and from variables, and which of them holds.

mod list;
mod otel;
mod variables;

pub(crate) use otel::{Otel, OtelSignal};
pub(crate) use variables::Variables;
