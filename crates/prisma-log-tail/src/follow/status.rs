//! What a follower tells about itself.

use std::path::PathBuf;
use std::sync::Arc;

use prisma_log_core::Error;

/// What one call of [`Tail::poll`](crate::Tail::poll) or
/// [`Tail::poll_blocks`](crate::Tail::poll_blocks) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PollOutcome {
    /// Lines handed out.
    pub lines: u64,
    /// Bytes of these lines as they stand in the files, line ends and skipped rests included.
    pub bytes: u64,
    /// Whether more can be had at once: poll again without a pause.
    pub more: bool,
}

impl PollOutcome {
    /// Adds what another part did.
    pub(super) fn also(&mut self, other: PollOutcome) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.more |= other.more;
    }
}

/// Where a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceState {
    /// There is no file at the path; it is picked up when it appears.
    Waiting,
    /// A file is open and read as it grows.
    Following,
    /// What stands at the path can't be read as a log, or not at all; see
    /// [`SourceStatus::error`]. It is tried again when something else stands there.
    Failed,
    /// A stream is over, and was read to its end.
    Ended,
}

/// Counters and state of one followed path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceStatus {
    /// The path as it was given or found by the glob.
    pub path: PathBuf,
    /// Where the source stands.
    pub state: SourceState,
    /// Lines handed out.
    pub lines: u64,
    /// Bytes of these lines as they stand in the files, line ends, skipped rests and holes included.
    pub bytes: u64,
    /// Lines that were longer than the limit and handed out cut.
    pub cut_lines: u64,
    /// Lines handed out that are not valid UTF-8.
    pub invalid_utf8_lines: u64,
    /// Files that took the place of another one at the path.
    pub rotations: u64,
    /// Times the file was cut back in place, as `copytruncate` does.
    pub truncations: u64,
    /// Times unread lines may be lost: an unread rotated file vanished or can't be read, or the
    /// file of a checkpoint could not be found again.
    pub gaps: u64,
    /// Lines that were dropped because there was no room for them; never of a file.
    pub dropped: u64,
    /// Bytes that are in the files and not yet handed out; of archives, those that were not decoded.
    pub bytes_left: u64,
    /// Why the source failed; the message names the path and the reason.
    pub error: Option<Arc<Error>>,
}
