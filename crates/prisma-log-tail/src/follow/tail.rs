//! The follower: all sources, read in turn.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::builder::TailBuilder;
use super::finder::{Finder, absolute};
use super::identity::FileId;
use super::siblings::is_rotated_of;
use super::source::{Settings, Source};
use super::{Checkpoint, PollOutcome, SourceStatus};
use crate::Line;

/// Lines that one source hands out before the next one's turn.
const QUANTUM: usize = 512;
/// After so many bytes a poll returns, so that a fast writer can't hold it for ever.
const MAX_POLL_BYTES: u64 = 32 << 20;

/// Follows one or many log files and hands out their lines, each exactly once.
///
/// # Reading
/// Nothing here blocks and no thread is started: call [`Tail::poll`] in a loop, and pause for
/// [`Tail::poll_interval`] when it says that there is no more. Files are looked at by polling;
/// there is no kernel watch to overflow, and it works on every file system.
///
/// # Rotation
/// - *By rename* (`app.log` becomes `app.log.1` or `app.log-20261124`): the old file is read to its
///   end, then every rotated file that is newer, in order, then the one at the path; also when
///   several rotations happened between two polls or while the reader was not running. Rotated
///   files are kept open for late writes for the grace period of
///   [`TailBuilder::linger`], the newest one until the next rotation. Their order is that of the
///   number or date in their names, or else of their last change. Compressed files are not read:
///   if unread lines were in one, that is a gap.
/// - *In place* (`copytruncate`): if the copy is found beside the file, what was not read yet is
///   read there. Then the file is read from its start. A file that was cut and has grown past the
///   old position is recognised by its content.
/// - *Deleted and created again*: the new file is read from its start.
///
/// # Lines
/// A line is handed out when its line end (`\n` or `\r\n`) has been written; an incomplete last
/// line is held until then, or until its file was rotated away and stayed quiet for the grace
/// period, or until [`Tail::finish`]. Lines need not be UTF-8.
///
/// # Restart
/// [`Tail::checkpoints`] says where all sources stand, exactly after the last line handed out.
/// Store it together with what was made of the lines, and hand it to
/// [`TailBuilder::checkpoints`] after a restart.
///
/// # Failure
/// What can't be followed (a directory, FIFO or device, a file without read permission, binary
/// content) is [`Failed`](crate::SourceState::Failed) with an error and does not disturb the other
/// sources. It is tried again when something else stands at the path.
pub struct Tail {
    settings: Settings,
    finder: Finder,
    sources: Vec<Source>,
    /// The source whose turn is next.
    next: usize,
}

impl Tail {
    /// Settings with their defaults.
    pub fn builder() -> TailBuilder {
        TailBuilder::new()
    }

    pub(super) fn from_builder(builder: TailBuilder) -> Result<Tail, Error> {
        let settings = builder.settings()?;
        let mut tail =
            Tail { settings, finder: Finder::new(&builder.globs)?, sources: Vec::new(), next: 0 };
        let checkpoint_of = |key: &Path| {
            builder.checkpoints.iter().rev().find(|checkpoint| checkpoint.source == key)
        };
        let literal = builder.files.iter().map(|path| {
            let key = absolute(path)?;
            Ok((path.clone(), key))
        });
        let literal = literal.collect::<Result<Vec<_>, Error>>()?;
        // A file that a pattern found before the restart may be between two names now.
        let known = builder.checkpoints.iter().filter(|at| tail.finder.covers(&at.source));
        let known: Vec<_> = known.map(|at| (at.source.clone(), at.source.clone())).collect();
        for (path, key) in literal.iter().cloned().chain(known) {
            if !tail.finder.claim(&key) {
                continue;
            }
            let mut source = Source::new(path, key, settings);
            if literal.iter().any(|(_, log)| is_rotated_of(source.key(), log)) {
                source.unlink();
            }
            tail.sources.push(source);
        }
        let found = tail.finder.search(&[]);
        tail.sources.extend(found.into_iter().map(|(path, key)| Source::new(path, key, settings)));
        for source in &mut tail.sources {
            match checkpoint_of(source.key()) {
                Some(checkpoint) => source.resume(checkpoint),
                None => source.begin(builder.from_start),
            }
        }
        Ok(tail)
    }

    /// How long to pause when [`PollOutcome::more`] is false.
    pub fn poll_interval(&self) -> Duration {
        self.settings.poll_interval
    }

    /// Looks at the paths if the interval has passed, and hands out up to `max_lines` complete
    /// lines, taking turns between the files. Never blocks; returns early after 32 MiB.
    ///
    /// The lines of one source come in the order in which they stand in its files.
    pub fn poll(&mut self, max_lines: usize, each: &mut dyn FnMut(Line<'_>)) -> PollOutcome {
        if let Some((last_search, found)) = self.search() {
            for (path, key) in found {
                let held = self.held();
                let mut source = Source::new(path, key, self.settings);
                source.found_since(last_search, held);
                self.sources.push(source);
            }
        }
        let mut outcome = PollOutcome::default();
        let mut left = max_lines;
        // Sources in a row that had nothing more.
        let mut idle = 0;
        while idle < self.sources.len() {
            if left == 0 || outcome.bytes > MAX_POLL_BYTES {
                outcome.more = true;
                break;
            }
            self.next = if self.next < self.sources.len() { self.next } else { 0 };
            let turn = self.sources[self.next].turn(left.min(QUANTUM), each);
            left = left.saturating_sub(turn.lines);
            outcome.lines += turn.lines as u64;
            outcome.bytes += turn.bytes;
            idle = if turn.more { 0 } else { idle + 1 };
            self.next += 1;
        }
        outcome
    }

    /// Ends a bounded run: hands out all complete lines that are in the files at the time of the
    /// call, then the incomplete last lines.
    ///
    /// The follower can be used on: what is written to such a line later is a line of its own.
    pub fn finish(&mut self, each: &mut dyn FnMut(Line<'_>)) -> PollOutcome {
        let goal: u64 = self.sources().iter().map(|status| status.bytes_left).sum();
        let mut outcome = PollOutcome::default();
        loop {
            let polled = self.poll(usize::MAX, each);
            outcome.lines += polled.lines;
            outcome.bytes += polled.bytes;
            if !polled.more || outcome.bytes >= goal {
                break;
            }
        }
        for source in &mut self.sources {
            let turn = source.finish(each);
            outcome.lines += turn.lines as u64;
            outcome.bytes += turn.bytes;
        }
        outcome
    }

    /// Where all sources stand, exactly after the last line handed out.
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.sources.iter().map(Source::checkpoint).collect()
    }

    /// Counters and state of all sources, in the order in which they were given or found.
    pub fn sources(&self) -> Vec<SourceStatus> {
        self.sources.iter().map(Source::status).collect()
    }

    fn search(&mut self) -> Option<(Timestamp, Vec<(PathBuf, PathBuf)>)> {
        let last_search = self.finder.due()?;
        let held = self.held();
        Some((last_search, self.finder.search(&held)))
    }

    fn held(&self) -> Vec<FileId> {
        self.sources.iter().flat_map(Source::ids).collect()
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.sources.iter().map(Source::key);
        f.debug_struct("Tail").field("sources", &keys.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
