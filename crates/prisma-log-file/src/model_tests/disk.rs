//! A file system in memory: what calls see, and what a power cut would leave of it.

mod outside;
mod power;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

use super::ledger::Limits;
use super::names;
use crate::fs::{Identity, Kind, Lock, Stat};

pub(super) type Ino = u64;
/// A process: a sink with what it has open.
pub(super) type Pid = usize;

pub(super) const DEVICE: u64 = 7;
pub(super) const OWNER: u32 = 1000;
const ROOT: Ino = 1;
/// More than any test writes.
pub(super) const PLENTY: u64 = 1 << 40;

pub(super) fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

/// What was done to a file's content since it was last synchronised.
#[derive(Clone, Debug)]
pub(super) enum DataOp {
    Write { from: usize, data: Vec<u8> },
    Cut { len: usize },
}

/// What was done to a folder since it was last synchronised.
#[derive(Clone, Debug)]
pub(super) enum EntryOp {
    Set(OsString, Ino),
    Unset(OsString),
    Renamed { from: OsString, to: OsString },
}

pub(super) type Entries = BTreeMap<OsString, Ino>;

#[derive(Debug)]
pub(super) enum Content {
    File { bytes: Vec<u8>, stable: Vec<u8>, since: Vec<DataOp> },
    Folder { entries: Entries, stable: Entries, since: Vec<EntryOp> },
    Link(PathBuf),
    Fifo,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    /// Names that lead here.
    pub(super) links: u64,
    pub(super) mode: u32,
    pub(super) modified: Timestamp,
    born: Timestamp,
    locks: Vec<(u64, Lock)>,
    /// How often a synchronisation failed.
    failures: u64,
}

/// An open file.
#[derive(Debug)]
struct Descriptor {
    pid: Pid,
    ino: Ino,
    position: u64,
    writable: bool,
    /// Failed synchronisations that this one need not be told of.
    told: u64,
}

/// A name that a process took from a file, and what was in the folder right before.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    pub(super) name: OsString,
    pub(super) beside: Vec<Entry>,
    pub(super) available: u64,
    pub(super) wall: Timestamp,
    /// Whether a call was refused for want of room and none has been taken since.
    pub(super) full: bool,
    /// Whether others may have changed what is there a moment ago.
    pub(super) unknown: bool,
}

/// Content that somebody took away, and what it was.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) content: Vec<u8>,
    pub(super) by: Taker,
    /// Who wrote to it, from where on, and had not made sure since that it still had a name.
    pub(super) unchecked: Vec<(Pid, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taker {
    Sink,
    Outside,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: Kind,
    pub(super) len: u64,
    pub(super) modified: Timestamp,
}

pub(super) struct Disk {
    nodes: BTreeMap<Ino, Node>,
    next: Ino,
    descriptors: BTreeMap<u64, Descriptor>,
    /// Bytes that all files together may take.
    pub(super) capacity: Option<u64>,
    pub(super) began: Instant,
    pub(super) elapsed: Duration,
    pub(super) wall: Timestamp,
    /// Files whose content, from there on, or names changed since the ledger looked.
    pub(super) touched: BTreeMap<Ino, usize>,
    /// Who appended to which file, from where on, and has not looked since whether it still has a
    /// name.
    pub(super) unchecked: BTreeMap<(Pid, Ino), usize>,
    pub(super) removals: Vec<Removal>,
    pub(super) losses: Vec<Loss>,
    /// How often somebody else moved, cut or took away files.
    pub(super) disturbances: u64,
    /// Files that sinks removed.
    pub(super) taken: BTreeSet<Ino>,
    /// Whose call was refused for want of room, and none of whose has been taken since.
    pub(super) full: BTreeSet<Pid>,
    /// Archives may have come that no sink knows of before it rotates.
    pub(super) unknown: bool,
    /// Whether a sink has looked at the folder since.
    pub(super) looked: bool,
    /// Who asked whether a file still has a name and was not told.
    pub(super) blind: BTreeSet<Pid>,
    /// Limits that hold whenever something is written, and in which folder.
    pub(super) watched: Option<(Limits, Ino)>,
    /// What must never be asked for.
    pub(super) violations: Vec<String>,
}

impl Disk {
    pub(super) fn new(wall: Timestamp) -> Disk {
        let mut disk = Disk {
            nodes: BTreeMap::new(),
            next: ROOT,
            descriptors: BTreeMap::new(),
            capacity: None,
            began: Instant::now(),
            elapsed: Duration::ZERO,
            wall,
            touched: BTreeMap::new(),
            unchecked: BTreeMap::new(),
            removals: Vec::new(),
            losses: Vec::new(),
            disturbances: 0,
            taken: BTreeSet::new(),
            full: BTreeSet::new(),
            unknown: false,
            looked: false,
            blind: BTreeSet::new(),
            watched: None,
            violations: Vec::new(),
        };
        let root = disk.add(folder(), 0o755);
        disk.node_mut(root).links = 1;
        disk
    }

    fn add(&mut self, content: Content, mode: u32) -> Ino {
        let ino = self.next;
        self.next += 1;
        let wall = self.wall;
        let node = Node {
            content,
            links: 0,
            mode,
            modified: wall,
            born: wall,
            locks: Vec::new(),
            failures: 0,
        };
        self.nodes.insert(ino, node);
        ino
    }

    pub(super) fn node(&self, ino: Ino) -> &Node {
        &self.nodes[&ino]
    }

    fn node_mut(&mut self, ino: Ino) -> &mut Node {
        self.touched.entry(ino).or_insert(usize::MAX);
        self.nodes.get_mut(&ino).expect("a node that is open or has a name stays")
    }

    /// A process has made sure that a file still has a name, or was refused the answer.
    pub(super) fn checked(&mut self, pid: Pid, ino: Ino, answered: bool) {
        self.unchecked.remove(&(pid, ino));
        if !answered {
            self.blind.insert(pid);
        }
    }

    /// Archives may have come or gone, or are not deleted though they should be.
    pub(super) fn is_unknown(&mut self) {
        (self.unknown, self.looked) = (true, false);
    }

    fn content_changed(&mut self, ino: Ino, from: usize) {
        let lowest = self.touched.entry(ino).or_insert(usize::MAX);
        *lowest = from.min(*lowest);
    }

    pub(super) fn exists(&self, ino: Ino) -> bool {
        self.nodes.contains_key(&ino)
    }

    pub(super) fn bytes(&self, ino: Ino) -> &[u8] {
        match self.nodes.get(&ino).map(|node| &node.content) {
            Some(Content::File { bytes, .. }) => bytes,
            _ => &[],
        }
    }

    pub(super) fn stat(&self, ino: Ino) -> Stat {
        let node = self.node(ino);
        let kind = match node.content {
            Content::File { .. } => Kind::Regular,
            Content::Folder { .. } => Kind::Folder,
            Content::Link(_) => Kind::Link,
            Content::Fifo => Kind::Fifo,
        };
        Stat {
            kind,
            identity: Identity { device: DEVICE, inode: ino },
            links: node.links,
            owner: OWNER,
            mode: node.mode,
            len: self.bytes(ino).len() as u64,
            modified: node.modified,
            born: u64::try_from(node.born.unix_nanos()).unwrap_or(0),
        }
    }

    // Paths.

    pub(super) fn lookup(&self, folder: Ino, name: &OsStr) -> Option<Ino> {
        self.entries(folder).get(name).copied()
    }

    /// A name of the file, and the folder that it is in.
    pub(super) fn name_of(&self, ino: Ino) -> Option<(Ino, &OsStr)> {
        let folders = self.nodes.iter().filter_map(|(folder, node)| match &node.content {
            Content::Folder { entries, .. } if node.links > 0 => Some((folder, entries)),
            _ => None,
        });
        let mut names = folders.filter_map(|(folder, entries)| {
            let entry = entries.iter().find(|(_, entry)| **entry == ino);
            entry.map(|(name, _)| (*folder, &**name))
        });
        names.next()
    }

    pub(super) fn entries(&self, folder: Ino) -> &Entries {
        static NONE: Entries = Entries::new();
        match self.nodes.get(&folder).map(|node| &node.content) {
            Some(Content::Folder { entries, .. }) => entries,
            _ => &NONE,
        }
    }

    /// What the path leads to; only a link at its very end is left as it is.
    pub(super) fn walk(&self, path: &Path) -> io::Result<Ino> {
        let (mut at, mut rest) = (ROOT, path.components().peekable());
        while let Some(component) = rest.next() {
            let Component::Normal(name) = component else { continue };
            let next = self.lookup(at, name).ok_or_else(|| errno(libc::ENOENT))?;
            at = match &self.node(next).content {
                Content::Link(target) if rest.peek().is_some() => self.walk(target)?,
                _ => next,
            };
        }
        Ok(at)
    }

    pub(super) fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let mut found = PathBuf::from("/");
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            let parent = self.walk(&found)?;
            let next = self.lookup(parent, name).ok_or_else(|| errno(libc::ENOENT))?;
            match &self.node(next).content {
                Content::Link(target) => found = self.resolve(target)?,
                _ => found.push(name),
            }
        }
        Ok(found)
    }

    pub(super) fn has_link_in(&self, path: &Path) -> bool {
        path.ancestors().any(|part| {
            let found = self.walk(part).ok();
            found.is_some_and(|ino| matches!(self.node(ino).content, Content::Link(_)))
        })
    }

    pub(super) fn create_folders(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            at = match self.lookup(at, name) {
                Some(next) => next,
                None => {
                    let made = self.add(folder(), 0o755);
                    self.enter(at, name, made);
                    self.sync_folder(at);
                    made
                }
            };
            if !matches!(self.node(at).content, Content::Folder { .. }) {
                return Err(errno(libc::ENOTDIR));
            }
        }
        Ok(())
    }

    // Names.

    /// Gives a node a name that is free.
    fn enter(&mut self, folder: Ino, name: &OsStr, ino: Ino) {
        if let Content::Folder { entries, since, .. } = &mut self.node_mut(folder).content {
            entries.insert(name.to_owned(), ino);
            since.push(EntryOp::Set(name.to_owned(), ino));
        }
        self.node_mut(ino).links += 1;
    }

    fn leave(&mut self, folder: Ino, name: &OsStr) {
        let Content::Folder { entries, since, .. } = &mut self.node_mut(folder).content else {
            return;
        };
        if let Some(ino) = entries.remove(name) {
            since.push(EntryOp::Unset(name.to_owned()));
            self.node_mut(ino).links -= 1;
        }
    }

    fn must_live(&self, folder: Ino) -> io::Result<()> {
        if self.node(folder).links == 0 { Err(errno(libc::ENOENT)) } else { Ok(()) }
    }

    pub(super) fn create(&mut self, folder: Ino, name: &OsStr, mode: u32) -> io::Result<Ino> {
        self.must_live(folder)?;
        if self.lookup(folder, name).is_some() {
            return Err(errno(libc::EEXIST));
        }
        let content = Content::File { bytes: Vec::new(), stable: Vec::new(), since: Vec::new() };
        // A umask of 022.
        let made = self.add(content, mode & !0o022);
        self.enter(folder, name, made);
        Ok(made)
    }

    pub(super) fn link(&mut self, folder: Ino, name: &OsStr, target: &Path) -> io::Result<()> {
        self.must_live(folder)?;
        if self.lookup(folder, name).is_some() {
            return Err(errno(libc::EEXIST));
        }
        let made = self.add(Content::Link(target.to_owned()), 0o777);
        self.enter(folder, name, made);
        Ok(())
    }

    pub(super) fn rename(&mut self, folder: Ino, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let ino = self.lookup(folder, from).ok_or_else(|| errno(libc::ENOENT))?;
        if self.lookup(folder, to).is_some() {
            return Err(errno(libc::EEXIST));
        }
        if let Content::Folder { entries, since, .. } = &mut self.node_mut(folder).content {
            entries.remove(from);
            entries.insert(to.to_owned(), ino);
            since.push(EntryOp::Renamed { from: from.to_owned(), to: to.to_owned() });
        }
        if from == names::BASE {
            self.unknown &= !self.looked;
        }
        self.touched.entry(ino).or_insert(usize::MAX);
        Ok(())
    }

    pub(super) fn replace(&mut self, folder: Ino, from: &OsStr, to: &OsStr) -> io::Result<()> {
        if let Some(there) = self.lookup(folder, to)
            && self.lookup(folder, from) != Some(there)
        {
            if !matches!(self.node(there).content, Content::Link(_)) {
                self.violations.push(format!("{} was overwritten", to.display()));
            }
            self.leave(folder, to);
        }
        self.rename(folder, from, to)
    }

    pub(super) fn remove(&mut self, pid: Pid, folder: Ino, name: &OsStr) -> io::Result<()> {
        let ino = self.lookup(folder, name).ok_or_else(|| errno(libc::ENOENT))?;
        if matches!(self.node(ino).content, Content::Folder { .. }) {
            return Err(errno(libc::EISDIR));
        }
        let removal = Removal {
            name: name.to_owned(),
            beside: self.list(folder),
            available: self.available(),
            wall: self.wall,
            full: self.full.contains(&pid),
            unknown: self.unknown,
        };
        self.removals.push(removal);
        self.take(ino, Taker::Sink);
        self.leave(folder, name);
        Ok(())
    }

    /// Somebody is about to take away a file's name or content.
    fn take(&mut self, ino: Ino, by: Taker) {
        let content = self.bytes(ino).to_vec();
        let unchecked = self.unchecked.iter().filter(|((_, file), _)| *file == ino);
        let unchecked = unchecked.map(|((pid, _), from)| (*pid, *from)).collect();
        self.losses.push(Loss { content, by, unchecked });
        match by {
            Taker::Sink => {
                self.taken.insert(ino);
            }
            Taker::Outside => self.disturbances += 1,
        }
    }

    pub(super) fn list(&self, folder: Ino) -> Vec<Entry> {
        let entries = self.entries(folder).iter();
        let entry = |(name, ino): (&OsString, &Ino)| {
            let Stat { kind, len, modified, .. } = self.stat(*ino);
            Entry { name: name.clone(), kind, len, modified }
        };
        entries.map(entry).collect()
    }

    // Open files.

    pub(super) fn open(&mut self, pid: Pid, ino: Ino, writable: bool) -> u64 {
        let number = self.next;
        self.next += 1;
        let told = self.node(ino).failures;
        self.descriptors.insert(number, Descriptor { pid, ino, position: 0, writable, told });
        number
    }

    pub(super) fn close(&mut self, number: u64) {
        if let Some(closed) = self.descriptors.remove(&number)
            && let Some(node) = self.nodes.get_mut(&closed.ino)
        {
            node.locks.retain(|(holder, _)| *holder != number);
        }
    }

    /// The process ends: what it has open is closed.
    pub(super) fn end(&mut self, pid: Pid) {
        self.unchecked.retain(|(writer, _), _| *writer != pid);
        let open = self.descriptors.iter().filter(|(_, open)| open.pid == pid);
        let open: Vec<u64> = open.map(|(number, _)| *number).collect();
        open.into_iter().for_each(|number| self.close(number));
    }

    pub(super) fn file_of(&self, number: u64) -> io::Result<Ino> {
        self.descriptors.get(&number).map(|open| open.ino).ok_or_else(|| errno(libc::EBADF))
    }

    pub(super) fn position(&self, number: u64) -> u64 {
        self.descriptors.get(&number).map_or(0, |open| open.position)
    }

    pub(super) fn append(&mut self, number: u64, given: &[u8]) -> io::Result<usize> {
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
    pub(super) fn put(&mut self, ino: Ino, at: Option<u64>, given: &[u8]) -> u64 {
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

    pub(super) fn cut(&mut self, ino: Ino, len: u64) {
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

    pub(super) fn link_target(&self, ino: Ino) -> Option<PathBuf> {
        match &self.node(ino).content {
            Content::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    pub(super) fn set_mode(&mut self, ino: Ino, mode: u32) {
        self.node_mut(ino).mode = mode;
    }

    pub(super) fn set_modified(&mut self, ino: Ino, time: Timestamp) {
        self.node_mut(ino).modified = time;
    }

    pub(super) fn try_lock(&mut self, number: u64, lock: Lock) -> io::Result<()> {
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

    pub(super) fn unlock(&mut self, number: u64) {
        if let Ok(ino) = self.file_of(number)
            && let Some(node) = self.nodes.get_mut(&ino)
        {
            node.locks.retain(|(holder, _)| *holder != number);
        }
    }

    // Space.

    /// Leaves so much room and no more.
    pub(super) fn fill_up_to(&mut self, room: u64) {
        self.capacity = Some(PLENTY);
        self.capacity = Some(PLENTY - self.available() + room);
    }

    pub(super) fn available(&self) -> u64 {
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
    pub(super) fn collect(&mut self) {
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

fn folder() -> Content {
    Content::Folder { entries: Entries::new(), stable: Entries::new(), since: Vec::new() }
}
