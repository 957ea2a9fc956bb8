//! What happens when the queue is full.

use std::path::PathBuf;
use std::time::Duration;

/// What a log call does when the queue is full.
///
/// An eighth of the queue is kept free for records at WARNING and above, so that they are the last
/// to go, whatever the policy. Every record that is dropped is counted in the ledgers of the sinks
/// that would have taken it, and told in the log by a record `records dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Waits for room, without end or up to `limit`; then the record is dropped. Once a wait was in
    /// vain, no call waits again before the queue moves.
    Block {
        /// Longest wait of one call; `None` waits for as long as it takes.
        limit: Option<Duration>,
    },
    /// Drops the record that finds no room.
    DropNewest,
    /// Drops the oldest records below WARNING that are still queued, a chunk (128 KiB) at a time.
    DropOldest,
    /// Goes on in a file on disk, up to `max_bytes`; beyond that as [`Overflow::Block`] with a
    /// limit of one second.
    Spill {
        /// Folder of the file, which is made if need be and removed with the pipeline.
        dir: PathBuf,
        /// Most bytes of the file; space is taken from the disk as it is needed.
        max_bytes: u64,
    },
}

impl Default for Overflow {
    /// Waits for up to one second.
    fn default() -> Self {
        Overflow::Block { limit: Some(SPILL_LIMIT) }
    }
}

/// Longest wait once the file is full too.
pub(crate) const SPILL_LIMIT: Duration = Duration::from_secs(1);

impl Overflow {
    /// Longest wait for room: `None` is no wait at all, `Some(None)` one without end.
    pub(crate) fn wait(&self) -> Option<Option<Duration>> {
        match self {
            Overflow::Block { limit } => Some(*limit),
            Overflow::Spill { .. } => Some(Some(SPILL_LIMIT)),
            Overflow::DropNewest | Overflow::DropOldest => None,
        }
    }
}
