//! The bridges under a pipeline, as their users see them.

mod examples;
mod fields;
mod installed;
mod instrumented;
mod levels;
mod log_records;
mod loops;
mod spans;
mod support;
