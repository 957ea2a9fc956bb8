//! Everything that lines come from, read in turn.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_tail::{Block, Checkpoint, LineSource, PollOutcome, SourceStatus, Tail};

/// What a monitor without any source waits for, at most.
const NOTHING: Duration = Duration::from_millis(100);

/// Files, and sources besides.
#[derive(Default)]
pub(super) struct Sources {
    list: Vec<Box<dyn LineSource>>,
    /// Whether there are sources besides files, which no hint of the kernel covers.
    has_others: bool,
}

impl Sources {
    pub(super) fn files(&mut self, tail: Tail) {
        self.list.push(Box::new(tail));
    }

    pub(super) fn push(&mut self, source: Box<dyn LineSource>) {
        self.list.push(source);
        self.has_others = true;
    }

    pub(super) fn are_files(&self) -> bool {
        !self.has_others
    }

    /// The next poll needs to look at these files only.
    pub(super) fn look_only_at(&mut self, files: &[PathBuf]) {
        self.list.iter_mut().for_each(|source| source.look_only_at(files));
    }

    pub(super) fn poll_blocks(
        &mut self,
        max_bytes: usize,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        self.sum(|source| source.poll_blocks(max_bytes, each))
    }

    pub(super) fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        self.sum(|source| source.finish_blocks(each))
    }

    fn sum(&mut self, mut of: impl FnMut(&mut dyn LineSource) -> PollOutcome) -> PollOutcome {
        let mut sum = PollOutcome::default();
        for source in &mut self.list {
            let one = of(&mut **source);
            sum.lines += one.lines;
            sum.bytes += one.bytes;
            sum.more |= one.more;
        }
        sum
    }

    /// Positions that the store does not have.
    pub(super) fn take_checkpoints(&mut self) -> Vec<Checkpoint> {
        self.list.iter_mut().flat_map(|source| source.take_checkpoints()).collect()
    }

    /// As far as what was made of the lines of these files must not be stored without them.
    pub(super) fn take_checkpoints_of(&mut self, files: &[PathBuf]) -> Vec<Checkpoint> {
        self.list.iter_mut().flat_map(|source| source.take_checkpoints_of(files)).collect()
    }

    pub(super) fn status(&self) -> Vec<SourceStatus> {
        self.list.iter().flat_map(|source| source.sources()).collect()
    }

    pub(super) fn poll_interval(&self) -> Duration {
        self.list.iter().map(|source| source.poll_interval()).min().unwrap_or(NOTHING)
    }

    /// Whether there are sources, and none of them will ever give a line again.
    pub(super) fn have_ended(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(|source| source.has_ended())
    }
}
