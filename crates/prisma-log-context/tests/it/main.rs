//! Contexts and spans as their users see them.

mod baggage_fields;
mod carrying;
mod headers;
mod round_trips;
mod spans;
