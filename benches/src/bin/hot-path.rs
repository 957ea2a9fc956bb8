//! What does a log call cost its caller?
//!
//! INFO, a static message, five fields, trace and span id, as JSON lines to a file that is checked
//! afterwards. Three ways into the same pipeline, and slog-async beside them.

use std::process::ExitCode;

use prisma_log_benches::{Comparison, Question, TARGETS, classic, ours};

fn main() -> ExitCode {
    let [own, stock, erased] = ours::entries();
    let [slog_async, _] = classic::entries();
    Comparison {
        name: "hot-path",
        question: "What does a log call cost its caller?",
        entries: &[own, stock, erased, slog_async],
        questions: &[Question::Caller, Question::Shapes, Question::Disabled, Question::Counts],
        rounds: 7,
        targets: TARGETS,
    }
    .main()
}
