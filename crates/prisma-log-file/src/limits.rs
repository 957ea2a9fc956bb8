//! Which archives go, and when.

use std::time::{Duration, Instant};

use prisma_log_core::{Error, Timestamp};

use crate::Retention;
use crate::archives::Listing;
use crate::compress::{Compressor, remove_stale};
use crate::failure::BackOff;
use crate::file::LogFile;
use crate::lock::RotationLock;
use crate::plan::Plan;

/// How long what the file system said about its free space is believed.
const BELIEVED: Duration = Duration::from_secs(1);

/// What is remembered of the archives, so that the folder need not be read for each batch.
#[derive(Default)]
pub(crate) struct Kept {
    /// `None` when the folder has to be read again.
    known: Option<Known>,
    /// How often the compressor had changed something by then.
    generation: u64,
    /// When the file system was asked for its free space, and what was left of it since.
    free: Option<(Instant, u64)>,
    /// How much the compressor may need: room that nothing else is to take.
    reserved: u64,
    deleting: BackOff,
}

#[derive(Clone, Copy)]
struct Known {
    archives: usize,
    bytes: u64,
    temporary: u64,
    oldest: Option<Timestamp>,
}

impl Kept {
    /// Others may have rotated.
    pub(crate) fn outdated(&mut self) {
        self.known = None;
    }

    /// When archives that are to go at `time` may be deleted.
    pub(crate) fn not_before(&self, time: Instant) -> Instant {
        self.deleting.not_before(time)
    }

    fn learn(&mut self, listing: &Listing, from: usize) {
        let kept = &listing.archives[from..];
        self.known = Some(Known {
            archives: kept.len(),
            bytes: kept.iter().fold(0, |sum, found| sum.saturating_add(found.len)),
            temporary: listing.temporary,
            oldest: kept.iter().map(|found| found.modified).min(),
        });
    }
}

impl LogFile {
    /// Removes what processes that died left half-finished, and what is over a limit.
    pub(crate) fn tidy_up(&mut self) {
        let Plan { retention, packing, .. } = &self.options.plan;
        if packing.is_none() && *retention == Retention::new() {
            return;
        }
        let folder = &*self.home.folder;
        if let Err(error) = remove_stale(folder, &self.names, self.home.fs.user()) {
            let error = Error::io_at("tidy up the folder", self.home.at(), error);
            self.failures.report(&error.with_hint("tried again at the next start"));
        }
        self.keep_limits(self.opened.end);
    }

    /// Has archives compressed, if any are to be.
    ///
    /// Not before a batch is through: after a crash its records are looked for in the files that it
    /// was written to, and they are only found in plain ones.
    pub(crate) fn compress(&mut self) {
        let Some(compressor) = self.compressor.as_ref().filter(|_| self.has_written) else {
            return;
        };
        if self.kept.reserved > 0 && !compressor.is_at_work() {
            self.kept.reserved = 0;
        }
        if !std::mem::take(&mut self.to_compress) {
            return;
        }
        if self.options.plan.retention.total_bytes.is_some() {
            // What is made comes on top of what is there: the room for it is made before.
            match self.list() {
                Ok(listing) => {
                    let most = Compressor::most_of(listing.longest_plain());
                    self.kept.reserved = self.kept.reserved.max(most);
                }
                Err(error) => {
                    self.failures.report(&error.with_hint("compressed after the next rotation"));
                    return;
                }
            }
            self.keep_limits(self.opened.end);
        }
        if let Some(compressor) = &self.compressor {
            compressor.wake(&self.home.folder, self.home.at());
        }
    }

    /// How many bytes the compressor's temporary file holds, or may come to hold.
    fn compressing(&self) -> u64 {
        let made = self.compressor.as_ref().map_or(0, Compressor::temporary_bytes);
        made.max(self.kept.reserved)
    }

    /// Deletes archives that are over a limit once the current file is `size` bytes long; what
    /// fails is reported.
    pub(crate) fn keep_limits(&mut self, size: u64) {
        if self.options.plan.retention == Retention::new()
            || !self.kept.deleting.may_try(self.home.fs.now())
            || !self.is_over_limit(size)
        {
            return;
        }
        let kept = self.delete_over_limit(size);
        self.deleted(kept);
    }

    fn delete_over_limit(&mut self, size: u64) -> Result<(), Error> {
        let listing = self.list()?;
        if self.surplus(&listing, size).0.is_empty() {
            return self.delete_surplus(&listing, size);
        }
        // Under the lock: a name whose archive somebody deleted may be another's in no time, where
        // several processes rotate.
        let Some(_nobody_rotates) = RotationLock::take(self)? else {
            self.kept.outdated();
            return Ok(());
        };
        let listing = self.list()?;
        self.delete_surplus(&listing, size)
    }

    /// Takes note of how the deletion of archives went.
    pub(crate) fn deleted(&mut self, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) => self.kept.deleting.succeeded(),
            Err(error) => {
                self.kept.deleting.failed(self.home.fs.now());
                self.failures.report(&error.with_hint("tried again later"));
            }
        }
    }

    /// Whether a limit may be exceeded, going by what is remembered.
    fn is_over_limit(&mut self, size: u64) -> bool {
        let generation = self.compressor.as_ref().map_or(0, Compressor::generation);
        if generation != self.kept.generation {
            (self.kept.generation, self.kept.known) = (generation, None);
        }
        let Some(known) = self.kept.known else { return true };
        let size = size.saturating_add(known.temporary.max(self.compressing()));
        if known.archives == 0 {
            return false;
        }
        let retention = &self.options.plan.retention;
        retention.archives.is_some_and(|most| known.archives > most)
            || retention.total_bytes.is_some_and(|most| known.bytes.saturating_add(size) > most)
            || self.next_expiry().is_some_and(|time| self.home.fs.wall() > time)
            || self.is_short_of_space()
    }

    /// When the oldest archive is too old.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        let oldest = self.kept.known.and_then(|known| known.oldest)?;
        self.options.plan.retention.age.map(|age| oldest.saturating_add(age))
    }

    fn is_short_of_space(&mut self) -> bool {
        let Some(least) = self.options.plan.retention.free_space else { return false };
        let now = self.home.fs.now();
        let left = match self.kept.free {
            Some((asked, left)) if now.saturating_duration_since(asked) < BELIEVED => left,
            _ => {
                // Unknown is not short: nothing is deleted on a guess.
                let left = self.home.folder.available().unwrap_or(u64::MAX);
                self.kept.free = Some((now, left));
                left
            }
        };
        left < least
    }

    /// Takes note that the file system has so much less.
    pub(crate) fn used(&mut self, bytes: u64) {
        if let Some((_, left)) = &mut self.kept.free {
            *left = left.saturating_sub(bytes);
        }
    }

    /// Which of the archives in `listing` are over a limit, and what room there is, if that matters.
    fn surplus(&self, listing: &Listing, size: u64) -> (Vec<usize>, Option<u64>) {
        let retention = &self.options.plan.retention;
        let available = retention.free_space.and_then(|_| self.home.folder.available().ok());
        let current = listing.temporary.max(self.compressing()).saturating_add(size);
        let wall = self.home.fs.wall();
        (retention.surplus(&listing.archives, current, wall, available), available)
    }

    /// Deletes what is over a limit of the archives in `listing`.
    pub(crate) fn delete_surplus(&mut self, listing: &Listing, size: u64) -> Result<(), Error> {
        let (surplus, available) = self.surplus(listing, size);
        // Not known until all went well.
        self.kept.known = None;
        for &index in &surplus {
            listing.delete(index, &self.home, &self.names)?;
        }
        // The file system may take its time to tell, and whoever has the file open keeps its space:
        // no more goes before it is asked again.
        let freed = surplus.iter().map(|&index| listing.archives[index].len).sum();
        let left = available.map(|available| available.saturating_add(freed));
        self.kept.free = left.map(|left| (self.home.fs.now(), left));
        if surplus.iter().copied().eq(0..surplus.len()) {
            self.kept.learn(listing, surplus.len());
        }
        Ok(())
    }

    /// Deletes the oldest archive because the disk is full, if that is allowed; says whether so.
    pub(crate) fn free_some(&mut self) -> bool {
        let Some(keep) = self.options.keep_when_full else { return false };
        let Ok(Some(_nobody_rotates)) = RotationLock::take(self) else { return false };
        let Ok(listing) = Listing::read(&self.home, &self.names) else { return false };
        if listing.archives.len() <= keep {
            return false;
        }
        let deleted = listing.delete(0, &self.home, &self.names);
        self.kept.outdated();
        let freed = deleted.is_ok();
        self.deleted(deleted);
        freed
    }
}
