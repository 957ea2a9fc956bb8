//! What others do to files: operators, logrotate, attackers.

use std::ffi::OsStr;
use std::path::Path;

use super::{Content, Disk, Ino, Taker, folder};
use crate::model_tests::ledger::HALF;
use crate::model_tests::names;

impl Disk {
    /// Half a record at the end of the current file, by a writer that is dead by now.
    pub(in super::super) fn append_half(&mut self) {
        let current = Path::new(names::FOLDER).join(names::BASE);
        if let Ok(ino) = self.walk(&current) {
            self.put(ino, None, HALF);
        }
    }

    /// Makes a file of somebody else's, unless the name is taken.
    pub(in super::super) fn place(
        &mut self,
        folder: Ino,
        name: &OsStr,
        text: &[u8],
    ) -> Option<Ino> {
        let made = self.create(folder, name, 0o644).ok()?;
        self.put(made, None, text);
        Some(made)
    }

    pub(in super::super) fn place_folder(&mut self, parent: Ino, name: &OsStr) -> Option<Ino> {
        self.place_node(parent, name, folder())
    }

    pub(in super::super) fn place_link(
        &mut self,
        parent: Ino,
        name: &OsStr,
        target: &Path,
    ) -> Option<Ino> {
        self.place_node(parent, name, Content::Link(target.to_owned()))
    }

    pub(in super::super) fn place_fifo(&mut self, parent: Ino, name: &OsStr) -> Option<Ino> {
        self.place_node(parent, name, Content::Fifo)
    }

    fn place_node(&mut self, parent: Ino, name: &OsStr, content: Content) -> Option<Ino> {
        if self.lookup(parent, name).is_some() || self.node(parent).links == 0 {
            return None;
        }
        let made = self.add(content, 0o755);
        self.enter(parent, name, made);
        Some(made)
    }

    /// Takes a name away; a folder goes with everything in it.
    pub(in super::super) fn delete(&mut self, folder: Ino, name: &OsStr) {
        let Some(ino) = self.lookup(folder, name) else { return };
        let inside: Vec<_> = self.entries(ino).keys().cloned().collect();
        inside.iter().for_each(|name| self.delete(ino, name));
        self.take(ino, Taker::Outside);
        self.leave(folder, name);
    }

    /// Moves anything to another folder, under a name that is free there.
    pub(in super::super) fn move_to(
        &mut self,
        (from, name): (Ino, &OsStr),
        (to, new): (Ino, &OsStr),
    ) -> bool {
        let Some(ino) = self.lookup(from, name) else { return false };
        if self.lookup(to, new).is_some() {
            return false;
        }
        self.disturbances += 1;
        if from == to {
            let unknown = self.unknown;
            let moved = self.rename(from, name, new).is_ok();
            self.unknown = unknown;
            return moved;
        }
        self.leave(from, name);
        self.enter(to, new, ino);
        // The move of a name between folders is one transaction of the file system's.
        self.sync_folder(from);
        self.sync_folder(to);
        true
    }

    /// Copies a file beside itself and empties it, as logrotate's copytruncate does.
    pub(in super::super) fn copy_truncate(
        &mut self,
        folder: Ino,
        name: &OsStr,
        copy: &OsStr,
    ) -> Option<Ino> {
        let ino = self.lookup(folder, name)?;
        let bytes = self.bytes(ino).to_vec();
        let made = self.place(folder, copy, &bytes)?;
        self.stabilise(folder, copy);
        self.disturbances += 1;
        self.cut(ino, 0);
        Some(made)
    }

    /// Empties a file, as `> app.log` does.
    pub(in super::super) fn truncate(&mut self, folder: Ino, name: &OsStr) {
        if let Some(ino) = self.lookup(folder, name) {
            self.take(ino, Taker::Outside);
            // Nobody can see that the file was longer a moment ago.
            self.losses.iter_mut().for_each(|loss| loss.unchecked.clear());
            self.cut(ino, 0);
        }
    }
}
