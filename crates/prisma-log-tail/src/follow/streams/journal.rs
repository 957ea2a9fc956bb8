//! The systemd journal, through `journalctl`.

mod child;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, Error, SystemClock};

use super::super::builder::check_line_bytes;
use super::super::reader::Reader;
use super::LineSource;
use super::outlet::Outlet;
use crate::{Block, Checkpoint, PollOutcome, SourceState, SourceStatus};
use child::Child;

/// Pause before `journalctl` is started again: at first, and at last.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(60)];
/// A child that ran for so long was well.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// Entries of the systemd journal, each a line of JSON as `journalctl --output=json` writes it.
///
/// `journalctl` runs as a child process, and is started again, with a growing pause, when it dies:
/// after the last entry that was handed out, so that none is missed or comes twice. Its cursor is
/// the checkpoint. Whom the journal lets read it is the system's business: without the group
/// `systemd-journal` a user sees their own entries.
pub struct JournalSource {
    outlet: Outlet,
    program: OsString,
    matches: Vec<String>,
    /// The last entry that was handed out.
    cursor: Option<String>,
    running: Option<Running>,
    /// When to start the next one, and the pause before the one after it.
    next: (Instant, Duration),
}

struct Running {
    child: Child,
    reader: Reader,
    since: Instant,
}

/// Settings of a [`JournalSource`].
#[derive(Clone, Debug)]
#[must_use]
pub struct JournalSourceBuilder {
    program: OsString,
    matches: Vec<String>,
    from_start: bool,
    max_line_bytes: usize,
    checkpoints: Vec<Checkpoint>,
}

impl JournalSource {
    /// Settings with their defaults.
    pub fn builder() -> JournalSourceBuilder {
        JournalSourceBuilder {
            program: "journalctl".into(),
            matches: Vec::new(),
            from_start: false,
            max_line_bytes: 1 << 20,
            checkpoints: Vec::new(),
        }
    }

    /// Starts the child if it is time.
    fn start(&mut self) {
        let (at, pause) = self.next;
        if self.running.is_some() || Instant::now() < at {
            return;
        }
        self.next = (Instant::now() + pause, (pause * 2).min(BACK_OFF[1]));
        match Child::follow(&self.program, &self.matches, self.cursor.as_deref()) {
            Ok((child, output)) => {
                let reader = Reader::of_stream(Box::new(output));
                self.running = Some(Running { child, reader, since: Instant::now() });
            }
            Err(error) => self.outlet.error = Some(Arc::new(error)),
        }
    }

    /// Hands out entries and remembers the last one.
    fn drain(&mut self, left: u64, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        let JournalSource { outlet, running, cursor, .. } = self;
        let Some(Running { reader, .. }) = running else { return PollOutcome::default() };
        // What is torn off when the child dies comes again from the next one.
        let outcome = outlet.drain_lines(reader, left, &mut |block| {
            let last = block.lines().last().and_then(|line| child::cursor(line.bytes));
            *cursor = last.or(cursor.take());
            each(block);
        });
        if outcome.lines > 0 {
            outlet.error = None;
        }
        outcome
    }

    /// Sees whether the child has died.
    fn reap(&mut self) {
        let Some(running) = self.running.take_if(|running| running.reader.has_ended()) else {
            return;
        };
        if running.since.elapsed() >= WELL_AFTER {
            self.next = (Instant::now(), BACK_OFF[0]);
        }
        self.outlet.error = Some(Arc::new(running.child.why_ended(&self.program)));
    }
}

impl JournalSourceBuilder {
    /// Only entries with such a field, as `journalctl` takes matches: `_SYSTEMD_UNIT=ssh.service`,
    /// `PRIORITY=3`. Several of one field are alternatives; the default is all entries.
    pub fn only(mut self, field: impl Into<String>) -> Self {
        self.matches.push(field.into());
        self
    }

    /// Whether to read what the journal has already; the default is `false`: what comes from now on.
    pub fn from_start(mut self, yes: bool) -> Self {
        self.from_start = yes;
        self
    }

    /// Longest entry in bytes; default 1 MiB, from 16 bytes to 1 GiB. Longer ones are handed out cut
    /// and counted.
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// The program to run; default `journalctl`, as it is found in `PATH`.
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// Continues from where an earlier source with the same matches stood.
    pub fn checkpoints(mut self, checkpoints: impl IntoIterator<Item = Checkpoint>) -> Self {
        self.checkpoints.extend(checkpoints);
        self
    }

    /// Builds the source, and asks the journal where it ends.
    ///
    /// # Errors
    /// When a setting is out of its range, or `journalctl` can't be run.
    pub fn build(self) -> Result<JournalSource, Error> {
        check_line_bytes(self.max_line_bytes)?;
        for only in &self.matches {
            let field = only.split_once('=').map_or("", |(field, _)| field);
            let is_field =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            if field.is_empty() || !field.bytes().all(is_field) {
                return Err(Error::config(format!("`{only}` is no field of the journal"))
                    .with_hint("write it as in `_SYSTEMD_UNIT=ssh.service`"));
            }
        }
        let name = PathBuf::from(format!("journal:{}", self.matches.join("+")));
        let stored = self.checkpoints.into_iter().rev().find(|at| at.source == name);
        let cursor = match stored.and_then(|at| at.cursor) {
            Some(cursor) => Some(cursor),
            None if self.from_start => None,
            None => child::last_cursor(&self.program, &self.matches)?,
        };
        Ok(JournalSource {
            outlet: Outlet::new(name, self.max_line_bytes, None),
            program: self.program,
            matches: self.matches,
            cursor,
            running: None,
            next: (Instant::now(), BACK_OFF[0]),
        })
    }
}

impl LineSource for JournalSource {
    fn poll_blocks(&mut self, max_bytes: usize, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        self.start();
        let outcome = self.drain(max_bytes as u64, each);
        self.reap();
        outcome
    }

    fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        self.drain(u64::MAX, each)
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        let (source, taken) = (self.outlet.name.clone(), SystemClock.now());
        let cursor = self.cursor.clone();
        let of = |cursor| Checkpoint { source, taken, positions: Vec::new(), cursor: Some(cursor) };
        cursor.map(of).into_iter().collect()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        let state = match (&self.outlet.error, &self.running) {
            (Some(_), _) => SourceState::Failed,
            (None, Some(_)) => SourceState::Following,
            (None, None) => SourceState::Waiting,
        };
        let left = self.running.as_ref().map_or(0, |running| running.reader.bytes_left());
        vec![self.outlet.status(state, left)]
    }

    fn poll_interval(&self) -> Duration {
        self.outlet.poll_interval()
    }

    fn has_ended(&self) -> bool {
        false
    }
}

impl fmt::Debug for JournalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalSource")
            .field("name", &self.outlet.name)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}
