//! Open files, and the room that there is.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use prisma_log_core::Timestamp;

use super::{Content, DataOp, Descriptor, Disk, EntryOp, Ino, Node, PLENTY, Pid, errno};
use crate::fs::Lock;

impl Disk {
    pub(in super::super) fn open(&mut self, pid: Pid, ino: Ino, writable: bool) -> u64 {
        let number = self.next;
        self.next += 1;
        let told = self.node(ino).failures;
        self.descriptors.insert(number, Descriptor { pid, ino, position: 0, writable, told });
        number
    }

    pub(in super::super) fn close(&mut self, number: u64) {
        if let Some(closed) = self.descriptors.remove(&number)
            && let Some(node) = self.nodes.get_mut(&closed.ino)
        {
            node.locks.retain(|(holder, _)| *holder != number);
        }
    }

    /// The process ends: what it has open is closed.
    pub(in super::super) fn end(&mut self, pid: Pid) {
        self.unchecked.retain(|(writer, _), _| *writer != pid);
        let open = self.descriptors.iter().filter(|(_, open)| open.pid == pid);
        let open: Vec<u64> = open.map(|(number, _)| *number).collect();
        open.into_iter().for_each(|number| self.close(number));
    }

    pub(in super::super) fn file_of(&self, number: u64) -> io::Result<Ino> {
        self.descriptors.get(&number).map(|open| open.ino).ok_or_else(|| errno(libc::EBADF))
    }

    pub(in super::super) fn position(&self, number: u64) -> u64 {
        self.descriptors.get(&number).map_or(0, |open| open.position)
    }

    pub(in super::super) fn append(&mut self, number: u64, given: &[u8]) -> io::Result<usize> {
        let ino = self.file_of(number)?;
        let room = usize::try_from(self.available()).unwrap_or(usize::MAX);
        let taken = given.len().min(room);
        if taken == 0 && !given.is_empty() {
            return Err(errno(libc::ENOSPC));
        }
        let end = self.put(ino, None, &given[..taken]);
        if let Some(open) = self.descriptors.get_mut(&number) {
            if !open.writable {
                return Err(errno(libc::EBADF));
            }
            open.position = end;
            if taken == given.len() {
                self.full.remove(&open.pid);
            }
            self.unchecked.entry((open.pid, ino)).or_insert(end as usize - taken);
            if let Some((limits, folder)) = self.watched
                && let Err(violation) = limits.check(self, folder, 0)
            {
                self.violations.push(format!("during a write, {violation}"));
            }
        }
        Ok(taken)
    }

    /// Writes at a place, or at the end, and says where the write ended.
    pub(in super::super) fn put(&mut self, ino: Ino, at: Option<u64>, given: &[u8]) -> u64 {
        let wall = self.wall;
        let node = self.node_mut(ino);
        let Content::File { bytes, since, .. } = &mut node.content else { return 0 };
        let from = at.map_or(bytes.len(), |at| at as usize);
        let to = from + given.len();
        bytes.resize(bytes.len().max(to), 0);
        bytes[from..to].copy_from_slice(given);
        since.push(DataOp::Write { from, data: given.to_vec() });
        node.modified = wall;
        self.content_changed(ino, from);
        to as u64
    }

    pub(in super::super) fn cut(&mut self, ino: Ino, len: u64) {
        let (wall, len) = (self.wall, len as usize);
        let node = self.node_mut(ino);
        if let Content::File { bytes, since, .. } = &mut node.content {
            let before = bytes.len();
            bytes.resize(len, 0);
            since.push(DataOp::Cut { len });
            node.modified = wall;
            self.content_changed(ino, len.min(before));
        }
    }

    pub(in super::super) fn link_target(&self, ino: Ino) -> Option<PathBuf> {
        match &self.node(ino).content {
            Content::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    pub(in super::super) fn set_mode(&mut self, ino: Ino, mode: u32) {
        self.node_mut(ino).mode = mode;
    }

    pub(in super::super) fn set_modified(&mut self, ino: Ino, time: Timestamp) {
        self.node_mut(ino).modified = time;
    }

    pub(in super::super) fn try_lock(&mut self, number: u64, lock: Lock) -> io::Result<()> {
        let ino = self.file_of(number)?;
        let Some(Node { locks, .. }) = self.nodes.get_mut(&ino) else {
            return Err(errno(libc::EBADF));
        };
        // As flock(2) does: a lock that is to be turned into another is let go of first.
        locks.retain(|(holder, _)| *holder != number);
        let in_the_way = match lock {
            Lock::Exclusive => !locks.is_empty(),
            Lock::Shared => locks.iter().any(|(_, held)| *held == Lock::Exclusive),
        };
        if in_the_way {
            return Err(errno(libc::EWOULDBLOCK));
        }
        locks.push((number, lock));
        Ok(())
    }

    pub(in super::super) fn unlock(&mut self, number: u64) {
        if let Ok(ino) = self.file_of(number)
            && let Some(node) = self.nodes.get_mut(&ino)
        {
            node.locks.retain(|(holder, _)| *holder != number);
        }
    }

    /// Leaves so much room and no more.
    pub(in super::super) fn fill_up_to(&mut self, room: u64) {
        self.capacity = Some(PLENTY);
        self.capacity = Some(PLENTY - self.available() + room);
    }

    pub(in super::super) fn available(&self) -> u64 {
        self.capacity.map_or(PLENTY, |capacity| {
            let live = |ino: Ino| {
                self.node(ino).links > 0 || self.descriptors.values().any(|open| open.ino == ino)
            };
            let used = self.nodes.keys().filter(|ino| live(**ino));
            let used: u64 = used.map(|ino| self.bytes(*ino).len() as u64).sum();
            capacity.saturating_sub(used)
        })
    }

    /// Forgets nodes that nothing leads to, not even after a power cut.
    pub(in super::super) fn collect(&mut self) {
        let mut live: BTreeSet<Ino> = self.descriptors.values().map(|open| open.ino).collect();
        for (ino, node) in &self.nodes {
            if let Content::Folder { stable, since, .. } = &node.content {
                live.extend(stable.values());
                let set = since.iter().filter_map(|op| match op {
                    EntryOp::Set(_, ino) => Some(*ino),
                    _ => None,
                });
                live.extend(set);
            }
            if node.links > 0 {
                live.insert(*ino);
            }
        }
        self.nodes.retain(|ino, _| live.contains(ino));
    }
}
