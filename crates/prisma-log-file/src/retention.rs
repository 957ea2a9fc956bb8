//! Which archives are kept.

use std::time::Duration;

use prisma_log_core::Timestamp;

use crate::names::Archive;

/// Which archives are kept; each limit that is set holds, and what is over it goes, oldest first.
///
/// Where a file is rotated and no limit is set, 5 archives are kept. Only regular files whose
/// name is exactly what a rotation of this file gives are ever deleted.
///
/// ```
/// use std::time::Duration;
/// use prisma_log_file::Retention;
///
/// let month = Duration::from_secs(30 * 24 * 3600);
/// let retention = Retention::new().age(month).total_bytes(1_000_000_000);
/// # drop(retention);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it does nothing until a sink's builder has it"]
pub struct Retention {
    pub(crate) archives: Option<usize>,
    pub(crate) age: Option<Duration>,
    pub(crate) total_bytes: Option<u64>,
    pub(crate) free_space: Option<u64>,
}

/// An archive in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) archive: Archive,
    /// Bytes.
    pub(crate) len: u64,
    pub(crate) modified: Timestamp,
}

impl Retention {
    /// How many archives are kept where no limit is set.
    pub(crate) const DEFAULT_ARCHIVES: usize = 5;

    /// No limit set.
    pub fn new() -> Self {
        Retention::default()
    }

    /// At most this many archives are kept beside the current file.
    ///
    /// **0 deletes the current file when it is rotated**: every record in it is gone. It is never
    /// chosen for you.
    pub fn archives(mut self, count: usize) -> Self {
        self.archives = Some(count);
        self
    }

    /// Archives go once nothing has been written to them for longer than this, by the clock of
    /// the system; compression doesn't make them younger.
    pub fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Archives and the current file together hold at most this many bytes; at least 8,192.
    ///
    /// Unless the rotation has a size of its own, the file is then rotated at an eighth of it.
    pub fn total_bytes(mut self, bytes: u64) -> Self {
        self.total_bytes = Some(bytes);
        self
    }

    /// Archives go, if need be all of them, while the file system has less than this many bytes
    /// available, whoever else fills it.
    pub fn free_space(mut self, bytes: u64) -> Self {
        self.free_space = Some(bytes);
        self
    }

    /// With the default limit if none is set.
    pub(crate) fn or_default(self) -> Self {
        if self == Retention::new() { self.archives(Self::DEFAULT_ARCHIVES) } else { self }
    }

    /// Which of `archives`, oldest first, have to go, in that order.
    ///
    /// `current` is the length of everything else that counts: the current file with what is about
    /// to be written to it, and temporary files. `available` is what the file system has left for
    /// us, if that is known.
    pub(crate) fn surplus(
        &self,
        archives: &[Found],
        current: u64,
        now: Timestamp,
        available: Option<u64>,
    ) -> Vec<usize> {
        let over_age =
            |found: &Found| self.age.is_some_and(|age| now.saturating_since(found.modified) > age);
        let len = |over: bool| {
            let counted = archives.iter().filter(move |found| over_age(found) == over);
            counted.map(|found| u128::from(found.len)).sum::<u128>()
        };
        let mut kept = archives.iter().filter(|found| !over_age(found)).count();
        let mut total = u128::from(current) + len(false);
        let mut available = available.map(|available| u128::from(available) + len(true));
        let mut surplus = Vec::new();
        for (index, found) in archives.iter().enumerate() {
            let over = self.archives.is_some_and(|most| kept > most)
                || self.total_bytes.is_some_and(|most| total > most.into())
                || available
                    .is_some_and(|left| self.free_space.is_some_and(|least| left < least.into()));
            if over_age(found) {
                surplus.push(index);
            } else if over {
                surplus.push(index);
                kept -= 1;
                total -= u128::from(found.len);
                available = available.map(|left| left + u128::from(found.len));
            }
        }
        surplus
    }
}

#[cfg(test)]
mod tests;
