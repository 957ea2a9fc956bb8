//! Records to log records and spans of OTLP.

mod any_value;
mod attributes;
mod layout;
mod log;
mod nested;
mod span;

pub(crate) use attributes::{Entries, Limits, write_attribute};
pub(crate) use layout::{Otlp, Signal, span_of};
pub(crate) use span::SentSpan;
