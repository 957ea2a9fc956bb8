//! The sink over a file system in memory whose every call can fail or be the last, and a ledger
//! that knows where each record ought to be.

mod calls;
mod case;
mod disk;
mod ledger;
mod names;
mod outside;
mod service;
mod steps;
mod sweep;
