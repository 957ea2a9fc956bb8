//! What is on stable storage.

use std::ffi::OsStr;
use std::io;

use fastrand::Rng;

use super::{Content, DataOp, Disk, Entries, EntryOp, Ino, errno};

impl Disk {
    /// Brings a file's content to stable storage. Whoever had it open while that failed for another
    /// is told so, once.
    pub(in super::super) fn sync(&mut self, number: u64) -> io::Result<()> {
        let ino = self.file_of(number)?;
        let failures = self.node(ino).failures;
        let untold = self
            .descriptors
            .get_mut(&number)
            .is_some_and(|open| std::mem::replace(&mut open.told, failures) < failures);
        if untold {
            return Err(errno(libc::EIO));
        }
        self.sync_file(ino);
        Ok(())
    }

    fn sync_file(&mut self, ino: Ino) {
        if let Content::File { stable, since, .. } = &mut self.node_mut(ino).content {
            since.drain(..).for_each(|op| replay(&op, stable));
        }
    }

    /// A synchronisation fails: the kernel counts what was written as clean from now on.
    pub(in super::super) fn lose(&mut self, number: u64) {
        let Some(open) = self.descriptors.get_mut(&number) else { return };
        let Some(node) = self.nodes.get_mut(&open.ino) else { return };
        node.failures += 1;
        open.told = node.failures;
        if let Content::File { since, .. } = &mut node.content {
            since.retain(|op| matches!(op, DataOp::Cut { .. }));
        }
    }

    pub(in super::super) fn sync_folder(&mut self, folder: Ino) {
        if let Content::Folder { entries, stable, since } = &mut self.node_mut(folder).content {
            stable.clone_from(entries);
            since.clear();
        }
    }

    /// Makes one name in a folder stable.
    pub(in super::super) fn stabilise(&mut self, folder: Ino, name: &OsStr) {
        let Some(ino) = self.lookup(folder, name) else { return };
        self.sync_file(ino);
        if let Content::Folder { stable, .. } = &mut self.node_mut(folder).content {
            stable.insert(name.to_owned(), ino);
        }
    }

    /// The files as a power cut right now would leave them, at the worst.
    pub(in super::super) fn stable_files(&self) -> Vec<&[u8]> {
        let named = self.nodes.values().filter_map(|node| match &node.content {
            Content::Folder { stable, .. } if node.links > 0 => Some(stable.values()),
            _ => None,
        });
        let files = named.flatten().filter_map(|ino| match &self.nodes.get(ino)?.content {
            Content::File { stable, .. } => Some(stable.as_slice()),
            _ => None,
        });
        files.collect()
    }

    /// The power fails: what was not synchronised is there up to some point, or not.
    pub(in super::super) fn power_cut(&mut self, random: &mut Rng) {
        self.descriptors.clear();
        self.unchecked.clear();
        self.disturbances += 1;
        self.is_unknown();
        for node in self.nodes.values_mut() {
            node.locks.clear();
            match &mut node.content {
                Content::File { bytes, stable, since } => {
                    let kept = random.usize(..=since.len());
                    since[..kept].iter().for_each(|op| replay(op, stable));
                    // Its length may have been kept, and its end not.
                    if let Some(DataOp::Write { from, data }) = since.get(kept)
                        && *from <= stable.len()
                    {
                        let there = random.usize(..=data.len());
                        let long =
                            if random.bool() { there } else { random.usize(there..=data.len()) };
                        let data = data[..there].to_vec();
                        replay(&DataOp::Write { from: *from, data }, stable);
                        stable.resize(stable.len().max(from + long), 0);
                    }
                    since.clear();
                    bytes.clone_from(stable);
                }
                Content::Folder { entries, stable, since } => {
                    let kept = random.usize(..=since.len());
                    since.drain(..kept).for_each(|op| redo(op, stable));
                    since.clear();
                    entries.clone_from(stable);
                }
                Content::Link(_) | Content::Fifo => {}
            }
            node.links = 0;
        }
        // Only what can be reached has a name.
        let mut names = vec![super::ROOT];
        while let Some(ino) = names.pop() {
            let node = self.node_mut(ino);
            node.links += 1;
            if node.links == 1 {
                names.extend(names_in(node));
            }
        }
        self.touched.extend(self.nodes.keys().map(|ino| (*ino, 0)));
        self.collect();
    }
}

fn names_in(node: &super::Node) -> Vec<Ino> {
    match &node.content {
        Content::Folder { entries, .. } => entries.values().copied().collect(),
        _ => Vec::new(),
    }
}

fn replay(op: &DataOp, stable: &mut Vec<u8>) {
    match op {
        DataOp::Write { from, data } => {
            let to = from + data.len();
            stable.resize(stable.len().max(to), 0);
            stable[*from..to].copy_from_slice(data);
        }
        DataOp::Cut { len } => stable.truncate(*len),
    }
}

fn redo(op: EntryOp, entries: &mut Entries) {
    match op {
        EntryOp::Set(name, ino) => {
            entries.insert(name, ino);
        }
        EntryOp::Unset(name) => {
            entries.remove(&name);
        }
        EntryOp::Renamed { from, to } => {
            if let Some(ino) = entries.remove(&from) {
                entries.insert(to, ino);
            }
        }
    }
}
