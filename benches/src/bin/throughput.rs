//! How many records a second arrive in the file?
//!
//! Timed from the first call until the file is complete, at one thread and at four; nothing may be
//! dropped, and the file is checked line by line.

use std::process::ExitCode;

use prisma_log_benches::{Comparison, Question, TARGETS, classic, ours};

fn main() -> ExitCode {
    let [own, stock, _] = ours::entries();
    let [slog_async, mutex] = classic::entries();
    Comparison {
        name: "throughput",
        question: "How many records a second arrive in the file?",
        entries: &[own, stock, slog_async, mutex],
        questions: &[Question::Throughput],
        rounds: 7,
        targets: TARGETS,
    }
    .main()
}
