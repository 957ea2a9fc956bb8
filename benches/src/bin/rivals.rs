//! Who logs faster, and what does it cost?
//!
//! Every logger gets the same work: INFO, a static message, five fields, trace and span id, as JSON
//! lines to a file that is checked afterwards; the few that can't write JSON write text.

use std::process::ExitCode;

use prisma_log_benches::{Comparison, Entry, Question, TARGETS, classic, ours, rivals};

fn main() -> ExitCode {
    let [own, stock, _] = ours::entries();
    let mut entries: Vec<Entry> = vec![own, stock];
    entries.extend(classic::entries());
    entries.extend(rivals::entries());
    Comparison {
        name: "rivals",
        question: "Who logs faster, and what does it cost?",
        entries: &entries,
        questions: &[Question::Caller, Question::Disabled, Question::Counts, Question::Throughput],
        rounds: 3,
        targets: TARGETS,
    }
    .main()
}
