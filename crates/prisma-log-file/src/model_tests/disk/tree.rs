//! Paths, and names in folders.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{
    Content, Disk, Entries, Entry, EntryOp, Ino, Loss, Pid, ROOT, Removal, Taker, errno, folder,
};
use crate::fs::Stat;
use crate::model_tests::names;

impl Disk {
    pub(in super::super) fn lookup(&self, folder: Ino, name: &OsStr) -> Option<Ino> {
        self.entries(folder).get(name).copied()
    }

    /// A name of the file, and the folder that it is in.
    pub(in super::super) fn name_of(&self, ino: Ino) -> Option<(Ino, &OsStr)> {
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

    pub(in super::super) fn entries(&self, folder: Ino) -> &Entries {
        static NONE: Entries = Entries::new();
        match self.nodes.get(&folder).map(|node| &node.content) {
            Some(Content::Folder { entries, .. }) => entries,
            _ => &NONE,
        }
    }

    /// What the path leads to; only a link at its very end is left as it is.
    pub(in super::super) fn walk(&self, path: &Path) -> io::Result<Ino> {
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

    pub(in super::super) fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
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

    pub(in super::super) fn has_link_in(&self, path: &Path) -> bool {
        path.ancestors().any(|part| {
            let found = self.walk(part).ok();
            found.is_some_and(|ino| matches!(self.node(ino).content, Content::Link(_)))
        })
    }

    pub(in super::super) fn create_folders(&mut self, path: &Path) -> io::Result<()> {
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

    /// Gives a node a name that is free.
    pub(super) fn enter(&mut self, folder: Ino, name: &OsStr, ino: Ino) {
        if let Content::Folder { entries, since, .. } = &mut self.node_mut(folder).content {
            entries.insert(name.to_owned(), ino);
            since.push(EntryOp::Set(name.to_owned(), ino));
        }
        self.node_mut(ino).links += 1;
    }

    pub(super) fn leave(&mut self, folder: Ino, name: &OsStr) {
        let Content::Folder { entries, since, .. } = &mut self.node_mut(folder).content else {
            return;
        };
        if let Some(ino) = entries.remove(name) {
            since.push(EntryOp::Unset(name.to_owned()));
            self.node_mut(ino).links -= 1;
        }
    }

    pub(super) fn must_live(&self, folder: Ino) -> io::Result<()> {
        if self.node(folder).links == 0 { Err(errno(libc::ENOENT)) } else { Ok(()) }
    }

    pub(in super::super) fn create(
        &mut self,
        folder: Ino,
        name: &OsStr,
        mode: u32,
    ) -> io::Result<Ino> {
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

    pub(in super::super) fn link(
        &mut self,
        folder: Ino,
        name: &OsStr,
        target: &Path,
    ) -> io::Result<()> {
        self.must_live(folder)?;
        if self.lookup(folder, name).is_some() {
            return Err(errno(libc::EEXIST));
        }
        let made = self.add(Content::Link(target.to_owned()), 0o777);
        self.enter(folder, name, made);
        Ok(())
    }

    pub(in super::super) fn rename(
        &mut self,
        folder: Ino,
        from: &OsStr,
        to: &OsStr,
    ) -> io::Result<()> {
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

    pub(in super::super) fn replace(
        &mut self,
        folder: Ino,
        from: &OsStr,
        to: &OsStr,
    ) -> io::Result<()> {
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

    pub(in super::super) fn remove(
        &mut self,
        pid: Pid,
        folder: Ino,
        name: &OsStr,
    ) -> io::Result<()> {
        let Some(ino) = self.lookup(folder, name) else {
            self.missed.insert(pid, name.to_owned());
            return Err(errno(libc::ENOENT));
        };
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
            missed: self.missed.remove(&pid),
            deleted: self.deleted.clone(),
        };
        self.removals.push(removal);
        self.take(ino, Taker::Sink);
        self.leave(folder, name);
        Ok(())
    }

    /// Somebody is about to take away a file's name or content.
    pub(super) fn take(&mut self, ino: Ino, by: Taker) {
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

    pub(in super::super) fn list(&self, folder: Ino) -> Vec<Entry> {
        let entries = self.entries(folder).iter();
        let entry = |(name, ino): (&OsString, &Ino)| {
            let Stat { kind, len, modified, .. } = self.stat(*ino);
            Entry { name: name.clone(), kind, len, modified }
        };
        entries.map(entry).collect()
    }
}
