//! Spans to Zipkin, by its API v2.

mod builder;
mod encode;
mod sink;

pub use builder::ZipkinSinkBuilder;
pub use sink::ZipkinSink;
