//! The facade as its users call it.

#[cfg(feature = "config")]
mod configured;
mod global;
mod macros;
