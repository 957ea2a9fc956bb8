//! The file sink on real files.

mod contract;
mod fork;
mod lookback;
mod opening;
mod processes;
mod repair;
mod rotation;
mod support;
