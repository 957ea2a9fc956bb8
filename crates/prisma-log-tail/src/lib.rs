//! Follows log files across rotation and truncation, and turns lines back into records.
#![forbid(unsafe_code)]

mod follow;
mod line;
mod parse;

pub use follow::{Checkpoint, PollOutcome, SourceState, SourceStatus, Tail, TailBuilder};
pub use line::{Line, LineFormat, LogLine};
pub use parse::{LineParser, LineParserBuilder};
