//! The facade as its users call it.

mod global;
mod macros;
