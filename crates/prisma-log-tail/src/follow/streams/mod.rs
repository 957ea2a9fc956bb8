//! Sources that are no files.

mod journal;
mod outlet;
mod source;
mod stdin;
mod syslog;

pub use journal::{JournalSource, JournalSourceBuilder};
pub use source::LineSource;
pub use stdin::{StdinSource, StdinSourceBuilder};
pub use syslog::{SyslogListener, SyslogListenerBuilder};
