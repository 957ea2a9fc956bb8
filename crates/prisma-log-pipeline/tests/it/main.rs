//! The pipeline from the log call to the sink, and what becomes of it when processes die.
#![expect(unsafe_code, reason = "processes are forked, killed and looked at from outside")]

mod blocking;
mod collect;
mod containment;
mod damage;
mod fallback;
mod flushing;
mod forking;
mod killing;
mod limits;
mod orphans;
mod overflow;
mod portions;
mod records;
mod recovery;
mod shapes;
mod support;
mod threads;
mod trouble;
mod trouble_kills;
mod upkeep;
