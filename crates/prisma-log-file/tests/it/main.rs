//! The file sink on real files.

mod contract;
mod opening;
mod processes;
mod repair;
mod rotation;
mod support;
