//! Records that found no room: counted, to be told in the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prisma_log_core::{DropReason, Level};

/// What was dropped of one logger at one level, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) logger: Box<str>,
    pub(crate) level: Level,
    pub(crate) reason: DropReason,
    pub(crate) count: u64,
    /// Least and greatest sequence number.
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Drops since they were last told, and in all.
#[derive(Default)]
pub(crate) struct Drops {
    total: AtomicU64,
    untold: AtomicU64,
    table: Mutex<Table>,
}

type Table = BTreeMap<(Level, &'static str, Box<str>), Dropped>;

/// Holds the counts still over a fork.
pub(crate) struct Held<'a> {
    drops: &'a Drops,
    table: MutexGuard<'a, Table>,
}

impl Held<'_> {
    /// In a forked child: the parent tells what is there.
    pub(crate) fn forget(&mut self) {
        self.table.clear();
        self.drops.untold.store(0, Ordering::Relaxed);
    }
}

/// Adds drops to others of the same kind.
pub(crate) fn merge_drops(all: &mut Vec<Dropped>, more: Vec<Dropped>) {
    for drop in more {
        let same = |known: &&mut Dropped| {
            (known.level, known.reason, &known.logger) == (drop.level, drop.reason, &drop.logger)
        };
        match all.iter_mut().find(same) {
            Some(known) => {
                known.count += drop.count;
                known.first = known.first.min(drop.first);
                known.last = known.last.max(drop.last);
            }
            None => all.push(drop),
        }
    }
}

impl Drops {
    /// Counts one record.
    #[cold]
    pub(crate) fn count(&self, logger: &str, level: Level, reason: DropReason, sequence: u64) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (level, reason.as_str(), logger.into());
        let entry = table.entry(key).or_insert_with(|| Dropped {
            logger: logger.into(),
            level,
            reason,
            count: 0,
            first: sequence,
            last: sequence,
        });
        entry.count += 1;
        entry.first = entry.first.min(sequence);
        entry.last = entry.last.max(sequence);
        self.untold.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn hold(&self) -> Held<'_> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        Held { drops: self, table }
    }

    /// Records dropped since the start.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Acquire)
    }

    /// What has not been told yet.
    pub(crate) fn take(&self) -> Vec<Dropped> {
        if self.untold.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        self.untold.store(0, Ordering::Relaxed);
        std::mem::take(&mut *table).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_told_once_by_level_and_logger() {
        let drops = Drops::default();
        assert_eq!(drops.take(), []);
        for sequence in [9, 3, 5] {
            drops.count("shop", Level::Info, DropReason::QueueFull, sequence);
        }
        drops.count("shop", Level::Debug, DropReason::QueueFull, 4);
        let told: Vec<_> =
            drops.take().iter().map(|d| (d.level, d.count, d.first, d.last)).collect();
        assert_eq!(told, [(Level::Debug, 1, 4, 4), (Level::Info, 3, 3, 9)]);
        assert_eq!(drops.take(), []);
        assert_eq!(drops.total(), 4);
    }
}
