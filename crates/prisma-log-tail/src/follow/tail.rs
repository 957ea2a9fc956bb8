//! The follower: all sources, read in turn.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

use super::builder::TailBuilder;
use super::finder::{Finder, absolute, resolved};
use super::identity::{FileId, Position};
use super::siblings::{is_double, is_rotated_of};
use super::source::{Quota, Settings, Source, Turn};
use super::{Checkpoint, PollOutcome, SourceStatus};
use crate::{Block, Line};

/// What one source hands out before the next one's turn.
const QUANTUM: Quota = Quota { lines: 512, bytes: 1 << 20 };
/// After so many bytes a poll returns, so that a fast writer can't hold it for ever.
const MAX_POLL_BYTES: u64 = 32 << 20;

/// Follows one or many log files and hands out their lines, each exactly once.
///
/// # Reading
/// Nothing here blocks and no thread is started: call [`Tail::poll_blocks`] or [`Tail::poll`] in a loop, and pause for
/// [`Tail::poll_interval`] when it says that there is no more. Files are looked at by polling;
/// there is no kernel watch to overflow, and it works on every file system.
///
/// # Rotation
/// - *By rename* (`app.log` becomes `app.log.1` or `app.log-20261124`): the old file is read to its
///   end, then every rotated file that is newer, in order, then the one at the path; also when
///   several rotations happened between two polls or while the reader was not running. Rotated
///   files are kept open for late writes for the grace period of
///   [`TailBuilder::linger`], the newest one until the next rotation. Their order is that of the
///   number or date in their names, or else of their last change. If one was compressed meanwhile
///   (`app.log.1.gz`, `.zst`), it is known by its text and read on in there; without the feature
///   `gzip` or `zstd` that is a gap, if lines were unread.
/// - *In place* (`copytruncate`): if the copy is found beside the file, what was not read yet is
///   read there. Then the file is read from its start. A file that was cut and has grown past the
///   old position is recognised by its content. The hole of NUL bytes at its start that a writer
///   without `O_APPEND` leaves is no line.
/// - *Deleted and created again*: the new file is read from its start.
///
/// # Archives
/// Compressed files are decoded as a stream, one at a time. They are known by their text: what was
/// read before it was compressed, or under another name, is not read again. One that is not written
/// to its end is read on when it grows. One that is damaged, or holds more than
/// [`TailBuilder::max_archive_bytes`] or [`TailBuilder::max_archive_ratio`] allow, is read as far as
/// it goes; then its source fails, and counts a gap.
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
    settings: Arc<Settings>,
    finder: Finder,
    sources: Vec<Source>,
    /// Places in logs that were read before the start, with the logs' paths.
    known: Vec<(PathBuf, Position)>,
    /// The source whose turn is next.
    next: usize,
    /// The sources that the next poll looks at, if not all, in order.
    only: Option<Vec<usize>>,
    /// Which of the first sources has a path; the others were not looked up yet.
    places: HashMap<PathBuf, usize>,
    /// The source whose archive is read: one at a time, as each takes memory to decode.
    archive: Option<usize>,
}

impl Tail {
    /// Settings with their defaults.
    pub fn builder() -> TailBuilder {
        TailBuilder::new()
    }

    pub(super) fn from_builder(builder: TailBuilder) -> Result<Tail, Error> {
        let settings = Arc::new(builder.settings()?);
        let positions = builder.checkpoints.iter().flat_map(|checkpoint| {
            let source = &checkpoint.source;
            checkpoint.positions.iter().map(|at| (source.clone(), *at))
        });
        let mut tail = Tail {
            settings: Arc::clone(&settings),
            finder: Finder::new(&builder.globs)?,
            sources: Vec::new(),
            known: positions.collect(),
            next: 0,
            only: None,
            places: HashMap::new(),
            archive: None,
        };
        let checkpoint_of = |key: &Path| {
            builder.checkpoints.iter().rev().find(|checkpoint| checkpoint.source == key)
        };
        let literal = builder.files.iter().map(|path| {
            let key = absolute(path)?;
            Ok((path.clone(), key))
        });
        let mut literal = literal.collect::<Result<Vec<_>, Error>>()?;
        let mut spelled = HashSet::new();
        literal.retain(|(_, key)| spelled.insert(resolved(key)));
        let paths: HashSet<PathBuf> = literal.iter().map(|(_, key)| key.clone()).collect();
        literal.retain(|(_, key)| !is_double(key, &paths, settings.archives));
        // A file that a pattern found before the restart may be between two names now.
        let known = builder.checkpoints.iter().filter(|at| tail.finder.covers(&at.source));
        let known: Vec<_> = known.map(|at| (at.source.clone(), at.source.clone())).collect();
        for (path, key) in literal.iter().cloned().chain(known) {
            if !tail.finder.claim(&key) {
                continue;
            }
            let mut source = Source::new(path, key, Arc::clone(&settings));
            if literal.iter().any(|(_, log)| is_rotated_of(source.key(), log)) {
                source.unlink();
            }
            tail.sources.push(source);
        }
        let named = tail.sources.iter().filter_map(|source| std::fs::metadata(source.key()).ok());
        let named = named.map(|metadata| FileId::of(&metadata)).collect();
        let found = tail.finder.search(&named);
        let found =
            found.into_iter().map(|file| Source::new(file.path, file.key, Arc::clone(&settings)));
        tail.sources.extend(found);
        for source in &mut tail.sources {
            let known = tail.known.iter().map(|(log, at)| (log.as_path(), at));
            let is_followed = |log: &Path| tail.finder.has(log);
            if source.begin_archive(known, is_followed, builder.from_start) {
                continue;
            }
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

    /// Looks at the paths if the interval has passed, and hands out complete lines in blocks, taking
    /// turns between the files, until `max_bytes` are reached. Never blocks; returns early after
    /// 32 MiB.
    ///
    /// A block is what one read brought, about 256 KiB of a file that has much, and is not split:
    /// the last one may go beyond `max_bytes`. The lines of one source come in the order in which
    /// they stand in its files.
    pub fn poll_blocks(
        &mut self,
        max_bytes: usize,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let quantum = Quota { lines: u64::MAX, ..QUANTUM };
        self.take_turns(Quota { lines: u64::MAX, bytes: max_bytes as u64 }, quantum, each)
    }

    /// [`Tail::poll_blocks`] line by line: hands out up to `max_lines` complete lines.
    pub fn poll(&mut self, max_lines: usize, each: &mut dyn FnMut(Line<'_>)) -> PollOutcome {
        let left = Quota { lines: max_lines as u64, bytes: u64::MAX };
        self.take_turns(left, QUANTUM, &mut |block| block.lines().for_each(&mut *each))
    }

    /// The next poll needs to look at these sources only, by their paths in [`Tail::sources`]: nothing
    /// else is known to have been written. A hint, such as a [`Watch`](crate::Watch) gives; polls
    /// without one, now and then, find what was not hinted at.
    pub fn look_only_at<'p>(&mut self, files: impl IntoIterator<Item = &'p Path>) {
        self.only = Some(self.places_of(files));
    }

    /// The places of the sources with these paths, in order.
    fn places_of<'p>(&mut self, files: impl IntoIterator<Item = &'p Path>) -> Vec<usize> {
        for (place, source) in self.sources.iter().enumerate().skip(self.places.len()) {
            self.places.insert(source.path().to_owned(), place);
        }
        let places = files.into_iter().filter_map(|file| self.places.get(file).copied());
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        places
    }

    /// `quantum`: what one source hands out before the next one's turn.
    fn take_turns(
        &mut self,
        left: Quota,
        quantum: Quota,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        self.search();
        let only = self.only.take();
        let bytes = left.bytes.min(MAX_POLL_BYTES);
        let mut outcome = PollOutcome::default();
        // Sources in a row that had nothing more.
        let mut idle = 0;
        while idle < self.sources.len() {
            let left = Quota {
                lines: left.lines.saturating_sub(outcome.lines),
                bytes: bytes.saturating_sub(outcome.bytes),
            };
            if left.is_used_up() {
                outcome.more = true;
                break;
            }
            self.next = if self.next < self.sources.len() { self.next } else { 0 };
            let index = self.next;
            self.next += 1;
            let mut more = false;
            if only.as_ref().is_some_and(|only| only.binary_search(&index).is_err()) {
                idle += 1;
                continue;
            }
            if self.archive.is_none_or(|archive| archive == index)
                || !self.sources[index].has_unread_archive()
            {
                let turn = self.sources[index].turn(left.least(quantum), each);
                outcome.add(&turn);
                let is_archive = turn.more && self.sources[index].has_unread_archive();
                // The end of one archive is the beginning of another.
                more = turn.more || self.archive == Some(index) && !is_archive;
                match is_archive {
                    true => self.archive = Some(index),
                    false if self.archive == Some(index) => self.archive = None,
                    false => {}
                }
            }
            idle = if more { 0 } else { idle + 1 };
        }
        outcome
    }

    /// Ends a bounded run: hands out all complete lines that are in the files at the time of the
    /// call, then the incomplete last lines.
    ///
    /// The follower can be used on: what is written to such a line later is a line of its own.
    pub fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        self.sources.iter_mut().for_each(Source::look_soon);
        let goal: u64 = self.sources().iter().map(|status| status.bytes_left).sum();
        let mut outcome = PollOutcome::default();
        loop {
            let polled = self.poll_blocks(usize::MAX, each);
            outcome.lines += polled.lines;
            outcome.bytes += polled.bytes;
            let in_archive = self.sources.iter().any(Source::has_unread_archive);
            if !polled.more || outcome.bytes >= goal && !in_archive {
                break;
            }
        }
        for source in &mut self.sources {
            outcome.add(&source.finish(each));
        }
        outcome
    }

    /// [`Tail::finish_blocks`] line by line.
    pub fn finish(&mut self, each: &mut dyn FnMut(Line<'_>)) -> PollOutcome {
        self.finish_blocks(&mut |block| block.lines().for_each(&mut *each))
    }

    /// Where all sources stand, exactly after the last line handed out.
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.sources.iter().map(Source::checkpoint).collect()
    }

    /// Where those sources stand that have got on since this was last asked for. Whoever stores these
    /// over what was stored before has what [`Tail::checkpoints`] tells, at the cost of few of many.
    pub fn take_checkpoints(&mut self) -> Vec<Checkpoint> {
        self.sources.iter_mut().filter_map(Source::take_checkpoint).collect()
    }

    /// The same of the sources with these paths alone, and of those that read other files than were told
    /// of last: a file's lines must not be in two stored places at once, nor in none.
    ///
    /// For those who store often and have made nothing of the lines of all other sources since: where
    /// these stand can wait.
    pub fn take_checkpoints_of<'p>(
        &mut self,
        files: impl IntoIterator<Item = &'p Path>,
    ) -> Vec<Checkpoint> {
        let places = self.places_of(files);
        let sources = self.sources.iter_mut().enumerate();
        let wanted = sources.filter(|(place, source)| {
            source.has_other_files() || places.binary_search(place).is_ok()
        });
        wanted.filter_map(|(_, source)| source.take_checkpoint()).collect()
    }

    /// Counters and state of all sources, in the order in which they were given or found.
    pub fn sources(&self) -> Vec<SourceStatus> {
        self.sources.iter().map(Source::status).collect()
    }

    /// Adds files that patterns match by now, if it is time for that.
    fn search(&mut self) {
        let Some(last_search) = self.finder.due() else { return };
        let held: HashSet<FileId> = self.sources.iter().flat_map(Source::ids).collect();
        let held = Arc::new(held);
        for file in self.finder.search(&held) {
            let mut source = Source::new(file.path, file.key, Arc::clone(&self.settings));
            let read = self.sources.iter().map(|source| (source.key(), source.positions()));
            let read: Vec<_> = read.collect();
            let read = read.iter().flat_map(|(log, at)| at.iter().map(|at| (*log, at)));
            let known = self.known.iter().map(|(log, at)| (log.as_path(), at));
            let is_followed = |log: &Path| self.finder.has(log);
            if source.begin_archive(read.chain(known), is_followed, true) {
                self.sources.push(source);
                continue;
            }
            source.found_since(last_search, Arc::clone(&held), file.is_alone.then_some(file.id));
            self.sources.push(source);
        }
    }
}

impl PollOutcome {
    fn add(&mut self, turn: &Turn) {
        self.lines += turn.lines;
        self.bytes += turn.bytes;
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.sources.iter().map(Source::key);
        f.debug_struct("Tail").field("sources", &keys.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::follow::siblings::{LISTINGS, MEANWHILE};

    const FILES: u64 = 3_000;

    fn listings(run: impl FnOnce()) -> u64 {
        let before = LISTINGS.with(std::cell::Cell::get);
        run();
        LISTINGS.with(std::cell::Cell::get) - before
    }

    fn read(tail: &mut Tail, wanted: u64) -> u64 {
        let started = Instant::now();
        let mut lines = 0;
        while lines < wanted && started.elapsed() < Duration::from_secs(60) {
            lines += tail.poll(usize::MAX, &mut |_| {}).lines;
            std::thread::sleep(Duration::from_millis(10));
        }
        lines
    }

    #[test]
    fn a_directory_is_not_listed_for_every_file_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |n: u64| dir.path().join(format!("{n}.log"));
        let pattern = dir.path().join("*.log");
        let builder = Tail::builder().glob(pattern.to_str().unwrap()).from_start(true);
        let builder = builder.poll_interval(Duration::ZERO).linger(Duration::ZERO);
        fs::write(path(0), "first\n").unwrap();
        let mut tail = builder.clone().build().unwrap();
        assert_eq!(read(&mut tail, 1), 1);
        for n in 1..FILES {
            fs::write(path(n), format!("{n}\n")).unwrap();
        }
        // One of them has a rotated file, which was not read yet.
        fs::write(dir.path().join("7.log.1"), "rotated\n").unwrap();
        let listed = listings(|| assert_eq!(read(&mut tail, FILES), FILES));
        assert!(listed <= 10, "{listed} listings");

        let checkpoints = tail.checkpoints();
        let mut tail = builder.checkpoints(checkpoints).build().unwrap();
        fs::write(path(7), "7\nmore\n").unwrap();
        let listed = listings(|| assert_eq!(read(&mut tail, 1), 1));
        assert!(listed <= 10, "{listed} listings after a restart");
    }

    #[test]
    fn a_missing_file_is_seen_at_once_without_a_listing_at_every_look() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let builder = Tail::builder().file(&path).poll_interval(Duration::ZERO);
        let mut tail = builder.build().unwrap();
        let listed = listings(|| {
            for _ in 0..1_000 {
                tail.poll(1, &mut |_| {});
            }
        });
        assert!(listed < 200, "{listed} listings");
        // Rotated before anybody looked: listed now, as there is a file.
        fs::write(dir.path().join("a.log.1"), "one\n").unwrap();
        fs::write(&path, "two\n").unwrap();
        assert_eq!(tail.poll(9, &mut |_| {}).lines, 2);
    }

    #[test]
    fn a_log_that_is_copied_and_cut_while_a_restart_looks_for_it_is_read_on_in_the_copy() {
        for more in ["", "more\n"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("app.log");
            let line = |n: u32| format!("line {n} of a log that is long enough to be told apart\n");
            let first: String = (0..5).map(line).collect();
            fs::write(&path, &first).unwrap();
            // Two positions, so that the directory is listed.
            fs::write(dir.path().join("app.log-20261201"), "older\n").unwrap();
            let builder = Tail::builder().file(&path).poll_interval(Duration::ZERO);
            let mut tail = builder.clone().from_start(true).build().unwrap();
            assert_eq!(read(&mut tail, 5), 5);
            fs::rename(&path, dir.path().join("app.log-20261202")).unwrap();
            fs::write(&path, (5..9).map(line).collect::<String>()).unwrap();
            assert_eq!(read(&mut tail, 4), 4);
            let checkpoints = tail.checkpoints();
            assert_eq!(checkpoints[0].positions.len(), 2);
            drop(tail);

            let copy = dir.path().join("app.log-20261203");
            let rest = format!("{}{}", line(9), line(10));
            let log = path.clone();
            let mut file = fs::File::options().append(true).open(&path).unwrap();
            std::io::Write::write_all(&mut file, rest.as_bytes()).unwrap();
            MEANWHILE.set(Some(Box::new(move || {
                fs::copy(&log, &copy).unwrap();
                fs::write(&log, more).unwrap();
            })));
            let mut tail = builder.checkpoints(checkpoints).build().unwrap();
            let mut lines = Vec::new();
            for _ in 0..20 {
                tail.poll(usize::MAX, &mut |line| {
                    lines.push(String::from_utf8_lossy(line.bytes).into_owned());
                });
                std::thread::sleep(Duration::from_millis(5));
            }
            let expect = format!("{rest}{more}");
            assert_eq!(lines, expect.lines().collect::<Vec<_>>());
            assert_eq!(tail.sources()[0].gaps, 0);
        }
    }

    #[test]
    fn a_file_that_was_rotated_between_the_search_and_its_opening_is_not_missed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let pattern = dir.path().join("*.log");
        let mut tail = Tail::builder().glob(pattern.to_str().unwrap()).build().unwrap();
        fs::write(&path, "one\n").unwrap();
        tail.finder.make_due();
        tail.search();
        fs::rename(&path, dir.path().join("a.log.1")).unwrap();
        fs::write(&path, "two\n").unwrap();
        assert_eq!(tail.poll(9, &mut |_| {}).lines, 2);
    }
}
