//! The OTLP and Zipkin sinks against a double of a collector, the official decoder, and a real
//! collector.

mod accounting;
mod collector;
mod contract;
mod environment;
mod forms;
mod http;
mod memory;
mod official;
mod real;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod wire;
#[cfg(feature = "zipkin")]
mod zipkin;
