//! Following files and streams.

mod archive;
mod builder;
mod checkpoint;
mod content;
mod finder;
mod hash;
mod identity;
mod open;
mod reader;
mod siblings;
mod source;
mod status;
mod stream;
mod streams;
mod survey;
mod tail;

pub use builder::TailBuilder;
pub use checkpoint::Checkpoint;
pub use status::{PollOutcome, SourceState, SourceStatus};
pub use streams::{
    JournalSource, JournalSourceBuilder, LineSource, StdinSource, StdinSourceBuilder,
    SyslogListener, SyslogListenerBuilder,
};
pub use tail::Tail;
