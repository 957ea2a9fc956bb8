//! From no open file to the first one: at the start, after a restart, and when a file appears.

use std::collections::HashSet;
use std::fs::Metadata;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, Error, SystemClock, Timestamp};

use super::super::content::Content;
use super::super::hash::FNV_START;
use super::super::identity::{FileId, Head, Position, birth, least_time, mtime};
use super::super::open::{check_text, check_text_after_hole, open};
use super::super::reader::Reader;
use super::super::siblings::{self, Found};
use super::copies::{Read, has_changed};
use super::{Checkpoint, Lingering, MAX_QUEUE, Pending, Source, Thing};

/// Time between two listings while there is no file at the path: at first, and at last.
const LISTING_INTERVAL: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

impl Source {
    /// Opens the file if it is there, and starts at its start or its end.
    pub(in super::super) fn begin(&mut self, from_start: bool) {
        // What is told by times later is told by names while times may be the same.
        if has_changed(&self.path, SystemClock.now()) {
            self.pending = self.nothing_yet();
        }
        let opened = open(&self.path, self.settings.archives).and_then(|mut opened| {
            if let Some((content, _)) = &mut opened {
                check_text(&self.path, content)?;
            }
            Ok(opened)
        });
        match opened {
            Ok(None) => self.pending = self.nothing_yet(),
            Ok(Some((content, _))) if content.is_packed() && !from_start => self.linked = false,
            Ok(Some((content, metadata))) => {
                self.linked &= !content.is_packed();
                let reader = match from_start {
                    true => Reader::new(content, &metadata, 0),
                    false => Reader::at_end(content, &metadata, self.settings.max_line),
                };
                match reader {
                    Ok(reader) => self.queue.push_back(reader),
                    Err(error) => self.refuse(Error::io_at("read", &self.path, error)),
                }
            }
            Err(error) => {
                self.pending = self.nothing_yet();
                // A log that can't be opened yet existed all the same: it is read from where it
                // ends now, once it can be opened.
                if let Ok(metadata) = std::fs::metadata(&self.path)
                    && metadata.is_file()
                    && error.is_io()
                    && !from_start
                {
                    self.pending.positions.push(Position {
                        id: FileId::of(&metadata),
                        birth: birth(&metadata),
                        mtime: mtime(&metadata),
                        offset: metadata.len(),
                        head: Head::EMPTY,
                        tail_len: 0,
                        tail_hash: FNV_START,
                        skipping: false,
                        partial_len: 0,
                        partial_hash: FNV_START,
                    });
                }
                self.refuse(error);
            }
        }
    }

    /// Begins with an archive at the path. What was read of its text before, under whatever name, is
    /// not read again: `known` are the places of logs that were read, with the paths that they are
    /// of. `is_followed`: such a log is followed too. `false` when there is no archive.
    pub(in super::super) fn begin_archive<'k>(
        &mut self,
        known: impl Iterator<Item = (&'k Path, &'k Position)>,
        is_followed: impl Fn(&Path) -> bool,
        from_start: bool,
    ) -> bool {
        let Ok(Some((mut content, metadata))) = open(&self.path, self.settings.archives) else {
            return false;
        };
        if !content.is_packed() {
            return false;
        }
        let found = known.filter(|(_, at)| at.is_text_of(&mut content, &metadata).unwrap_or(false));
        let Some((log, at)) = found.max_by_key(|(_, at)| at.offset) else {
            self.begin(from_start);
            return true;
        };
        self.linked = false;
        // A log that is followed is read on in its archives.
        if !is_followed(log) || !siblings::is_rotated_of(&self.key, log) {
            match Reader::resume(content, &metadata, at) {
                Ok(reader) => self.queue.push_back(reader),
                Err(error) => self.refuse(Error::io_at("read", &self.path, error)),
            }
        }
        true
    }

    /// Continues where a checkpoint was taken.
    pub(in super::super) fn resume(&mut self, checkpoint: &Checkpoint) {
        self.pending = Pending {
            positions: checkpoint.positions.clone(),
            taken: checkpoint.taken,
            known: Arc::default(),
            alone: None,
        };
        self.look();
    }

    /// Reads rotated files of a log that was just found, if they were written after the last
    /// search and no other source reads them. `alone`: the log, if it has no rotated files.
    pub(in super::super) fn found_since(
        &mut self,
        taken: Timestamp,
        known: Arc<HashSet<FileId>>,
        alone: Option<FileId>,
    ) {
        self.pending = Pending { positions: Vec::new(), taken, known, alone };
    }

    /// What will be written from now on, and nothing that is there.
    pub(super) fn nothing_yet(&self) -> Pending {
        let listed = siblings::list(&self.path, self.settings.archives).unwrap_or_default();
        let rotated = listed.iter().filter(|file| !file.current);
        Pending {
            positions: Vec::new(),
            taken: SystemClock.now(),
            known: Arc::new(rotated.map(|file| file.id).collect()),
            alone: None,
        }
    }

    /// Looks at what stands at the path.
    pub(super) fn look(&mut self) {
        if let Some(refused) = &self.refused {
            let with_ctime = matches!(refused.thing, Thing::Inode { ctime: Some(_), .. });
            // Other refusals of the system pass by themselves: too many open files, a lost server.
            let lasts = refused.error.io_kind().is_none_or(siblings::is_lasting);
            if lasts && Thing::at(&self.path, with_ctime) == refused.thing {
                return;
            }
            self.refused = None;
        }
        match (self.queue.is_empty(), self.linked) {
            (true, linked) if linked || !self.pending.positions.is_empty() => self.appear(),
            (false, true) => self.check_path(),
            _ => {}
        }
    }

    /// Opens what the pending positions mean, or what is there by now.
    fn appear(&mut self) {
        let now = SystemClock.now();
        // A refusal to open the log itself must not hide behind an empty listing.
        let opened = match open(&self.path, self.settings.archives) {
            Ok(opened) => opened,
            Err(error) => return self.refuse(error),
        };
        let is_missing = opened.is_none();
        if let Some((content, metadata)) = opened {
            (self.missing_since, self.next_listing) = (None, None);
            match self.without_listing(content, &metadata) {
                Ok(None) => {}
                Ok(Some(reader)) => {
                    self.pending.positions.clear();
                    self.behind = false;
                    return self.queue.push_back(reader);
                }
                Err(error) => return self.refuse(error),
            }
        } else {
            self.missing_since.get_or_insert_with(Instant::now);
            if self.next_listing.is_some_and(|at| Instant::now() < at) {
                return;
            }
        }
        let Some(listed) = siblings::list(&self.path, self.settings.archives) else { return };
        if listed.is_empty() {
            return self.list_later();
        }
        let found = match self.find_positions(&listed, now) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                return self.refuse(Error::io_at("read", &self.path, error));
            }
        };
        let Resumed { lingering, missed, front, mut newer, gap } = found;
        newer.retain(|file| lingering.iter().all(|reader| reader.id() != file.id));
        let (front, mut gaps) = (front, u64::from(gap));
        let has_room = newer.len() <= MAX_QUEUE;
        newer.truncate(MAX_QUEUE);
        let position = self.pending.positions.last().copied();
        let cut = position.is_some();
        let Some(missed) = self.open_copies(&missed, true) else { return };
        let Some(opened) = siblings::open_all(&self.path, &newer, cut, self.settings.archives)
        else {
            return;
        };
        gaps += opened.unread;
        let is_same = |metadata: &Metadata| position.is_some_and(|at| at.is_inode(metadata));
        let mut queue: Vec<Reader> = missed.into_iter().chain(front).collect();
        for (mut content, metadata, current) in opened.files {
            let may_be_hole = cut && (!current || is_same(&metadata));
            let check = if may_be_hole { check_text_after_hole } else { check_text };
            if current && let Err(error) = check(&self.path, &mut content) {
                self.refuse(error);
                continue;
            }
            self.linked &= !current || !content.is_packed();
            let reader = match may_be_hole {
                true => Reader::after_cut(content, &metadata),
                false => Reader::new(content, &metadata, 0),
            };
            match reader {
                Ok(reader) => queue.push(reader.known_since(now)),
                Err(error) => {
                    return self.refuse(Error::io_at("read", &self.path, error));
                }
            }
        }
        if queue.is_empty() {
            if is_missing {
                self.list_later();
            }
            return;
        }
        self.counters.gaps += gaps;
        self.counters.rotations += queue.len() as u64 - 1;
        self.queue.extend(queue);
        let since = Instant::now();
        self.lingering.extend(lingering.into_iter().map(|reader| Lingering { reader, since }));
        self.pending.positions.clear();
        self.behind = !has_room;
    }

    /// The file at the path as the only one to read, if that is sure without asking what stands
    /// beside it: the listing of a directory for each of its files takes long when there are many.
    fn without_listing(
        &self,
        mut content: Content,
        metadata: &Metadata,
    ) -> Result<Option<Reader>, Error> {
        let failed = |error| Error::io_at("read", &self.path, error);
        match self.pending.positions[..] {
            [] if self.pending.alone == Some(FileId::of(metadata)) => {
                check_text(&self.path, &mut content)?;
                Reader::new(content, metadata, 0).map(Some).map_err(failed)
            }
            // Nothing is newer than the file at the path.
            [at] if at.is_inode(metadata)
                && (at.offset > 0 || !has_changed(&self.path, self.pending.taken))
                && at.is_content(&mut content).map_err(failed)? =>
            {
                Reader::resume(content, metadata, &at).map(Some).map_err(failed)
            }
            _ => Ok(None),
        }
    }

    /// Lists the directory less and less often the longer there is no file at the path: when there
    /// is one, that is seen without.
    fn list_later(&mut self) {
        let now = Instant::now();
        let missing = self.missing_since.map_or(Duration::ZERO, |since| now - since);
        let [least, most] = LISTING_INTERVAL;
        self.next_listing = Some(now + missing.clamp(least, most));
    }

    /// Sorts the files by what the pending positions say about them; `None` to try again later.
    fn find_positions(
        &mut self,
        listed: &[Found],
        now: Timestamp,
    ) -> std::io::Result<Option<Resumed>> {
        let Some((front, older)) = self.pending.positions.split_last() else {
            let since = least_time(self.pending.taken);
            let is_new = |file: &&Found| {
                file.current || file.mtime >= since && !self.pending.known.contains(&file.id)
            };
            let newer = listed.iter().filter(is_new).cloned().collect();
            let (lingering, missed) = (Vec::new(), Vec::new());
            return Ok(Some(Resumed { lingering, missed, front: None, newer, gap: false }));
        };
        let limits = self.settings.archives;
        let find = |listed: &[Found], at: &Position, taken: &[(usize, Reader)]| {
            let taken: Vec<FileId> = taken.iter().map(|(_, reader)| reader.id()).collect();
            siblings::find(&self.path, listed, at, &taken, Found::is_since, limits)
        };
        let mut lingering = Vec::new();
        for (place, at) in older.iter().enumerate().filter(|(_, at)| at.offset > 0) {
            let Some(found) = find(listed, at, &lingering)? else { return Ok(None) };
            if let Some((_, content, metadata)) = found {
                lingering.push((place, Reader::resume(content, &metadata, at)?));
            }
        }
        let Some(found) = find(listed, front, &lingering)? else { return Ok(None) };
        // It may have been copied and cut since the listing: then it is in the copy.
        if found.is_none() && !siblings::has_nothing_new(&self.path, listed, limits) {
            return Ok(None);
        }
        let (mut newer, mut missed, gap) = (Vec::new(), Vec::new(), found.is_none());
        let front = if let Some((index, content, metadata)) = found {
            let reader = Reader::resume(content, &metadata, front)?.known_since(now);
            if self.linked {
                newer = listed[index + 1..].to_vec();
            }
            // It may have been cut since, which nothing in it tells.
            if front.offset == 0 && self.linked {
                let open = self.lingering.iter_mut().map(|lingering| &mut lingering.reader);
                let older = lingering.iter_mut().map(|(_, reader)| reader);
                let mut read =
                    Read { readers: open.chain(older).collect(), past: &self.past, limits };
                let is_newer = |file: &Found| file.is_written_since(self.pending.taken);
                missed = read.unread(&listed[..index], is_newer);
            }
            Some(reader)
        } else {
            // What was not read of the file is lost. Every file that was written to after it is newer.
            let is_newer = |file: &&Found| file.current || file.mtime >= front.mtime;
            newer.extend(listed.iter().filter(is_newer).filter(|_| self.linked).cloned());
            None
        };
        // A file without text may have been a copy that was begun, and be what the front file is read
        // on in by now.
        let mut taken: Vec<FileId> = front.iter().map(Reader::id).collect();
        taken.extend(missed.iter().map(|file| file.id));
        for (place, at) in older.iter().enumerate().filter(|(_, at)| at.offset == 0) {
            let same = listed.iter().find(|file| file.is_inode_of(at) && !taken.contains(&file.id));
            let Some(found) = find(same.map_or(&[], std::slice::from_ref), at, &lingering)? else {
                return Ok(None);
            };
            if let Some((_, content, metadata)) = found {
                lingering.push((place, Reader::resume(content, &metadata, at)?));
            }
        }
        lingering.sort_by_key(|&(place, _)| place);
        let lingering = lingering.into_iter().map(|(_, reader)| reader).collect();
        Ok(Some(Resumed { lingering, missed, front, newer, gap }))
    }
}

/// What pending positions led to.
struct Resumed {
    lingering: Vec<Reader>,
    /// Copies of the front file, of which nothing was read, made before it was cut.
    missed: Vec<Found>,
    front: Option<Reader>,
    /// Files to be read from their start after the front one.
    newer: Vec<Found>,
    /// The front file is gone.
    gap: bool,
}
