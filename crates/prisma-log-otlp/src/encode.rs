//! Records to log records and spans of OTLP.

mod any_value;
mod attributes;
mod layout;
mod log;
mod nested;
mod span;

pub(crate) use attributes::{Limits, write_attribute};
pub(crate) use layout::{Otlp, Signal};
#[cfg(feature = "zipkin")]
pub(crate) use {attributes::Entries, layout::span_of, span::SentSpan};
