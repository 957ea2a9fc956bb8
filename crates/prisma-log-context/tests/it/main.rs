//! Contexts and spans as their users see them.

mod carrying;
mod spans;
