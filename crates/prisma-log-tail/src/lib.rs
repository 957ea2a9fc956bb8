//! Follows log files across rotation and truncation, and turns lines back into records.
//!
//! - [`Tail`] follows one or many files, by path or pattern, and hands out their lines, each
//!   exactly once; also across restarts, by [`Checkpoint`]s that the caller stores.
//! - [`LineParser`] reads a line back into a [`LogLine`]: JSON, syslog, access and error logs of
//!   servers, and the prefixes of the usual logging libraries; or a [`LineView`] of it, which reads
//!   only what is asked for.
//!
//! Neither starts a thread, writes a file or knows the other.
//!
//! # Platforms
//!
//! Unix: files are told apart by device and inode.
#![forbid(unsafe_code)]

mod block;
mod follow;
mod join;
mod line;
mod parse;
#[cfg(target_os = "linux")]
mod watch;

pub use block::{Block, Lines};
pub use follow::{
    Checkpoint, JournalSource, JournalSourceBuilder, LineSource, PollOutcome, SourceState,
    SourceStatus, StdinSource, StdinSourceBuilder, SyslogListener, SyslogListenerBuilder, Tail,
    TailBuilder,
};
pub use join::{Joiner, JoinerBuilder, RecordFinder};
pub use line::{Line, LineFormat, LogLine};
pub use parse::{LineParser, LineParserBuilder, LineView};
#[cfg(target_os = "linux")]
pub use watch::{Hint, Watch};
