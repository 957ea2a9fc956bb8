//! What every source can do.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Block, Checkpoint, PollOutcome, SourceStatus, Tail};

/// Where lines come from, driven by one thread that polls.
///
/// What it holds of lines that nobody took yet is bounded, and what it had to drop is counted in
/// [`SourceStatus::dropped`].
pub trait LineSource: Send {
    /// Hands out complete lines in blocks until `max_bytes` are reached; the last block may go
    /// beyond. Never blocks.
    fn poll_blocks(&mut self, max_bytes: usize, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome;

    /// The next poll needs to look at these files only, by their paths in [`LineSource::sources`]. A
    /// hint, which a source may do without.
    fn look_only_at(&mut self, files: &[PathBuf]) {
        let _: &[PathBuf] = files;
    }

    /// Ends a bounded run: hands out what there is at the time of the call, incomplete last lines
    /// too.
    fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome;

    /// Where the source stands, exactly after the last line handed out; empty for sources that can't
    /// go back to such a place.
    fn checkpoints(&self) -> Vec<Checkpoint>;

    /// Those of [`LineSource::checkpoints`] that differ from what this told last; or more.
    fn take_checkpoints(&mut self) -> Vec<Checkpoint> {
        self.checkpoints()
    }

    /// Those of [`LineSource::take_checkpoints`] without which what was made of the lines of these files,
    /// by their paths in [`LineSource::sources`], must not be stored; or more.
    fn take_checkpoints_of(&mut self, files: &[PathBuf]) -> Vec<Checkpoint> {
        let _: &[PathBuf] = files;
        self.take_checkpoints()
    }

    /// Counters and state.
    fn sources(&self) -> Vec<SourceStatus>;

    /// How long to pause when [`PollOutcome::more`] is false.
    fn poll_interval(&self) -> Duration;

    /// Whether no more lines will come, for ever.
    fn has_ended(&self) -> bool;
}

impl LineSource for Tail {
    fn poll_blocks(&mut self, max_bytes: usize, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        Tail::poll_blocks(self, max_bytes, each)
    }

    fn look_only_at(&mut self, files: &[PathBuf]) {
        Tail::look_only_at(self, files.iter().map(PathBuf::as_path));
    }

    fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        Tail::finish_blocks(self, each)
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        Tail::checkpoints(self)
    }

    fn take_checkpoints(&mut self) -> Vec<Checkpoint> {
        Tail::take_checkpoints(self)
    }

    fn take_checkpoints_of(&mut self, files: &[PathBuf]) -> Vec<Checkpoint> {
        Tail::take_checkpoints_of(self, files.iter().map(PathBuf::as_path))
    }

    fn sources(&self) -> Vec<SourceStatus> {
        Tail::sources(self)
    }

    fn poll_interval(&self) -> Duration {
        Tail::poll_interval(self)
    }

    fn has_ended(&self) -> bool {
        false
    }
}
