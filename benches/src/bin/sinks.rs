//! What does a sink cost beside the bare system call?
//!
//! The same records go to a file by `write(2)` in blocks of 64 KiB and through the file sink, with
//! and without rotation and compression; and calls are timed while the file behind them is rotated.

use std::process::ExitCode;

fn main() -> ExitCode {
    match prisma_log_benches::is_quick() {
        Ok(quick) => prisma_log_benches::sinks(quick),
        Err(message) => {
            eprintln!("sinks: {message}");
            ExitCode::from(2)
        }
    }
}
