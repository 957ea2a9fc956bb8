//! Test doubles for sinks and clocks, and the contract every sink must pass.
//!
//! - [`MemorySink`] keeps what it is given, for tests to look at.
//! - [`FaultySink`] fails and panics on a schedule, before or in the middle of a batch.
//! - [`contract`] is the suite that every sink's own tests call.
//! - [`ManualClock`] stands still until it is told otherwise.
#![forbid(unsafe_code)]

pub mod contract;
mod faulty;
mod memory;

pub use faulty::{Fault, FaultySink};
pub use memory::{MemoryHandle, MemorySink, OwnedRecord, OwnedSite};
pub use prisma_log_core::ManualClock;
