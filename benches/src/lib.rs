//! Measuring and reporting, shared by the programs in `src/bin`.
//!
//! Each program answers one question. It runs the contenders alternately, in rounds, so that a
//! machine whose speed drifts slows them all alike; what counts are the ratios. It prints a table,
//! writes the same as JSON to `target/bench/NAME.json`, ends with one line that says whether the
//! limits hold, and fails when they don't. `--quick` makes a short run that shows the program
//! works.
//!
//! Two kinds of bench share this crate: [`measure`] runs closures inside one process; a
//! [`Comparison`] runs whole loggers, each in a process of its own, and checks the files that they
//! wrote line by line.

mod allocations;
mod check;
mod child;
mod comparison;
mod contenders;
mod context;
mod figures;
mod logs;
mod monitor;
mod options;
mod parent;
mod report;
mod rounds;
mod sinks;
mod table;
mod targets;
mod works;

pub use comparison::{Comparison, Entry, Question};
pub use contenders::{classic, ours};
pub use context::context;
pub use monitor::monitor;
pub use rounds::{Bench, Contender, is_quick, measure};
pub use sinks::sinks;
pub use targets::{TARGETS, Target};

#[cfg(feature = "rivals")]
pub use contenders::rivals;
