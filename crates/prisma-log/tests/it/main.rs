//! The facade as its users call it.

#[cfg(feature = "classic")]
mod classic;
mod commands;
#[cfg(feature = "config")]
mod configured;
mod global;
mod macros;
#[cfg(feature = "config")]
mod reload;
#[cfg(feature = "config")]
mod tracing;
