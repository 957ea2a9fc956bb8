//! Following files.

mod builder;
mod checkpoint;
mod finder;
mod hash;
mod identity;
mod open;
mod reader;
mod siblings;
mod source;
mod status;
mod tail;

pub use builder::TailBuilder;
pub use checkpoint::Checkpoint;
pub use status::{PollOutcome, SourceState, SourceStatus};
pub use tail::Tail;
