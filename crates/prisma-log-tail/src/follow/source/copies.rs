//! Copies that were made of a file before it was cut in place: what was not read of it is in there.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Clock, Error, SystemClock, Timestamp};

use super::super::archive::Limits;
use super::super::identity::{FileId, Position, least_time, mtime};
use super::super::reader::Reader;
use super::super::siblings::{self, Found};
use super::{Feed, Source};

/// A copy made by `copytruncate` is younger than the last look at the file that was whole, up to
/// the clocks' differences.
const COPY_SLACK: Duration = Duration::from_secs(2);

impl Source {
    /// Deals with a front file whose content is not what was read of it; `false` when that has to
    /// wait for the next turn.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn changed(&mut self, feed: &mut Feed<'_>) -> Result<bool, Error> {
        let Some(front) = self.queue.front_mut() else { return Ok(true) };
        if front.rewind().map_err(|error| Error::io_at("read", &self.path, error))? {
            return Ok(true);
        }
        let now = SystemClock.now();
        let copies = match front.unread_since() {
            Some(since) => self.missed(since),
            None => self.copies(),
        };
        let Some(copies) = copies else { return Ok(false) };
        let Some(front) = self.queue.front_mut() else { return Ok(true) };
        self.counters.truncations += 1;
        if copies.is_empty() {
            feed.partial(front, &mut self.counters);
        }
        front.restart(now);
        self.read_first(copies, now);
        Ok(true)
    }

    /// Whether the front file is no file that was rotated away, but a copy of a newer one, which may
    /// still be written to the end.
    pub(super) fn is_front_a_copy(&mut self) -> bool {
        let Some(mut front) = self.queue.pop_front() else { return false };
        let is_copy = front.is_copy_of_any(&mut self.queue);
        self.queue.push_front(front);
        is_copy
    }

    /// Puts what was missed of the front file, of which nothing was read yet, before it: it may have
    /// been cut since it is known. `false` when that has to wait for the next turn.
    pub(super) fn read_missed(&mut self) -> bool {
        let Some(since) = self.queue.front().and_then(Reader::unread_since) else { return true };
        let now = SystemClock.now();
        let missed = self.missed(since);
        let Some(front) = self.queue.front_mut() else { return true };
        match missed {
            Some(missed) if missed.is_empty() => {
                front.set_known(now);
                true
            }
            Some(missed) => {
                self.counters.truncations += missed.len() as u64;
                front.restart(now);
                self.read_first(missed, now);
                true
            }
            None => {
                // As it was: its text is read again then.
                front.unread_all();
                false
            }
        }
    }

    /// Copies that hold what was not read of the front file, which was cut since, oldest first; `None`
    /// to try again later. It may have been cut more than once.
    fn copies(&mut self) -> Option<Vec<Reader>> {
        let since = self.seen_at.saturating_sub(COPY_SLACK).unix_nanos();
        let mut listed = self.before_front(|file| file.ctime >= since)?;
        let limits = self.settings.archives;
        let position = self.queue.front()?.position();
        let is_text = |_: &Found, _: &Position| true;
        let (index, file, metadata) =
            match siblings::find(&self.path, &listed, &position, &[], is_text, limits) {
                Ok(None) => return None,
                Ok(Some(None)) => return Some(Vec::new()),
                Ok(Some(Some(found))) => found,
                // What is in the copies is lost, and not what comes.
                Err(_) => {
                    self.counters.gaps += 1;
                    return Some(Vec::new());
                }
            };
        let newer = self.open_copies(&listed.split_off(index + 1), true)?;
        let first = Reader::resume(file, &metadata, &position);
        self.counters.gaps += u64::from(first.is_err());
        Some(first.into_iter().chain(newer).collect())
    }

    /// Copies of the front file, of which nothing was read, made since this time, oldest first; `None`
    /// to try again later.
    fn missed(&mut self, since: Timestamp) -> Option<Vec<Reader>> {
        if !has_changed(&self.path, since) {
            return Some(Vec::new());
        }
        let known = Arc::clone(&self.pending.known);
        let stood_there =
            |file: &Found| known.contains(&file.id) && file.birth <= since.unix_nanos();
        let missed =
            self.before_front(|file| file.is_written_since(since) && !stood_there(file))?;
        let may_be_hole = self.queue.front()?.may_be_hole();
        self.open_copies(&missed, may_be_hole)
    }

    /// Rotated files that were written before the front one and that nobody reads, among those that
    /// are `wanted`; `None` to try again later.
    fn before_front(&mut self, wanted: impl Fn(&Found) -> bool) -> Option<Vec<Found>> {
        let limits = self.settings.archives;
        let mut listed = siblings::list(&self.path, limits)?;
        let newer: Vec<FileId> = self.queue.iter().skip(1).map(Reader::id).collect();
        let front = self.queue.front_mut()?;
        let place = listed.iter().position(|file| file.id == front.id());
        let place = place.or_else(|| listed.iter().rposition(|f| f.is_copy_of(front, limits)));
        let place = place.or_else(|| listed.iter().position(|file| newer.contains(&file.id)));
        listed.truncate(place.unwrap_or(listed.len()));
        // One without text may be a copy that was begun.
        let read = self.lingering.iter_mut().map(|lingering| &mut lingering.reader);
        let read = read.filter(|reader| !reader.is_fresh());
        let mut read = Read { readers: read.collect(), past: &self.past, limits };
        Some(read.unread(&listed, wanted))
    }

    /// Opens files that hold what a log had before it was cut; `cut`: the oldest of them may start
    /// with a hole, as the others may.
    pub(super) fn open_copies(&mut self, copies: &[Found], mut cut: bool) -> Option<Vec<Reader>> {
        let mut readers = Vec::new();
        for copy in copies.chunks(1) {
            let opened = siblings::open_all(&self.path, copy, cut, self.settings.archives)?;
            self.counters.gaps += opened.unread;
            for (file, metadata, _) in opened.files {
                let reader = match cut {
                    true => Reader::after_cut(file, &metadata),
                    false => Reader::new(file, &metadata, 0),
                };
                self.counters.gaps += u64::from(reader.is_err());
                readers.extend(reader);
            }
            cut = true;
        }
        Some(readers)
    }

    fn read_first(&mut self, copies: Vec<Reader>, now: Timestamp) {
        for copy in copies.into_iter().rev() {
            self.lingering.retain(|lingering| lingering.reader.id() != copy.id());
            self.queue.push_front(copy.known_since(now));
        }
    }
}

/// Whether files came or went beside the log since this time.
pub(super) fn has_changed(path: &Path, since: Timestamp) -> bool {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::metadata(dir).map_or(true, |metadata| mtime(&metadata) >= least_time(since))
}

/// What was read before a file.
pub(super) struct Read<'r> {
    pub(super) readers: Vec<&'r mut Reader>,
    pub(super) past: &'r VecDeque<Position>,
    pub(super) limits: Limits,
}

impl Read<'_> {
    /// Rotated files with text that are `wanted` and newer than all that was read.
    pub(super) fn unread(
        &mut self,
        listed: &[Found],
        wanted: impl Fn(&Found) -> bool,
    ) -> Vec<Found> {
        let mut unread = Vec::new();
        for file in listed.iter().filter(|file| !file.current) {
            let is_open = self.readers.iter().any(|reader| reader.id() == file.id);
            let is_wanted = wanted(file);
            if is_open || is_wanted && self.is_copy(file) {
                unread.clear();
            } else if is_wanted && file.has_whole_text(self.limits) {
                // One that is being written is taken when it is written.
                unread.push(file.clone());
            }
        }
        unread
    }

    fn is_copy(&mut self, file: &Found) -> bool {
        let limits = self.limits;
        self.past.iter().any(|at| file.is_inode_of(at) || file.is_text_of(at, limits))
            || self.readers.iter_mut().any(|reader| file.is_copy_of(reader, limits))
    }
}
