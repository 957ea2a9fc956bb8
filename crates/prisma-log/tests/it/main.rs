//! The facade as its users call it.

#[cfg(feature = "classic")]
mod classic;
#[cfg(feature = "otlp")]
#[path = "../../../prisma-log-otlp/tests/it/collector.rs"]
#[expect(dead_code, reason = "the sink's own tests need more of it")]
mod collector;
mod commands;
#[cfg(feature = "config")]
mod configured;
mod global;
mod macros;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "config")]
mod reload;
#[cfg(feature = "config")]
mod tracing;
#[cfg(feature = "otlp")]
#[path = "../../../prisma-log-otlp/tests/it/wire.rs"]
#[expect(dead_code, reason = "the sink's own tests need more of it")]
mod wire;
