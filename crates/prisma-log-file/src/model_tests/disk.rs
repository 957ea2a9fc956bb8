//! A file system in memory: what calls see, and what a power cut would leave of it.

mod files;
mod outside;
mod power;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

use super::ledger::Limits;
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
    /// The name that this process just found nothing under to remove.
    pub(super) missed: Option<OsString>,
    /// The last archive that others deleted.
    pub(super) deleted: Option<OsString>,
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
    /// The last name that a process found nothing under to remove, if it has removed nothing since.
    pub(super) missed: BTreeMap<Pid, OsString>,
    /// The last archive that others deleted.
    pub(super) deleted: Option<OsString>,
    pub(super) losses: Vec<Loss>,
    /// How often somebody else moved, cut or took away files.
    pub(super) disturbances: u64,
    /// Files that sinks removed.
    pub(super) taken: BTreeSet<Ino>,
    /// Whose call was refused for want of room, and none of whose has been taken since.
    pub(super) full: BTreeSet<Pid>,
    /// Archives may have come that no sink knows of before it rotates.
    pub(super) unknown: bool,
    /// What a process did between two calls of another failed: it rests for a while.
    pub(super) interference_failed: bool,
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
            missed: BTreeMap::new(),
            deleted: None,
            losses: Vec::new(),
            disturbances: 0,
            taken: BTreeSet::new(),
            full: BTreeSet::new(),
            unknown: false,
            interference_failed: false,
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
}

fn folder() -> Content {
    Content::Folder { entries: Entries::new(), stable: Entries::new(), since: Vec::new() }
}
