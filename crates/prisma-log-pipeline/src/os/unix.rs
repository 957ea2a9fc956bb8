//! The Unix side.

mod memory;
mod process;
mod signals;

pub(crate) use memory::{Mapping, heavy_fence, map_anonymous, map_file, reserve};
#[cfg(test)]
pub(crate) use process::raise_default;
pub(crate) use process::{at_exit, at_fork, block_signals, disconnect, user_id};
pub(crate) use signals::SignalPipe;

/// Signals by which a process is asked to end.
pub(crate) const END_SIGNALS: [i32; 2] = [libc::SIGTERM, libc::SIGINT];
