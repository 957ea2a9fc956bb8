//! The monitor's thread: read, match, write, tell.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, Error, Timestamp};
use prisma_log_tail::{Block, Checkpoint, PollOutcome, SourceState, SourceStatus};

use super::current::Current;
use super::dispatch::Dispatch;
use super::intake::{SharedIntake, Taken};
use super::signal::Signal;
use super::sources::Sources;
use super::tell::Teller;
use super::watcher::Watcher;
use super::{Notification, NotificationKind, Progress, Report};
use crate::Store;
use crate::store::{Step, Watch};

/// Bytes that are read before anything else gets its turn: one block of a file, in a storm some ten
/// thousand lines that may all be findings.
const BYTES_PER_POLL: usize = 256 << 10;
/// What may wait for its transaction, in bytes.
const MAX_PENDING: usize = 1 << 20;
/// Least time between two transactions, unless something fired.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// The same while there is more to read and something fired.
const BEHIND_EVERY: Duration = Duration::from_millis(50);
/// How much of the time transactions may take while there is more to read: one part in so many and one.
const BEHIND_PAUSE: u32 = 4;
/// Least time between two tries to write to a store that fails.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Time between two looks at what people did.
const OPERATIONS_EVERY: Duration = Duration::from_millis(500);
/// After so long without a line files are looked at more rarely, if the kernel hints at what happens.
const IDLE_AFTER: Duration = Duration::from_secs(2);
const IDLE_FACTOR: u32 = 10;
/// Time between two looks at what time alone brings about.
const TICK_EVERY: Duration = Duration::from_millis(100);

/// What a worker works with.
pub(super) struct Parts {
    pub(super) sources: Sources,
    pub(super) intake: SharedIntake,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) teller: Teller,
    pub(super) until_idle: Option<Duration>,
    pub(super) signal: Arc<Signal>,
    pub(super) current: Current,
    pub(super) dispatch: Option<Dispatch>,
    /// Alerts that time does something to, as an earlier run left them.
    pub(super) watched: Vec<(u64, Watch)>,
}

pub(super) struct Worker {
    sources: Sources,
    intake: SharedIntake,
    store: Store,
    clock: Arc<dyn Clock>,
    teller: Teller,
    until_idle: Option<Duration>,
    signal: Arc<Signal>,
    /// What a transaction that failed was to write, and these positions; the next one does.
    step: Option<(Taken, Vec<Checkpoint>)>,
    /// Whether positions are not what the store has.
    moved: bool,
    /// How the files looked when that was last checked.
    files: u64,
    /// News that handlers have returned from, but the store still has.
    delivered: Vec<u64>,
    current: Current,
    dispatch: Option<Dispatch>,
    /// What people had done when `watched` was read last, and when that was looked at.
    operations: (u64, Option<Instant>),
    watched: BTreeMap<u64, Watch>,
    watcher: Option<Watcher>,
    /// When all files were last looked at.
    looked: Option<Instant>,
    written: Option<Instant>,
    /// When the store was last given all positions.
    written_all: Option<Instant>,
    /// How long the last transaction took.
    took: Duration,
    /// How long what fired waits for its transaction.
    held: Option<Duration>,
    ticked: Option<Instant>,
    /// When alerts were last looked through for those that time does something to.
    passed: Option<Instant>,
    report: Report,
}

impl Worker {
    pub(super) fn new(parts: Parts) -> Self {
        let watcher = Watcher::start(&parts.signal);
        Worker {
            sources: parts.sources,
            intake: parts.intake,
            store: parts.store,
            clock: parts.clock,
            teller: parts.teller,
            until_idle: parts.until_idle,
            signal: parts.signal,
            step: None,
            moved: true,
            files: 0,
            delivered: Vec::new(),
            current: parts.current,
            dispatch: parts.dispatch,
            operations: (0, None),
            watched: parts.watched.into_iter().collect(),
            watcher,
            looked: None,
            written: None,
            written_all: None,
            took: Duration::ZERO,
            held: None,
            ticked: None,
            passed: None,
            report: Report::default(),
        }
    }

    /// Tells what an earlier run left, then runs until it is stopped or idle for long enough.
    pub(super) fn run(mut self, left: &[Notification]) -> Result<Report, Error> {
        for news in left {
            self.deliver(news);
        }
        if !left.is_empty() {
            // One that is killed often would tell it every time.
            self.write_until_it_works(&[], false, true)?;
        }
        let mut last_line = Instant::now();
        let mut was_caught_up = false;
        loop {
            if was_caught_up {
                self.look_at_hints();
            }
            let outcome = self.read_lines(false);
            if outcome.lines > 0 {
                last_line = Instant::now();
            }
            let caught_up = !outcome.more;
            was_caught_up = caught_up;
            let quiet = |idle: Duration| last_line.elapsed() >= idle;
            let idle =
                caught_up && (self.until_idle.is_some_and(quiet) || self.sources.have_ended());
            let stopped = self.signal.is_stopped();
            if idle && !stopped {
                self.read_lines(true);
            }
            if idle || stopped {
                self.write_finally(caught_up)?;
                return Ok(self.finish());
            }
            self.tick(caught_up);
            self.look_at_operations();
            self.write_when_due(caught_up)?;
            if self.teller.progress_is_due() {
                self.look_at_files();
                self.check_store()?;
            }
            if caught_up {
                let pause = self.pause(last_line.elapsed());
                self.signal.wait(self.held.map_or(pause, |held| held.min(pause)));
            }
        }
    }

    /// Reads what is there, a limited number of lines; at the end also lines without a line end.
    fn read_lines(&mut self, at_the_end: bool) -> PollOutcome {
        let Worker { sources, intake, clock, .. } = self;
        let mut intake = intake.lock();
        let mut take = |block: Block<'_>| intake.block(block.source, block.bytes, clock.now());
        let outcome = if at_the_end {
            sources.finish_blocks(&mut take)
        } else {
            sources.poll_blocks(BYTES_PER_POLL, &mut take)
        };
        drop(intake);
        self.moved |= outcome.lines > 0;
        self.report.lines += outcome.lines;
        self.report.bytes += outcome.bytes;
        outcome
    }

    /// Looks only at files that were written, while they are known; at all of them now and then.
    fn look_at_hints(&mut self) {
        let is_due = self.looked.is_none_or(|last| last.elapsed() >= self.sources.poll_interval());
        let written = self.watcher.as_ref().and_then(Watcher::written);
        match written.filter(|_| !is_due) {
            Some(files) => self.sources.look_only_at(&files),
            None => self.looked = Some(Instant::now()),
        }
    }

    /// How long to wait for the next look at the files, when the last line came so long ago.
    fn pause(&self, quiet: Duration) -> Duration {
        let interval = self.sources.poll_interval();
        // What the kernel hints at is looked at at once; the rest can wait while nothing happens.
        let is_hinted = self.watcher.is_some() && self.sources.are_files();
        let is_idle = is_hinted && quiet >= IDLE_AFTER;
        let pause = if is_idle { interval * IDLE_FACTOR } else { interval };
        self.until_idle.map_or(pause, |idle| pause.min(idle.saturating_sub(quiet)))
    }

    /// Lets rules see that time has passed.
    fn tick(&mut self, caught_up: bool) {
        if self.ticked.is_some_and(|last| last.elapsed() < TICK_EVERY) {
            return;
        }
        self.ticked = Some(Instant::now());
        let mut intake = self.intake.lock();
        if let Some(now) = intake.engine.event_time(self.clock.now(), caught_up) {
            intake.tick(now);
        }
    }

    fn write_when_due(&mut self, caught_up: bool) -> Result<(), Error> {
        let (fired, pending) = {
            let intake = self.intake.lock();
            (intake.findings().have_fired(), intake.findings().bytes())
        };
        // What fires while a transaction would take more than its share of the time goes into the next
        // one, all the more while there is more to read.
        let every = match (fired, caught_up) {
            (true, true) => self.took.min(WRITE_EVERY),
            (true, false) => (BEHIND_PAUSE * self.took).clamp(BEHIND_EVERY, WRITE_EVERY),
            (false, _) => WRITE_EVERY,
        };
        let left = self.written.and_then(|last| every.checked_sub(last.elapsed()));
        self.held = left.filter(|_| fired);
        if pending <= MAX_PENDING && left.is_some() {
            return Ok(());
        }
        self.held = None;
        // Where all files stand is more than what fired has to wait for.
        let all = !(fired && caught_up)
            || self.written_all.is_none_or(|last| last.elapsed() >= WRITE_EVERY);
        // There may be many, and nobody waits for an end as for an alert.
        let is_time = self.passed.is_none_or(|last| last.elapsed() >= TICK_EVERY);
        let due = if is_time { self.due(caught_up) } else { Vec::new() };
        if self.moved || pending > 0 || !self.delivered.is_empty() || !due.is_empty() {
            self.write_until_it_works(&due, caught_up, all)?;
        }
        // What was told but is still in the outbox would be told again after a kill. While there is
        // more to read, the next transaction takes it out.
        if caught_up && !self.delivered.is_empty() {
            self.write_until_it_works(&[], caught_up, false)?;
        }
        Ok(())
    }

    /// Lines that are read but not written would be lost with the process, so nothing more is read
    /// until the store works again, or the monitor is stopped. A deleted one never does.
    fn write_until_it_works(
        &mut self,
        due: &[u64],
        caught_up: bool,
        all: bool,
    ) -> Result<(), Error> {
        while let Err(error) = self.write(due, caught_up, all) {
            self.check_store()?;
            self.teller.fail_again(&match error.io_kind() {
                Some(io::ErrorKind::NotFound) => error.with_hint("move it back"),
                _ => error,
            });
            if self.signal.wait(RETRY_EVERY) {
                return Ok(());
            }
        }
        self.teller.works_again();
        Ok(())
    }

    /// Lines that were read since the store was last written are lost with it, and so is where to
    /// go on, so a monitor whose store is deleted ends.
    fn check_store(&mut self) -> Result<(), Error> {
        let Some(path) = self.store.path().filter(|_| self.store.is_deleted()) else {
            return Ok(());
        };
        let what = format!("the store {} was deleted while the monitor ran", path.display());
        let error = Error::state(what).with_hint("start the monitor again");
        // Nobody may be waiting for the end.
        self.teller.fail(&error);
        Err(error)
    }

    fn write_finally(&mut self, caught_up: bool) -> Result<(), Error> {
        self.check_store()?;
        let due = self.due(caught_up);
        // One that failed before comes first, and what was found since after it.
        let is_late = self.step.is_some();
        self.write(&due, caught_up, true)?;
        if is_late || !self.delivered.is_empty() {
            self.write(&[], caught_up, true)?;
        }
        Ok(())
    }

    /// Alerts that it is time to do something about, as far as is known without the store.
    fn due(&mut self, caught_up: bool) -> Vec<u64> {
        self.passed = Some(Instant::now());
        let (now_in, now) = (self.now_in(caught_up), self.clock.now());
        let due = self.watched.iter().filter(|(_, watch)| watch.is_due(&now_in, now));
        due.map(|(&number, _)| number).collect()
    }

    /// What time it is in a file: it goes on with the wall clock once everything is read; before
    /// that, the lines to come know better.
    fn now_in(&self, caught_up: bool) -> impl Fn(&Path) -> Option<Timestamp> {
        let now = self.clock.now();
        move |source| {
            let intake = self.intake.lock();
            // What time alone brought about is in no file.
            if source.as_os_str().is_empty() {
                return intake.engine.event_time(now, caught_up);
            }
            let clock = intake.engine.source_clock(source)?;
            if caught_up { clock.now(now) } else { clock.watermark() }
        }
    }

    /// One transaction. `all`: the positions and times of files whose lines did nothing, too.
    fn write(&mut self, due: &[u64], caught_up: bool, all: bool) -> Result<(), Error> {
        let begin = Instant::now();
        let (taken, checkpoints) = match self.step.take() {
            Some(step) => step,
            None => {
                let taken = self.intake.lock().take(all);
                let effective: Vec<PathBuf> =
                    taken.changed.clocks.iter().map(|(source, _)| source.clone()).collect();
                let checkpoints = match (self.moved, all) {
                    (false, _) => Vec::new(),
                    (true, true) => self.sources.take_checkpoints(),
                    (true, false) => self.sources.take_checkpoints_of(&effective),
                };
                self.moved &= !all;
                if all {
                    self.written_all = Some(begin);
                }
                (taken, checkpoints)
            }
        };
        let outcome = self.store.apply(
            &taken.rules,
            &Step {
                findings: &taken.findings,
                checkpoints: &checkpoints,
                changed: &taken.changed,
                delivered: &self.delivered,
                due,
                limits: self.current.limits(),
                now_in: &self.now_in(caught_up),
            },
        );
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                self.step = Some((taken, checkpoints));
                return Err(error);
            }
        };
        self.delivered.clear();
        self.written = Some(Instant::now());
        self.took = begin.elapsed();
        for (number, watch) in outcome.touched {
            match watch {
                Some(watch) => self.watched.insert(number, watch),
                None => self.watched.remove(&number),
            };
        }
        self.report.not_opened += outcome.not_opened;
        if let Some(dispatch) = self.dispatch.as_ref().filter(|_| !outcome.news.is_empty()) {
            dispatch.wake();
        }
        for news in &outcome.news {
            match news.kind {
                NotificationKind::Raised => self.report.raised += 1,
                NotificationKind::Reopened => self.report.reopened += 1,
                NotificationKind::Resolved => self.report.resolved += 1,
                NotificationKind::Escalated => self.report.escalated += 1,
                NotificationKind::Reminder => {}
            }
            self.deliver(news);
        }
        Ok(())
    }

    fn deliver(&mut self, news: &Notification) {
        self.teller.deliver(news);
        self.delivered.push(news.number);
    }

    /// People may have opened an alert again, in this process or another.
    fn look_at_operations(&mut self) {
        let (seen, looked) = self.operations;
        if looked.is_some_and(|looked| looked.elapsed() < OPERATIONS_EVERY) {
            return;
        }
        self.operations.1 = Some(Instant::now());
        // A store that can't be read is told of when it is written.
        let Ok(operations) = self.store.operations() else { return };
        if operations != seen
            && let Ok(watched) = self.store.watched()
        {
            self.operations.0 = operations;
            self.watched = watched.into_iter().collect();
        }
    }

    fn tell_of_receivers(&mut self, at_the_end: bool) {
        self.teller.not_opened(
            self.report.not_opened,
            self.current.limits().max_open_alerts,
            at_the_end,
        );
        for error in self.dispatch.iter().flat_map(Dispatch::errors) {
            self.teller.fail(&error);
        }
    }

    /// Tells about progress and about files that can't be read.
    fn look_at_files(&mut self) {
        let sources = self.sources.status();
        if let Some(watcher) = &self.watcher {
            watcher.files(sources.iter().map(|source| &source.path));
        }
        self.teller.files(&sources);
        self.tell_forgotten(false);
        self.tell_of_receivers(false);
        // A file that appears or is rotated has a new position without a line being read.
        let files = fingerprint(&sources);
        self.moved |= files != self.files;
        self.files = files;
        let left: u64 = sources.iter().map(|source| source.bytes_left).sum();
        self.teller.progress(&Progress {
            lines: self.report.lines,
            bytes: self.report.bytes,
            total_bytes: self.report.bytes + left,
            alerts: self.report.raised + self.report.reopened,
        });
    }

    fn tell_forgotten(&mut self, at_the_end: bool) {
        let intake = self.intake.lock();
        for (index, rule) in intake.engine.rules().iter().enumerate() {
            self.teller.forgotten(rule, intake.engine.evicted_groups(index), at_the_end);
        }
        self.teller.undecided(intake.engine.undecided(), at_the_end);
    }

    fn finish(mut self) -> Report {
        self.look_at_files();
        self.tell_forgotten(true);
        if let Some(dispatch) = &mut self.dispatch {
            dispatch.finish();
            // What can't be read is told of already.
            self.report.receivers = self.store.receivers().unwrap_or_default();
        }
        self.tell_of_receivers(true);
        let mut sources = self.sources.status();
        if self.until_idle.is_some() {
            // Who waits for a file reads on when it appears; who stops has to be told.
            for source in &mut sources {
                let missing = source.state == SourceState::Waiting && source.lines == 0;
                if missing && source.error.is_none() {
                    let why = io::Error::new(io::ErrorKind::NotFound, "no such file");
                    source.error = Some(Arc::new(Error::io_at("open", &source.path, why)));
                }
            }
            self.teller.files(&sources);
        }
        let mut intake = self.intake.lock();
        self.report.rules = intake.reports().to_vec();
        for (index, rule) in self.report.rules.iter_mut().enumerate() {
            rule.evicted_groups = intake.engine.evicted_groups(index);
            rule.forgotten = intake.engine.forgotten(index);
        }
        self.report.records = intake.records;
        self.report.undecided = intake.engine.undecided();
        drop(intake);
        self.report.sources = sources;
        self.teller.fill(&mut self.report);
        self.report
    }
}

/// Differs when files came, went or were rotated.
fn fingerprint(sources: &[SourceStatus]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for source in sources {
        let changes = (source.rotations, source.truncations, source.gaps);
        (&source.path, source.state, changes).hash(&mut hasher);
    }
    hasher.finish()
}
