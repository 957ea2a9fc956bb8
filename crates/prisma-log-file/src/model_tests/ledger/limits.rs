//! How much may be kept.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::fs::Kind;
use crate::model_tests::disk::{Disk, Ino};
use crate::model_tests::names::{self, Key};

/// The limits that the services of a case keep.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Limits {
    pub(in super::super) archives: Option<usize>,
    pub(in super::super) age: Option<u64>,
    pub(in super::super) total_bytes: Option<u64>,
    pub(in super::super) free_space: Option<u64>,
    pub(in super::super) when_full: Option<usize>,
    /// Most bytes that one write may add.
    pub(in super::super) batch: u64,
}

impl Limits {
    /// They hold now.
    pub(in super::super) fn check(
        &self,
        disk: &Disk,
        folder: Ino,
        others: u64,
    ) -> Result<(), String> {
        let listed = disk.list(folder);
        let regular = || listed.iter().filter(|entry| entry.kind == Kind::Regular);
        let keys: BTreeSet<Key> =
            regular().filter_map(|entry| Some(names::archive(&entry.name)?.0)).collect();
        if self.archives.is_some_and(|most| keys.len() > most) {
            return Err(format!("{} archives are kept: {listed:?}", keys.len()));
        }
        let total: u64 = regular().filter(|entry| is_counted(&entry.name)).map(|e| e.len).sum();
        let current = disk.lookup(folder, OsStr::new(names::BASE));
        let current = current.map_or(0, |ino| disk.bytes(ino).len() as u64);
        if self.total_bytes.is_some_and(|most| total > most.max(current) + others) {
            return Err(format!("the files hold {total} bytes: {listed:?}"));
        }
        Ok(())
    }
}

/// Whether a file of this name counts towards the total.
pub(super) fn is_counted(name: &OsStr) -> bool {
    name == names::BASE || names::archive(name).is_some() || names::temporary(name)
}
