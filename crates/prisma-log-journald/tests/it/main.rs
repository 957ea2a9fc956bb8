//! The journal sink into a double of the journal's socket.

mod contract;
mod double;
mod entries;
mod failures;
mod large;
