//! File sink: whole records, size rotation, tail repair, several processes on one file.
#![forbid(unsafe_code)]

mod append;
mod builder;
mod failure;
#[cfg(test)]
mod fault_tests;
mod file;
mod open;
mod os;
mod repair;
mod rotate;
mod sink;

pub use builder::FileSinkBuilder;
pub use sink::FileSink;
