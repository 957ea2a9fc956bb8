//! How fast are many patterns counted in a log, and what does watching it cost?
//!
//! Against ripgrep (the environment variable `PRISMA_RG`, or `rg` on the path) over the same file
//! of 1 GiB, which is made once below `target/bench/monitor`; each contender is a process, and its
//! counts for each pattern must be the same.

use std::process::ExitCode;

fn main() -> ExitCode {
    prisma_log_benches::monitor()
}
