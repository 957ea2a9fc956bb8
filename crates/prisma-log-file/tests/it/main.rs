//! The file sink on real files.
#![expect(clippy::print_stdout, reason = "tests print the figures they found")]

mod contract;
mod opening;
mod processes;
mod repair;
mod rotation;
mod support;
