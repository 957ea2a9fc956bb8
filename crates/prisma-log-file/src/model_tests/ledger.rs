//! Where every record is, as the files show it, and where it ought to be.

mod check;
mod limits;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use prisma_log_core::Timestamp;

use super::disk::{Disk, Ino, Pid, Taker};
use super::names;
pub(super) use limits::Limits;
pub(super) use lines::HALF;
use lines::{How, Lines};

pub(super) type Id = usize;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not acknowledged: in its service's queue, or under way.
    Waiting,
    Acknowledged,
    /// Acknowledged, and then somebody who may removed it.
    Gone(Why),
    /// Told that it never will be written.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Retention,
    /// Deleted or cut off by another program.
    Outside,
    PowerCut,
}

pub(super) struct Line {
    pub(super) text: Box<str>,
    pub(super) service: usize,
    pub(super) state: State,
    /// Marked as recovered when it is written.
    pub(super) recovered: bool,
    /// In how many files it is.
    places: usize,
    /// In how many files it may be, by permission; 1 as a rule.
    pub(super) most: usize,
    /// When it was written.
    pub(super) written: Timestamp,
    /// The process that wrote it last.
    pub(super) process: Pid,
    /// Acknowledged as being on stable storage.
    pub(super) stable: bool,
    /// A flush said that it may not be on stable storage.
    pub(super) in_doubt: bool,
    /// It was in a file that was removed: another may hold it, such as a compressed one, but it
    /// need not be found there.
    pub(super) unfindable: bool,
    /// What it was in was removed after its writer had made sure of it.
    excused: Option<Why>,
}

/// What is counted over all cases.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) retention: u64,
    pub(super) outside: u64,
    pub(super) power_cut: u64,
    pub(super) refused: u64,
    pub(super) twice: u64,
    pub(super) broken_tails: u64,
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) lines: Vec<Line>,
    files: BTreeMap<Ino, Lines>,
    /// What others made: must stay as it is.
    foreign: BTreeMap<Ino, Vec<u8>>,
    /// Broken lines that a crash explains, by file and offset.
    explained: BTreeSet<(Ino, usize)>,
    /// Records whose number of places changed since the last check.
    changed: BTreeSet<Id>,
    /// What the services keep.
    pub(super) limits: Limits,
}

impl Ledger {
    /// A new record of so many bytes, its line end included.
    pub(super) fn record(&mut self, service: usize, size: usize) -> Id {
        let id = self.lines.len();
        let filler = char::from(b'a' + (id % 26) as u8);
        let bare = lines::HEAD + lines::TAIL + 1;
        let filler: String = std::iter::repeat_n(filler, size.saturating_sub(bare)).collect();
        self.lines.push(Line {
            text: format!("r{id:07}.{filler}.{id:07}r").into(),
            service,
            state: State::Waiting,
            recovered: false,
            places: 0,
            most: 1,
            written: Timestamp::UNIX_EPOCH,
            process: 0,
            stable: false,
            in_doubt: false,
            unfindable: false,
            excused: None,
        });
        id
    }

    pub(super) fn places(&self, id: Id) -> usize {
        self.lines[id].places
    }

    pub(super) fn foreign(&mut self, ino: Ino, content: &[u8]) {
        self.foreign.insert(ino, content.to_vec());
    }

    /// Whether the last line of a file is broken.
    pub(super) fn ends_broken(&self, ino: Ino) -> bool {
        self.files.get(&ino).is_some_and(|lines| lines.broken_tail().is_some())
    }

    /// Takes note of everything that happened on the disk.
    pub(super) fn settle(&mut self, disk: &mut Disk) -> Result<(), String> {
        for removal in std::mem::take(&mut disk.removals) {
            self.check_removal(&removal)?;
        }
        self.read(disk);
        for loss in std::mem::take(&mut disk.losses) {
            let why = match loss.by {
                Taker::Sink => Why::Retention,
                Taker::Outside => Why::Outside,
            };
            for (at, id) in lines::records_in(&loss.content, &self.lines) {
                let line = &mut self.lines[id];
                line.unfindable = true;
                let process = line.process;
                let checked = !loss.unchecked.iter().any(|(p, from)| *p == process && at >= *from);
                match line.state {
                    State::Acknowledged if line.places == 0 => line.state = State::Gone(why),
                    // Its writer will see that the file is gone, unless it has looked already.
                    State::Waiting if checked => line.excused = Some(why),
                    _ => {}
                }
            }
        }
        match disk.violations.pop() {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    /// Reads what changed on the disk.
    fn read(&mut self, disk: &mut Disk) {
        for (ino, from) in std::mem::take(&mut disk.touched) {
            let how = self.how(disk, ino);
            let lines = self.files.entry(ino).or_default();
            let from = if lines.how == how { from } else { 0 };
            for id in lines.forget(from) {
                self.lines[id].places -= 1;
                self.changed.insert(id);
            }
            lines.how = how;
            for id in lines.read(disk.bytes(ino), &self.lines) {
                self.lines[id].places += 1;
                self.changed.insert(id);
            }
            if how == How::Not {
                self.files.remove(&ino);
            }
        }
    }

    fn how(&self, disk: &Disk, ino: Ino) -> How {
        if !disk.exists(ino) || disk.node(ino).links == 0 || self.foreign.contains_key(&ino) {
            return How::Not;
        }
        let hidden =
            |name: &OsStr| name.as_encoded_bytes().starts_with(b".") || name == names::TORN;
        if disk.name_of(ino).is_some_and(|(_, name)| hidden(name)) {
            return How::Not;
        }
        match disk.bytes(ino) {
            [0x1F, 0x8B, ..] => How::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => How::Zstd,
            _ => How::Plain,
        }
    }

    /// Whatever is broken now was broken by a crash.
    pub(super) fn explain_broken(&mut self) {
        for (ino, lines) in &self.files {
            self.explained.extend(lines.broken().map(|offset| (*ino, offset)));
        }
    }

    /// The power failed: what had not been promised may be gone.
    pub(super) fn after_power_cut(&mut self, disk: &mut Disk) -> Result<(), String> {
        self.settle(disk)?;
        self.explain_broken();
        for (id, line) in self.lines.iter_mut().enumerate() {
            match line.state {
                State::Acknowledged if line.places == 0 => {
                    if line.stable {
                        return Err(format!("record {id} was promised to survive a power cut"));
                    }
                    line.state = State::Gone(Why::PowerCut);
                }
                // A removal that was not on stable storage did not happen.
                State::Gone(_) if line.places > 0 => line.state = State::Acknowledged,
                _ => {}
            }
            // What was written twice by permission, or compressed, may show twice again.
            if line.places > 1 || line.places > 0 && line.state == State::Waiting {
                line.most = usize::MAX;
            }
        }
        Ok(())
    }

    /// The sink says that the record is written; `blind` when it could not find out whether the
    /// file still had a name.
    pub(super) fn acknowledge(&mut self, id: Id, pid: Pid, blind: bool) -> Result<(), String> {
        let line = &mut self.lines[id];
        line.process = pid;
        line.state = match line.places {
            0 => match line.excused {
                Some(why) => State::Gone(why),
                None if blind => State::Gone(Why::Outside),
                None => return Err(format!("record {id} is acknowledged and in no file")),
            },
            _ => State::Acknowledged,
        };
        self.changed.insert(id);
        Ok(())
    }

    /// The sink says that the record is not written.
    pub(super) fn deny(&mut self, id: Id) -> Result<(), String> {
        let line = &self.lines[id];
        if line.places >= line.most {
            return Err(format!("record {id} is in a file, and the sink says that it is not"));
        }
        Ok(())
    }

    pub(super) fn counts(&self) -> Counts {
        let count =
            |state: State| self.lines.iter().filter(|line| line.state == state).count() as u64;
        Counts {
            records: self.lines.len() as u64,
            retention: count(State::Gone(Why::Retention)),
            outside: count(State::Gone(Why::Outside)),
            power_cut: count(State::Gone(Why::PowerCut)),
            refused: count(State::Refused),
            twice: self.lines.iter().filter(|line| line.places > 1).count() as u64,
            broken_tails: self.files.values().map(|lines| lines.broken().count() as u64).sum(),
        }
    }
}

impl Counts {
    pub(super) fn add(&mut self, other: Counts) {
        self.records += other.records;
        self.retention += other.retention;
        self.outside += other.outside;
        self.power_cut += other.power_cut;
        self.refused += other.refused;
        self.twice += other.twice;
        self.broken_tails += other.broken_tails;
    }
}
