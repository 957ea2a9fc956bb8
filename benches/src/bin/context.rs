//! What do context, spans, bridges and the HTTP layer cost?
//!
//! Against `tracing` with tracing-subscriber's JSON layer, tower-http's `TraceLayer` and
//! `tracing-log`, in the same run; and, where `wrk` is installed, what a service serves with logging
//! on and off.

use std::process::ExitCode;

fn main() -> ExitCode {
    prisma_log_benches::context()
}
