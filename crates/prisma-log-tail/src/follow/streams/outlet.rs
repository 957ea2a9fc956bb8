//! From streams to the caller, counted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

use super::super::archive::Limits;
use super::super::reader::Reader;
use super::super::source::{Counters, Drained, Feed, Quota, Role, Settings};
use crate::{Block, Joiner, PollOutcome, SourceState, SourceStatus};

/// How long to pause when a stream has nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What all streams of one source go out through.
pub(super) struct Outlet {
    pub(super) name: PathBuf,
    settings: Settings,
    counters: Counters,
    /// Lines that were dropped here.
    pub(super) dropped: u64,
    pub(super) error: Option<Arc<Error>>,
}

impl Outlet {
    pub(super) fn new(name: PathBuf, max_line: usize, join: Option<Joiner>) -> Outlet {
        let settings = Settings {
            max_line,
            poll_interval: POLL_INTERVAL,
            linger: Duration::ZERO,
            archives: Limits { bytes: u64::MAX, ratio: u64::MAX },
            join,
        };
        Outlet { name, settings, counters: Counters::default(), dropped: 0, error: None }
    }

    pub(super) fn poll_interval(&self) -> Duration {
        self.settings.poll_interval
    }

    /// Hands out lines of a stream until its end or `left` bytes are reached; at its end an incomplete
    /// line too.
    pub(super) fn drain(
        &mut self,
        reader: &mut Reader,
        left: u64,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let mut outcome = self.drain_lines(reader, left, each);
        if reader.has_ended() && !outcome.more {
            outcome.also(self.finish(reader, each));
        }
        outcome
    }

    /// As [`Outlet::drain`], but never an incomplete line.
    pub(super) fn drain_lines(
        &mut self,
        reader: &mut Reader,
        left: u64,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let before = self.counters;
        let left = Quota { lines: u64::MAX, bytes: left };
        let mut feed = Feed { path: &self.name, settings: &self.settings, left, each };
        let drained = feed.drain(reader, &mut self.counters, Role::Stream);
        let is_used_up = matches!(drained, Drained::Quota);
        if let Drained::Failed(error) = drained {
            self.error = Some(Arc::new(error));
        }
        let mut outcome = self.outcome(&before);
        // Whoever wrote waits for room now.
        outcome.more = outcome.lines > 0 && !reader.has_ended() || is_used_up;
        outcome
    }

    /// Hands out what is held of a stream: a record, and an incomplete line.
    pub(super) fn finish(
        &mut self,
        reader: &mut Reader,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let before = self.counters;
        let mut feed = Feed { path: &self.name, settings: &self.settings, left: Quota::NONE, each };
        feed.partial(reader, &mut self.counters);
        self.outcome(&before)
    }

    fn outcome(&self, before: &Counters) -> PollOutcome {
        let lines = self.counters.lines - before.lines;
        PollOutcome { lines, bytes: self.counters.bytes - before.bytes, more: false }
    }

    /// `bytes_left`: what was read and not handed out.
    pub(super) fn status(&self, state: SourceState, bytes_left: u64) -> SourceStatus {
        SourceStatus {
            path: self.name.clone(),
            state,
            lines: self.counters.lines,
            bytes: self.counters.bytes,
            cut_lines: self.counters.cut_lines,
            invalid_utf8_lines: self.counters.invalid_utf8_lines,
            rotations: 0,
            truncations: 0,
            gaps: self.counters.gaps,
            dropped: self.dropped,
            bytes_left,
            error: self.error.clone(),
        }
    }
}
