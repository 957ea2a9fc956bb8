//! From one file to the next: another file at the path.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use prisma_log_core::{Clock, Error, SystemClock};

use super::super::identity::{FileId, mtime};
use super::super::open::{check_text, not_regular, open};
use super::super::reader::Reader;
use super::super::siblings::{self, Found};
use super::{MAX_QUEUE, Source};

impl Source {
    /// Sees whether another file took the place of the newest known one, and queues it and all
    /// that came in between.
    pub(super) fn check_path(&mut self) {
        let now = SystemClock.now();
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.missing_since.get_or_insert_with(Instant::now);
                }
                return;
            }
        };
        self.missing_since = None;
        self.behind = false;
        let Some(last) = self.queue.back() else { return };
        if FileId::of(&metadata) == last.id() {
            return;
        }
        if !metadata.is_file() {
            return self.refuse(not_regular(&self.path, &metadata));
        }
        let room = MAX_QUEUE.saturating_sub(self.queue.len());
        if room == 0 {
            self.behind = true;
            return;
        }
        let last = last.id();
        let Some(listed) = siblings::list(&self.path, self.settings.archives) else { return };
        let (mut newer, gap) = self.newer(listed, last);
        let has_room = newer.len() <= room;
        newer.truncate(room);
        let Some(opened) = siblings::open_all(&self.path, &newer, false, self.settings.archives)
        else {
            return;
        };
        self.behind = !has_room;
        if newer.last().is_some_and(|file| file.current)
            && !opened.files.iter().any(|&(_, _, current)| current)
            && let Err(error) = open(&self.path, self.settings.archives)
        {
            self.refuse(error);
        }
        self.counters.gaps += opened.unread + u64::from(gap);
        for (mut content, metadata, current) in opened.files {
            if current && let Err(error) = check_text(&self.path, &mut content) {
                self.refuse(error);
                continue;
            }
            // A rotated file that was put back is read on where it was left.
            let id = FileId::of(&metadata);
            let known = self.lingering.iter().position(|lingering| lingering.reader.id() == id);
            let reader = match known {
                Some(index) => Ok(self.lingering.remove(index).reader),
                None => Reader::new(content, &metadata, 0),
            };
            match reader {
                Ok(reader) => self.queue.push_back(reader.known_since(now)),
                Err(error) => {
                    let error = Error::io_at("read", &self.path, error);
                    self.read_error = Some(Arc::new(error));
                    return;
                }
            }
            self.counters.rotations += 1;
        }
    }

    /// The files that came after the newest known one, and whether some between may be lost.
    fn newer(&mut self, listed: Vec<Found>, anchor: FileId) -> (Vec<Found>, bool) {
        let lingering: Vec<FileId> = self.lingering.iter().map(|it| it.reader.id()).collect();
        let lingers = |file: &Found| lingering.contains(&file.id);
        let index = listed.iter().position(|file| file.id == anchor);
        // It may have been compressed and deleted since.
        let index = index.or_else(|| {
            let last = self.queue.back_mut()?;
            listed.iter().rposition(|file| file.is_copy_of(last, self.settings.archives))
        });
        if let Some(index) = index {
            let newer = listed.into_iter().skip(index + 1);
            return (newer.filter(|file| file.current || !lingers(file)).collect(), false);
        }
        // The newest known file was deleted or moved away. What was written to after its last change
        // is newer than it.
        let last = self.queue.back();
        let metadata = last.and_then(|last| last.metadata().ok());
        let since = metadata.map_or(i64::MIN, |metadata| mtime(&metadata));
        let queued: Vec<FileId> = self.queue.iter().map(Reader::id).collect();
        let rotated = listed.iter().filter(|file| !file.current).count();
        let mut newer = listed;
        newer.retain(|file| {
            let is_newer = file.current || file.mtime >= since && !lingers(file);
            is_newer && !queued.contains(&file.id) && !self.has_copy(file)
        });
        let newer_rotated = newer.iter().filter(|file| !file.current).count();
        // If no older file is left, files between the last known and the oldest may be gone too.
        (newer, rotated > 0 && rotated == newer_rotated)
    }

    /// Whether the file is an archive or a copy of one that is open, or was.
    fn has_copy(&mut self, file: &Found) -> bool {
        // What the open file read may be in a copy only, which is looked at when that is seen.
        let read = self.queue.iter().map(Reader::position);
        let mut known = self.past.iter().copied().chain(read);
        if known.any(|at| file.is_text_of(&at, self.settings.archives)) {
            return true;
        }
        let lingering = self.lingering.iter_mut().map(|lingering| &mut lingering.reader);
        let mut open = self.queue.iter_mut().chain(lingering);
        open.any(|reader| file.is_copy_of(reader, self.settings.archives))
    }
}
