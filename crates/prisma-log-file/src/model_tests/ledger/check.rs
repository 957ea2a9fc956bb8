//! What must hold between steps.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use super::limits::is_counted;
use super::lines::{How, Lines, records_in};
use super::{Id, Ledger, Line, State};
use crate::fs::Kind;
use crate::model_tests::disk::{Disk, Ino, Pid, Removal};
use crate::model_tests::names::{self, Key};
use crate::schedule::Schedule;

impl Ledger {
    /// Every record that changed its place is where it ought to be, nothing is broken, and nothing
    /// of others was touched.
    pub(in super::super) fn check(&mut self, disk: &mut Disk) -> Result<(), String> {
        let touched: Vec<Ino> = disk.touched.keys().copied().collect();
        self.settle(disk)?;
        for ino in touched {
            if let Some(content) = self.foreign.get(&ino)
                && disk.exists(ino)
                && disk.node(ino).links > 0
                && disk.bytes(ino) != content
            {
                return Err(format!("somebody else's file #{ino} was written to"));
            }
            let broken = self.files.get(&ino).and_then(|lines| {
                lines.broken().find(|offset| !self.explained.contains(&(ino, *offset)))
            });
            if let Some(offset) = broken {
                return Err(format!("file #{ino} has a broken line at {offset}"));
            }
        }
        for id in std::mem::take(&mut self.changed) {
            let line = &self.lines[id];
            let places = match line.places {
                0 | 1 => line.places,
                _ => self.different_places(disk, id),
            };
            let right = match line.state {
                State::Acknowledged => (1..=line.most).contains(&places),
                // Under way in a process that died, or that another one interrupts.
                State::Waiting => places <= line.most,
                State::Gone(_) | State::Refused => places == 0,
            };
            if !right {
                return Err(format!("record {id} is {:?} and in {places} files", line.state));
            }
        }
        Ok(())
    }

    /// In how many files the record is, an archive and its compressed form counted as one.
    fn different_places(&self, disk: &Disk, id: Id) -> usize {
        let holding = self
            .files
            .iter()
            .flat_map(|(ino, lines)| lines.ids().filter(|found| *found == id).map(|_| *ino));
        let mut keys = BTreeSet::new();
        let mut others = 0;
        for ino in holding {
            let archive = disk.name_of(ino).and_then(|(folder, name)| {
                names::archive(name).map(|(key, packed)| (folder, key, packed))
            });
            if archive.is_none_or(|archive| !keys.insert(archive)) {
                others += 1;
            }
        }
        let both = keys
            .iter()
            .filter(|(folder, key, packed)| !packed && keys.contains(&(*folder, *key, true)));
        keys.len() - both.count() + others
    }

    /// Records of one service stand in the order in which it logged them, within a file and from
    /// archive to archive.
    pub(in super::super) fn check_order(&self, disk: &Disk, folder: Ino) -> Result<(), String> {
        let mut files: Vec<(Option<Key>, Ino)> = Vec::new();
        for (name, ino) in disk.entries(folder) {
            match names::archive(name) {
                Some((key, packed)) => {
                    let twice = packed && files.iter().any(|(other, _)| *other == Some(key));
                    if !twice {
                        files.push((Some(key), *ino));
                    }
                }
                None if name == names::BASE => files.push((None, *ino)),
                None => {}
            }
        }
        // The current file is the newest.
        files.sort_by_key(|(key, _)| (key.is_none(), *key));
        let mut last: Vec<Option<Id>> = Vec::new();
        for (_, ino) in files {
            let Some(lines) = self.files.get(&ino) else { continue };
            for id in lines.ids() {
                let line = &self.lines[id];
                if line.service >= last.len() {
                    last.resize(line.service + 1, None);
                }
                if line.most > 1 || line.recovered {
                    continue;
                }
                if let Some(before) = last[line.service].replace(id).filter(|before| *before > id) {
                    return Err(format!("record {id} stands after record {before}"));
                }
            }
        }
        Ok(())
    }

    /// Names were removed that a sink may remove, and because they had to go.
    pub(super) fn check_removal(&self, removal: &Removal) -> Result<(), String> {
        let limits = &self.limits;
        let name = &*removal.name;
        let entry = removal.beside.iter().find(|entry| entry.name == name);
        let Some(entry) = entry else { return Ok(()) };
        let refused = |why: &str| {
            let beside: Vec<_> =
                removal.beside.iter().map(|e| (&e.name, e.len, e.modified)).collect();
            let wall = removal.wall;
            Err(format!("{name:?} was removed at {wall}, though {why}: {beside:?}"))
        };
        // A link of its own, and what was half compressed.
        if entry.kind == Kind::Link || names::temporary(name) && entry.kind == Kind::Regular {
            return Ok(());
        }
        let regular = removal.beside.iter().filter(|entry| entry.kind == Kind::Regular);
        let archives: Vec<_> =
            regular.filter_map(|entry| Some((names::archive(&entry.name)?, entry))).collect();
        if name == names::BASE && limits.archives == Some(0) {
            return Ok(());
        }
        let Some((key, packed)) = names::archive(name).filter(|_| entry.kind == Kind::Regular)
        else {
            return refused("it is no archive");
        };
        if archives
            .iter()
            .any(|((other, other_packed), _)| *other == key && *other_packed != packed)
        {
            return Ok(());
        }
        // Somebody deleted one form of the archive while it was compressed: the other goes as well.
        let deleted = if packed { &removal.missed } else { &removal.deleted };
        if deleted.as_deref().and_then(names::archive) == Some((key, !packed)) {
            return Ok(());
        }
        let over_age = limits.age.is_some_and(|age| {
            let idle = removal.wall.saturating_since(entry.modified);
            idle >= std::time::Duration::from_secs(age)
        });
        if over_age {
            return Ok(());
        }
        if archives.iter().any(|((other, _), _)| *other < key) && !removal.unknown {
            return refused("an older one stays");
        }
        let mut keys: Vec<Key> = archives.iter().map(|((key, _), _)| *key).collect();
        keys.dedup();
        let counted = removal.beside.iter().filter(|entry| is_counted(&entry.name));
        let total: u64 = counted.map(|entry| entry.len).sum();
        // One more archive, or one more batch, may be about to come.
        let over = limits.archives.is_some_and(|most| keys.len() >= most.max(1))
            || limits.archives == Some(0)
            || limits.total_bytes.is_some_and(|most| total + limits.batch > most)
            || limits.free_space.is_some_and(|least| removal.available < least + limits.batch)
            || limits.when_full.is_some_and(|keep| keys.len() > keep && removal.full);
        if over { Ok(()) } else { refused("no limit asks for it") }
    }

    /// The limits hold, after a call of a sink that ended well.
    ///
    /// Others may have written meanwhile as much as `others`.
    pub(in super::super) fn check_limits(
        &self,
        disk: &Disk,
        folder: Ino,
        others: u64,
    ) -> Result<(), String> {
        self.limits.check(disk, folder, others)
    }

    /// The record was not written into a file that was due to be rotated.
    pub(in super::super) fn check_period(
        &self,
        disk: &Disk,
        id: Id,
        schedule: &Schedule,
    ) -> Result<(), String> {
        let Line { written, recovered, .. } = self.lines[id];
        if recovered {
            return Ok(());
        }
        for (ino, lines) in &self.files {
            let before = lines.ids().take_while(|before| *before != id);
            // A file that holds later ones already, as the clock was set back, is not due.
            let last = before.map(|before| self.lines[before].written).max();
            let Some(last) = last.filter(|_| lines.ids().any(|other| other == id)) else {
                continue;
            };
            let end = schedule.next_after(last);
            if written >= last && end.is_some_and(|end| written >= end) {
                let name = disk.name_of(*ino).map(|(_, name)| name);
                return Err(format!(
                    "record {id} of {written} is in {name:?}, behind one of {last}"
                ));
            }
        }
        Ok(())
    }

    /// Nothing is in the folder but what belongs there.
    pub(in super::super) fn check_stray(
        &self,
        disk: &Disk,
        folder: Ino,
        allowed: impl Fn(&OsStr, Ino) -> bool,
    ) -> Result<(), String> {
        for (name, ino) in disk.entries(folder) {
            let ours = name == names::BASE
                || name == names::LOCK
                || name == names::TORN
                || names::archive(name).is_some();
            if !ours && !allowed(name, *ino) {
                return Err(format!("{name:?} is left over"));
            }
        }
        if let Some(ino) = disk.lookup(folder, OsStr::new(names::BASE))
            && let Some(offset) = self.files.get(&ino).and_then(Lines::broken_tail)
            // One that ends like any other line can't be told by its end: the power took away what
            // had set the half record before it apart.
            && !(disk.bytes(ino).ends_with(b"\n") && self.explained.contains(&(ino, offset)))
        {
            return Err(format!("the current file is broken at {offset} after it was opened anew"));
        }
        Ok(())
    }

    /// A flush said that everything the process took is on stable storage.
    pub(in super::super) fn check_stable(&mut self, disk: &Disk, pid: Pid) -> Result<(), String> {
        let files = disk.stable_files();
        let there =
            files.into_iter().flat_map(|text| records_in(text, &self.lines)).map(|(_, id)| id);
        let there: BTreeSet<Id> = there.collect();
        for (id, line) in self.lines.iter_mut().enumerate() {
            let promised = line.process == pid
                && line.state == State::Acknowledged
                && line.places > 0
                // The one that is left may be a dead process's.
                && line.most == 1
                && !line.in_doubt;
            if promised && !there.contains(&id) {
                return Err(format!("record {id} would not survive a power cut after a flush"));
            }
            line.stable |= promised;
        }
        Ok(())
    }

    /// A flush failed: what the process took may not be on stable storage.
    pub(in super::super) fn doubt(&mut self, pid: Pid) {
        let written = self.lines.iter_mut().filter(|line| {
            line.process == pid && line.state == State::Acknowledged && !line.stable
        });
        written.for_each(|line| line.in_doubt = true);
    }

    /// Names the files that hold a record, for whoever looks at a failed case.
    pub(in super::super) fn show(&self) -> String {
        let shown = self.files.iter().filter(|(_, lines)| lines.how != How::Not);
        let shown = shown.map(|(ino, lines)| {
            let ids: Vec<Id> = lines.ids().collect();
            let broken: Vec<usize> = lines.broken().collect();
            format!("    #{ino}: {ids:?}, broken at {broken:?}\n")
        });
        shown.collect()
    }
}
