//! What operators, logrotate and attackers do to the folder of a case.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;

use super::calls::Shared;
use super::disk::{Disk, Ino};
use super::names;
use super::service::Book;
use crate::fs::Kind;

/// Names that look nearly like those of archives.
const NEARLY: [&str; 16] = [
    "app.log.1",
    "app.log.2026-11-23",
    "app.log.2026-11-23T23-59-58",
    "app.log.2026-11-23T23-59-58Z.1",
    "app.log.2026-11-23T23-59-58Z.02",
    "app.log.2026-11-23T23-59-58Z.gz.bak",
    "app.log.2026-11-23T23-59-58Z.gz.2",
    "app.log.2026-11-23T23-59-58Z.bz2",
    "app.log.2026-11-31T23-59-58Z",
    "app.log.2026-11-23T24-00-00Z",
    "app.log.2026-11-23T23:59:58Z",
    "app.log.2026-11-23T23-59-58+0000",
    "app.log.2026-11-23T23-59-58-05",
    ".app.log.2026-11-23T23-59-58Z.tmp",
    ".app.log.2026-13-23T23-59-58Z.gz.tmp",
    "xapp.log.2026-11-23T23-59-58Z",
];

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// `mv app.log app.log-N`, as logrotate's `create` begins.
    Rename,
    Delete,
    Empty,
    CopyTruncate,
    DeleteFolder,
    MoveFolder,
    /// A file of somebody else's appears, or a folder or a link.
    Appear,
    /// One of those vanishes.
    Vanish,
    /// A file whose name is an archive's; it counts as one.
    AppearAsArchive,
    DeleteArchive,
    DeleteLock,
    /// Something that is no log file takes the current file's name.
    Block,
    /// The link to the current file is made to lead elsewhere.
    TurnLink,
}

const ALL: [(Act, u32); 13] = [
    (Act::Rename, 6),
    (Act::Delete, 3),
    (Act::Empty, 2),
    (Act::CopyTruncate, 3),
    (Act::DeleteFolder, 1),
    (Act::MoveFolder, 1),
    (Act::Appear, 8),
    (Act::Vanish, 4),
    (Act::AppearAsArchive, 3),
    (Act::DeleteArchive, 3),
    (Act::DeleteLock, 2),
    (Act::Block, 1),
    (Act::TurnLink, 1),
];

impl Act {
    /// One that comes between two calls of a sink.
    ///
    /// What takes the current file's name just before it is rotated becomes an archive, whatever it
    /// is. Emptied just before half a record is taken out of it, a file gets a hole, and its copy
    /// keeps a broken line: `whole` says that no half record is near. Nothing that writes can
    /// prevent either.
    pub(super) fn between_calls(whole: bool, random: &mut Rng) -> Act {
        match Act::any(random) {
            Act::Block => Act::Delete,
            Act::CopyTruncate | Act::Empty if !whole => Act::Rename,
            other => other,
        }
    }

    pub(super) fn any(random: &mut Rng) -> Act {
        let all: u32 = ALL.iter().map(|(_, weight)| weight).sum();
        let mut left = random.u32(..all);
        let found = ALL.iter().find(|(_, weight)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        found.map_or(Act::Appear, |(act, _)| *act)
    }
}

/// Somebody else on the machine.
#[derive(Clone)]
pub(super) struct Outsider {
    shared: Shared,
    book: Book,
    theirs: Arc<Mutex<Theirs>>,
}

#[derive(Default)]
struct Theirs {
    /// Files and folders that no sink made, and moved ones.
    nodes: BTreeSet<Ino>,
    names: Vec<OsString>,
    number: u32,
}

impl Outsider {
    pub(super) fn new(shared: &Shared, book: &Book) -> Outsider {
        Outsider { shared: shared.clone(), book: book.clone(), theirs: Arc::default() }
    }

    pub(super) fn owns(&self, ino: Ino) -> bool {
        self.theirs.lock().unwrap_or_else(PoisonError::into_inner).nodes.contains(&ino)
    }

    pub(super) fn does(&self, act: Act, random: &mut Rng) {
        let mut world = self.shared.lock();
        world.tell(|| format!("  somebody: {act:?}"));
        let disk = &mut world.disk;
        let Ok(folder) = disk.walk(Path::new(names::FOLDER)) else { return };
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        theirs.number += 1;
        let number = theirs.number;
        let base = OsStr::new(names::BASE);
        let fresh = |before: &str| OsString::from(format!("{before}{number}"));
        match act {
            Act::Rename => {
                let current = disk.lookup(folder, base);
                if disk.move_to((folder, base), (folder, &fresh("app.log-"))) {
                    theirs.nodes.extend(current);
                }
            }
            Act::Delete => disk.delete(folder, base),
            Act::Empty => disk.truncate(folder, base),
            Act::CopyTruncate => {
                theirs.nodes.extend(disk.copy_truncate(folder, base, &fresh("app.log-copy-")));
            }
            Act::DeleteFolder => {
                let (srv, logs) = parent(disk);
                disk.delete(srv, &logs);
            }
            Act::MoveFolder => {
                let (srv, logs) = parent(disk);
                disk.move_to((srv, &logs), (srv, &fresh("logs-")));
            }
            Act::Appear => self.appear(disk, folder, &mut theirs, random),
            Act::Vanish => {
                if !theirs.names.is_empty() {
                    let index = random.usize(..theirs.names.len());
                    let name = theirs.names.swap_remove(index);
                    disk.delete(folder, &name);
                }
            }
            Act::AppearAsArchive => {
                let name = if random.bool() { like_newest(disk, folder) } else { None };
                let name = name.unwrap_or_else(|| {
                    let (day, second) = (random.u8(1..29), random.u8(..60));
                    format!("app.log.2026-11-{day:02}T10-00-{second:02}Z").into()
                });
                if disk.place(folder, &name, b"     \n").is_some() {
                    disk.stabilise(folder, &name);
                    disk.is_unknown();
                }
            }
            Act::DeleteArchive => {
                let archives = disk.entries(folder).keys();
                let archives: Vec<_> =
                    archives.filter(|name| names::archive(name).is_some()).cloned().collect();
                if let Some(name) = random.choice(archives) {
                    disk.delete(folder, &name);
                    disk.is_unknown();
                    disk.deleted = Some(name);
                }
            }
            Act::DeleteLock => disk.delete(folder, OsStr::new(names::LOCK)),
            Act::Block => {
                if disk.lookup(folder, base).is_none() || random.bool() {
                    disk.delete(folder, base);
                    let made = match random.u8(..3) {
                        0 => disk.place_folder(folder, base),
                        1 => disk.place_fifo(folder, base),
                        _ => disk.place_link(folder, base, Path::new("/srv/treasure")),
                    };
                    theirs.nodes.extend(made);
                }
            }
            Act::TurnLink => {
                let name = OsStr::new("current");
                if disk.lookup(folder, name).is_some() {
                    disk.delete(folder, name);
                    disk.place_link(folder, name, Path::new("/srv/treasure"));
                }
            }
        }
    }

    fn appear(&self, disk: &mut Disk, folder: Ino, theirs: &mut Theirs, random: &mut Rng) {
        let name = OsString::from(NEARLY[random.usize(..NEARLY.len())]);
        let made = match random.u8(..8) {
            // Of the very name of an archive, but no file.
            0 => {
                let name = like_newest(disk, folder).unwrap_or_else(|| name.clone());
                let made = match random.bool() {
                    true => disk.place_folder(folder, &name),
                    false => disk.place_link(folder, &name, Path::new("/srv/treasure")),
                };
                if made.is_some() {
                    theirs.names.push(name);
                }
                theirs.nodes.extend(made);
                return;
            }
            1 => disk.place_folder(folder, &name),
            2 => disk.place_link(folder, &name, Path::new("/srv/treasure")),
            _ => disk.place(folder, &name, b"somebody else's\n"),
        };
        let Some(made) = made else { return };
        disk.stabilise(folder, &name);
        theirs.nodes.insert(made);
        theirs.names.push(name);
        if disk.stat(made).kind == Kind::Regular {
            let content = disk.bytes(made).to_vec();
            self.book.open().foreign(made, &content);
        }
    }

    /// Takes away what took the current file's name.
    pub(super) fn unblock(&self) {
        let mut world = self.shared.lock();
        let base = OsStr::new(names::BASE);
        let disk = &mut world.disk;
        if let Ok(folder) = disk.walk(Path::new(names::FOLDER))
            && let Some(ino) = disk.lookup(folder, base)
            && disk.stat(ino).kind != Kind::Regular
        {
            disk.delete(folder, base);
            world.tell(|| "  somebody: unblocks".to_owned());
        }
    }
}

fn parent(disk: &Disk) -> (Ino, OsString) {
    let path = Path::new(names::FOLDER);
    let parent = path.parent().and_then(|parent| disk.walk(parent).ok()).unwrap_or_default();
    (parent, path.file_name().unwrap_or_default().to_owned())
}

/// The name that the next archive will perhaps get.
fn like_newest(disk: &Disk, folder: Ino) -> Option<OsString> {
    let current = disk.lookup(folder, OsStr::new(names::BASE))?;
    let text = disk.stat(current).modified.to_string();
    let stamp = text.get(..19)?.replace(':', "-");
    Some(format!("app.log.{stamp}Z").into())
}
