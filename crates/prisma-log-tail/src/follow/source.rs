//! One followed path: the files that stood and stand there, and what is handed out of them.

mod appear;
mod copies;
mod feed;
mod rotate;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, Error, SystemClock, Timestamp};

use super::archive::Limits;
use super::identity::{FileId, Position, birth, ctime};
use super::reader::Reader;
use super::{Checkpoint, SourceState, SourceStatus};
use crate::Joiner;
use feed::Each;
pub(super) use feed::{Counters, Drained, Feed, Quota, Role};

/// Rotated files that are kept open for late writes, at most.
const MAX_LINGERING: usize = 32;
/// Files that are known after they were closed, at most.
const MAX_PAST: usize = 32;
/// Files that are kept open to be read, at most.
const MAX_QUEUE: usize = 32;

/// A path that was empty for so long is looked at less often.
const MISSING_FOR_LONG: Duration = Duration::from_secs(10);
/// Least time between two looks at such a path.
const MISSING_INTERVAL: Duration = Duration::from_secs(1);

/// How often one turn starts over with a file that is changed in place all the time.
const MAX_CHANGES: u32 = 8;

/// What all sources of a follower share.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) max_line: usize,
    pub(super) poll_interval: Duration,
    pub(super) linger: Duration,
    pub(super) archives: Limits,
    pub(super) join: Option<Joiner>,
}

pub(super) struct Source {
    path: Arc<Path>,
    /// The absolute path.
    key: PathBuf,
    /// Whether files that take the place of the first one are followed too.
    linked: bool,
    settings: Arc<Settings>,
    /// Files in the order in which they were written. The front one is read; the last one is the
    /// newest that was seen.
    queue: VecDeque<Reader>,
    /// Rotated files that were read to their end and may still grow: a writer that has not
    /// noticed the rotation yet may write to them late.
    lingering: Vec<Lingering>,
    /// Where files ended that are no longer open, the newest ones: they may be compressed later.
    past: VecDeque<Position>,
    /// Where to start when a file appears; while `queue` has files, only what was known before them
    /// is used.
    pending: Pending,
    refused: Option<Refused>,
    read_error: Option<Arc<Error>>,
    /// Since when looks have found nothing at the path.
    missing_since: Option<Instant>,
    /// While there is nothing at the path: when to look for rotated files again.
    next_listing: Option<Instant>,
    /// There are newer files than those in the queue, which had no room.
    behind: bool,
    next_look: Option<Instant>,
    /// When the front file was last seen to be whole and read to its end.
    seen_at: Timestamp,
    /// The newest file is an archive that can't be read to its end, which is counted.
    damaged: bool,
    counters: Counters,
    /// What the last checkpoint that was taken stood for.
    told: Option<(Vec<Place>, Counters)>,
}

/// See [`Reader::place`].
type Place = (FileId, u64, bool, bool);

struct Lingering {
    reader: Reader,
    since: Instant,
}

/// Where reading starts once there is a file.
#[derive(Clone, Debug)]
struct Pending {
    /// Positions to find again, as in [`Checkpoint`].
    positions: Vec<Position>,
    /// Without positions, rotated files changed before this are not read.
    taken: Timestamp,
    /// Rotated files that are not read either.
    known: Arc<HashSet<FileId>>,
    /// The file that was found at the path, with no rotated files beside it.
    alone: Option<FileId>,
}

/// Why the thing at the path is not read, and what it was.
struct Refused {
    error: Arc<Error>,
    thing: Thing,
}

/// What stands at a path, as far as a refusal depends on it.
#[derive(PartialEq, Eq)]
enum Thing {
    Missing,
    Hidden(io::ErrorKind),
    Inode {
        id: FileId,
        birth: i64,
        is_file: bool,
        /// The last change of mode or owner, if the refusal depends on these.
        ctime: Option<i64>,
    },
}

impl Thing {
    fn at(path: &Path, with_ctime: bool) -> Thing {
        match std::fs::metadata(path) {
            Ok(metadata) => Thing::Inode {
                id: FileId::of(&metadata),
                birth: birth(&metadata),
                is_file: metadata.is_file(),
                ctime: with_ctime.then(|| ctime(&metadata)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Thing::Missing,
            Err(error) => Thing::Hidden(error.kind()),
        }
    }
}

/// What one turn of a source did.
pub(super) struct Turn {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// There are more lines to be had at once.
    pub(super) more: bool,
}

impl Source {
    /// A source that waits for its file, which is read from its start then.
    pub(super) fn new(path: PathBuf, key: PathBuf, settings: Arc<Settings>) -> Source {
        let now = SystemClock.now();
        Source {
            path: path.into(),
            key,
            linked: true,
            settings,
            queue: VecDeque::new(),
            lingering: Vec::new(),
            past: VecDeque::new(),
            pending: Pending {
                positions: Vec::new(),
                taken: now,
                known: Arc::default(),
                alone: None,
            },
            refused: None,
            read_error: None,
            missing_since: None,
            next_listing: None,
            behind: false,
            next_look: None,
            seen_at: now,
            damaged: false,
            told: None,
            counters: Counters::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn key(&self) -> &Path {
        &self.key
    }

    /// Stops following the path: only the file that is open is read on.
    pub(super) fn unlink(&mut self) {
        self.linked = false;
    }

    /// The files that this source has open.
    pub(super) fn ids(&self) -> impl Iterator<Item = FileId> + '_ {
        let lingering = self.lingering.iter().map(|lingering| lingering.reader.id());
        self.queue.iter().map(Reader::id).chain(lingering)
    }

    /// Looks at the path if it is time, and hands out lines up to the quota.
    pub(super) fn turn(&mut self, quota: Quota, each: Each<'_>) -> Turn {
        let before = self.counters;
        let more = self.hand_out(quota, each);
        self.turned(&before, more)
    }

    fn turned(&self, before: &Counters, more: bool) -> Turn {
        let Counters { lines, bytes, .. } = self.counters;
        Turn { lines: lines - before.lines, bytes: bytes - before.bytes, more }
    }

    /// Returns whether there is more.
    fn hand_out(&mut self, quota: Quota, each: Each<'_>) -> bool {
        let now = Instant::now();
        if self.next_look.is_none_or(|at| now >= at) {
            let is_missing = self.missing_since.is_some_and(|at| now - at >= MISSING_FOR_LONG);
            let least = if is_missing { MISSING_INTERVAL } else { Duration::ZERO };
            let pause = self.settings.poll_interval.max(least);
            self.next_look = Some(now.checked_add(pause).unwrap_or_else(|| far(now)));
            self.look();
        }
        let mut changes = 0;
        let path = Arc::clone(&self.path);
        let settings = Arc::clone(&self.settings);
        let mut feed = Feed { path: &path, settings: &settings, left: quota, each };
        loop {
            let is_last = self.queue.len() == 1;
            let Some(front) = self.queue.front_mut() else { break };
            let role = if is_last { Role::Newest } else { Role::Older };
            match feed.drain(front, &mut self.counters, role) {
                Drained::Quota => return true,
                Drained::Begun => {
                    if !is_last && self.is_front_a_copy() {
                        self.queue.pop_front();
                    } else if self.linked && !self.read_missed() {
                        break;
                    }
                }
                // What was in it may be in a copy.
                Drained::End if self.linked && front.is_fresh() && front.has_changed() => {
                    if !self.read_missed() {
                        break;
                    }
                }
                Drained::End if is_last => {
                    self.read_error = None;
                    self.seen_at = SystemClock.now();
                    if self.behind {
                        self.look();
                    }
                    if self.queue.len() == 1 {
                        break;
                    }
                }
                // The newer file was seen before this last read, so nothing that was written
                // before it took over is missed.
                Drained::End => self.retire(&mut feed),
                Drained::Changed => {
                    changes += 1;
                    if changes > MAX_CHANGES {
                        break;
                    }
                    match self.changed(&mut feed) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => {
                            self.read_error = Some(Arc::new(error));
                            break;
                        }
                    }
                }
                Drained::Refused(error) => {
                    self.queue.pop_front();
                    self.pending = self.nothing_yet();
                    self.refuse(error);
                    break;
                }
                // A rotated file that can't be read must not hold up the newer ones.
                Drained::Failed(_) if !is_last => {
                    self.counters.gaps += 1;
                    self.queue.pop_front();
                }
                Drained::Failed(error) => {
                    self.read_error = Some(Arc::new(error));
                    break;
                }
                Drained::Torn(error) => {
                    if front.quiet() < self.settings.linger {
                        break;
                    }
                    if is_last {
                        self.read_error = Some(Arc::new(error));
                        break;
                    }
                    self.counters.gaps += 1;
                    self.retire(&mut feed);
                }
                Drained::Damaged(_) if !is_last => {
                    self.counters.gaps += 1;
                    self.queue.pop_front();
                }
                Drained::Damaged(error) => {
                    self.lose_rest(error);
                    break;
                }
            }
        }
        let more = self.drain_lingering(&mut feed);
        self.close_if_gone(&mut feed);
        more
    }

    /// What is left of the newest file, an archive, is lost.
    fn lose_rest(&mut self, error: Error) {
        self.counters.gaps += u64::from(!std::mem::replace(&mut self.damaged, true));
        self.read_error = Some(Arc::new(error));
    }

    /// Whether an archive is being read, or waits to be.
    pub(super) fn has_unread_archive(&self) -> bool {
        self.queue.front().is_some_and(Reader::is_unread_archive)
    }

    /// Looks at the path in the next turn, however short the last look is ago.
    pub(super) fn look_soon(&mut self) {
        (self.next_look, self.next_listing) = (None, None);
    }

    /// Hands out the incomplete last lines that are held.
    pub(super) fn finish(&mut self, each: Each<'_>) -> Turn {
        let before = self.counters;
        let path = Arc::clone(&self.path);
        let settings = Arc::clone(&self.settings);
        let mut feed = Feed { path: &path, settings: &settings, left: Quota::NONE, each };
        let lingering = self.lingering.iter_mut().map(|lingering| &mut lingering.reader);
        for reader in lingering.chain(self.queue.front_mut()) {
            feed.partial(reader, &mut self.counters);
        }
        // Nobody waits for the rest of an archive any longer.
        if self.queue.len() == 1 && self.queue[0].is_torn() {
            self.lose_rest(feed::torn(&path));
        }
        self.turned(&before, false)
    }

    /// Moves the front file, which was read to its end after a newer one was seen, to those that
    /// may still grow.
    fn retire(&mut self, feed: &mut Feed<'_>) {
        let Some(mut reader) = self.queue.pop_front() else { return };
        feed.ended(&mut reader, &mut self.counters);
        self.lingering.push(Lingering { reader, since: Instant::now() });
        if self.lingering.len() > MAX_LINGERING {
            let mut oldest = self.lingering.remove(0);
            feed.partial(&mut oldest.reader, &mut self.counters);
            self.remember(&oldest.reader);
        }
    }

    /// Reads late writes to rotated files, and lets go of those that have been quiet for the
    /// grace period. The newest one is kept until the next rotation, unless it is deleted.
    fn drain_lingering(&mut self, feed: &mut Feed<'_>) -> bool {
        let mut more = false;
        let mut index = 0;
        while let Some(lingering) = self.lingering.get_mut(index) {
            let before = self.counters.lines;
            let drained = feed.drain(&mut lingering.reader, &mut self.counters, Role::Older);
            if self.counters.lines > before {
                lingering.since = Instant::now();
            }
            let done = match drained {
                Drained::Quota => {
                    more = true;
                    break;
                }
                Drained::End | Drained::Torn(_) => {
                    let quiet = lingering.since.elapsed() >= self.settings.linger;
                    if quiet {
                        feed.partial(&mut lingering.reader, &mut self.counters);
                    }
                    let is_newest = index + 1 == self.lingering.len();
                    quiet && (!is_newest || is_deleted(&self.lingering[index].reader))
                }
                Drained::Begun => {
                    if lingering.reader.is_copy_of_any(&mut self.queue) {
                        self.lingering.remove(index);
                    }
                    continue;
                }
                Drained::Refused(_)
                | Drained::Changed
                | Drained::Failed(_)
                | Drained::Damaged(_) => {
                    feed.partial(&mut lingering.reader, &mut self.counters);
                    true
                }
            };
            if done {
                let closed = self.lingering.remove(index);
                self.remember(&closed.reader);
            } else {
                index += 1;
            }
        }
        more
    }

    /// Lets go of a deleted file whose path stayed empty for the grace period.
    fn close_if_gone(&mut self, feed: &mut Feed<'_>) {
        let gone = self.missing_since.is_some_and(|at| at.elapsed() >= self.settings.linger);
        if !gone || self.queue.len() != 1 || !is_deleted(&self.queue[0]) {
            return;
        }
        if let Some(mut reader) = self.queue.pop_front() {
            feed.partial(&mut reader, &mut self.counters);
            self.remember(&reader);
        }
        self.missing_since = None;
        self.pending = self.nothing_yet();
    }

    fn remember(&mut self, closed: &Reader) {
        if self.past.len() == MAX_PAST {
            self.past.pop_front();
        }
        self.past.push_back(closed.position());
    }

    /// Where the files stand that are open, and those that were.
    pub(super) fn positions(&self) -> Vec<Position> {
        self.checkpoint().positions.into_iter().chain(self.past.iter().copied()).collect()
    }

    fn refuse(&mut self, error: Error) {
        let thing = Thing::at(&self.path, error.is_io());
        self.refused = Some(Refused { error: Arc::new(error), thing });
    }

    /// Where the source stands, exactly after the last line handed out.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let (taken, positions) = match self.queue.front() {
            None => (self.pending.taken, self.pending.positions.clone()),
            Some(front) => {
                let lingering = self.lingering.iter().map(|lingering| &lingering.reader);
                let readers = lingering.chain([front]);
                let taken = front.unread_since().unwrap_or_else(|| SystemClock.now());
                (taken, readers.map(Reader::position).collect())
            }
        };
        Checkpoint { source: self.key.clone(), taken, positions, cursor: None }
    }

    /// The same, unless it is what this told last.
    pub(super) fn take_checkpoint(&mut self) -> Option<Checkpoint> {
        let readers = self.lingering.iter().map(|lingering| &lingering.reader);
        let places: Vec<_> = readers.chain(self.queue.front()).map(Reader::place).collect();
        let told = Some((places, self.counters));
        // Without a file it is where to begin, which nothing here tells apart.
        if !self.queue.is_empty() && self.told == told {
            return None;
        }
        self.told = told;
        Some(self.checkpoint())
    }

    /// Whether other files stand here than [`Source::take_checkpoint`] told of last.
    pub(super) fn has_other_files(&self) -> bool {
        let Some((told, _)) = &self.told else { return true };
        let readers = self.lingering.iter().map(|lingering| &lingering.reader);
        let ids = readers.chain(self.queue.front()).map(Reader::id);
        !ids.eq(told.iter().map(|(id, ..)| *id))
    }

    pub(super) fn status(&self) -> SourceStatus {
        let error =
            self.refused.as_ref().map(|refused| &refused.error).or(self.read_error.as_ref());
        let lingering = self.lingering.iter().map(|lingering| &lingering.reader);
        SourceStatus {
            path: self.path.to_path_buf(),
            state: match (error, self.queue.is_empty()) {
                (Some(_), _) => SourceState::Failed,
                (None, true) => SourceState::Waiting,
                (None, false) => SourceState::Following,
            },
            lines: self.counters.lines,
            bytes: self.counters.bytes,
            cut_lines: self.counters.cut_lines,
            invalid_utf8_lines: self.counters.invalid_utf8_lines,
            rotations: self.counters.rotations,
            truncations: self.counters.truncations,
            gaps: self.counters.gaps,
            dropped: 0,
            bytes_left: self.queue.iter().chain(lingering).map(Reader::bytes_left).sum(),
            error: error.cloned(),
        }
    }
}

/// About a century on: an interval too long for the clock means as good as never.
fn far(now: Instant) -> Instant {
    now.checked_add(Duration::from_secs(3_000_000_000)).unwrap_or(now)
}

fn is_deleted(reader: &Reader) -> bool {
    reader.metadata().is_ok_and(|metadata| std::os::unix::fs::MetadataExt::nlink(&metadata) == 0)
}
