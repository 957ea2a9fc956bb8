//! The file sink on real files.

mod contract;
mod fork;
mod limits;
mod link;
mod lookback;
mod opening;
mod packing;
mod processes;
mod repair;
mod rotation;
mod safety;
mod support;
mod triggers;
