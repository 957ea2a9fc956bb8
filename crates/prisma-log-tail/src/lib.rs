//! Follows log files across rotation and truncation, and turns lines back into records.
//!
//! - [`Tail`] follows one or many files, by path or pattern, and hands out their lines, each
//!   exactly once; also across restarts, by [`Checkpoint`]s that the caller stores.
//! - [`LineParser`] reads a line back into a [`LogLine`]: JSON, syslog, access and error logs of
//!   servers, and the prefixes of the usual logging libraries.
//!
//! Neither starts a thread, writes a file or knows the other.
//!
//! # Platforms
//!
//! Unix: files are told apart by device and inode.
#![forbid(unsafe_code)]

mod follow;
mod line;
mod parse;

pub use follow::{Checkpoint, PollOutcome, SourceState, SourceStatus, Tail, TailBuilder};
pub use line::{Line, LineFormat, LogLine};
pub use parse::{LineParser, LineParserBuilder};
