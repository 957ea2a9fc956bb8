//! The front end under slog: what arrives at a sink, and what happens when values or sinks fail.

mod capture;
mod containment;
mod ledger;
mod round_trip;
mod support;
