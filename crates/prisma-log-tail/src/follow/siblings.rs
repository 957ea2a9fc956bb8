//! The rotated files beside a followed one, in the order in which they were written.

mod name;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{Metadata, ReadDir};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use prisma_log_core::{Error, Timestamp};

use super::archive::{Limits, Unpacker};
use super::content::Content;
use super::identity::{FileId, Position, birth, ctime, least_time, mtime};
use super::open::{check_text, check_text_after_hole, open};
use super::reader::Reader;
use name::{Rank, rank, unpacked};
pub(super) use name::{bases, is_never_followed, is_rotated_of};

/// How often a listing is repeated before it is left for the next look.
const ATTEMPTS: usize = 200;
/// Archives keep the time of their file's last change, but not always all digits of it.
const KEPT_TIME: i64 = 1_000_000_000;

/// A file found in a listing.
#[derive(Clone, Debug)]
pub(super) struct Found {
    path: PathBuf,
    pub(super) id: FileId,
    pub(super) birth: i64,
    pub(super) mtime: i64,
    pub(super) ctime: i64,
    rank: Rank,
    /// It stands at the followed path itself.
    pub(super) current: bool,
    /// It is named as an archive.
    pub(super) packed: bool,
}

impl Found {
    fn new(path: PathBuf, metadata: &Metadata, rank: Rank, current: bool) -> Self {
        let packed = unpacked(path.as_os_str().as_bytes()).1;
        Found {
            path,
            packed,
            id: FileId::of(metadata),
            birth: birth(metadata),
            mtime: mtime(metadata),
            ctime: ctime(metadata),
            rank,
            current,
        }
    }

    /// Whether the inode is the same, and was not used again for another file since.
    fn is_same(&self, id: FileId, birth: i64) -> bool {
        self.id == id && self.birth == birth
    }

    /// Whether device, inode and creation time are those of the position's file.
    pub(super) fn is_inode_of(&self, at: &Position) -> bool {
        at.is_file(self.id, self.birth)
    }

    /// Whether this is an archive or a copy of the file that is open.
    pub(super) fn is_copy_of(&self, reader: &mut Reader, limits: Limits) -> bool {
        let rotated = self.rotated(limits);
        rotated.is_some_and(|(mut copy, _)| reader.content().is_in_copy(&mut copy).unwrap_or(false))
    }

    /// Whether this is an archive or a copy of the text that was read up to the position.
    pub(super) fn is_text_of(&self, at: &Position, limits: Limits) -> bool {
        let rotated = self.rotated(limits);
        rotated.is_some_and(|(mut copy, metadata)| {
            at.is_text_of(&mut copy, &metadata).unwrap_or(false)
        })
    }

    /// Whether there is text, and it is no archive that is not written to its end.
    pub(super) fn has_whole_text(&self, limits: Limits) -> bool {
        self.rotated(limits).is_some_and(|(mut content, _)| {
            content.len().is_ok_and(|len| len > 0)
                && content.archive().is_none_or(Unpacker::is_whole)
        })
    }

    /// Whether there was text added since this time, as far as the file's times tell.
    pub(super) fn is_written_since(&self, time: Timestamp) -> bool {
        let since = least_time(time);
        let kept = if self.packed { since.saturating_sub(KEPT_TIME) } else { since };
        self.mtime >= kept && self.ctime >= since
    }

    fn rotated(&self, limits: Limits) -> Option<(Content, Metadata)> {
        let opened = if self.current { Ok(None) } else { open(&self.path, limits) };
        let is_same = |metadata: &Metadata| self.is_same(FileId::of(metadata), birth(metadata));
        opened.ok().flatten().filter(|(_, metadata)| is_same(metadata))
    }

    /// Whether an archive is young enough to be that of the position, of whose text little is known:
    /// the oldest such one is.
    pub(super) fn is_since(&self, at: &Position) -> bool {
        let since = if at.offset > 0 { at.mtime.saturating_sub(KEPT_TIME) } else { at.mtime };
        self.packed && self.mtime >= since
    }
}

/// The log at `path` and its rotated files, oldest first.
///
/// A rotation may run meanwhile, and then one listing can miss a file or see it twice. So it is
/// repeated until two in a row agree; `None` when they don't for many times, or when the system is
/// short of something: a file that is missing here would be skipped for ever.
pub(super) fn list(path: &Path, limits: Limits) -> Option<Vec<Found>> {
    let mut last = list_once(path).ok()?;
    for _ in 0..ATTEMPTS {
        let next = list_once(path).ok()?;
        let agree = last.len() == next.len()
            && last.iter().zip(&next).all(|(a, b)| a.is_same(b.id, b.birth) && a.path == b.path);
        if agree {
            let listed = in_order(without_doubles(next, limits));
            #[cfg(test)]
            if let Some(meanwhile) = MEANWHILE.take() {
                meanwhile();
            }
            return Some(listed);
        }
        last = next;
    }
    None
}

/// Whether all files that there are now were `listed` before.
pub(super) fn has_nothing_new(path: &Path, listed: &[Found], limits: Limits) -> bool {
    let is_known = |file: &Found| listed.iter().any(|known| known.is_same(file.id, file.birth));
    list(path, limits).is_some_and(|now| now.iter().all(is_known))
}

/// Without archives of files that are there too: they are still being written, or were kept by
/// mistake.
fn without_doubles(mut found: Vec<Found>, limits: Limits) -> Vec<Found> {
    let plain: HashMap<PathBuf, bool> = found
        .iter()
        .filter(|file| !file.packed)
        .map(|file| (file.path.clone(), file.current))
        .collect();
    found.retain(|file| {
        let (name, is_packed) = unpacked(file.path.as_os_str().as_bytes());
        let source = Path::new(OsStr::from_bytes(name));
        match plain.get(source).filter(|_| is_packed) {
            // A log may go on under its name when it was compressed.
            Some(true) => !is_copy(source, &file.path, limits),
            Some(false) => false,
            None => true,
        }
    });
    found
}

/// Whether `path` is an archive of one of these files, which is still there.
pub(super) fn is_double(path: &Path, files: &HashSet<PathBuf>, limits: Limits) -> bool {
    let (name, is_packed) = unpacked(path.as_os_str().as_bytes());
    let file = Path::new(OsStr::from_bytes(name));
    is_packed && files.contains(file) && is_copy(file, path, limits)
}

/// Whether the archive starts as the file does.
fn is_copy(file: &Path, archive: &Path, limits: Limits) -> bool {
    let open = |path| open(path, limits).ok().flatten();
    let (Some((mut file, _)), Some((mut archive, _))) = (open(file), open(archive)) else {
        return false;
    };
    file.is_start_of(&mut archive).unwrap_or(false)
}

/// Lists a directory.
fn read_dir(dir: &Path) -> io::Result<ReadDir> {
    #[cfg(test)]
    LISTINGS.with(|listings| listings.set(listings.get() + 1));
    std::fs::read_dir(dir)
}

#[cfg(test)]
thread_local! {
    /// How many directories this thread has listed.
    pub(super) static LISTINGS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    /// What happens between the next listing and what is made of it.
    pub(super) static MEANWHILE: std::cell::Cell<Option<Box<dyn FnOnce()>>> =
        const { std::cell::Cell::new(None) };
}

/// Those among `logs`, all in one directory, that have rotated files beside them.
///
/// # Errors
/// When the directory can't be listed.
pub(super) fn with_rotated<'l>(dir: &Path, logs: &[&'l Path]) -> io::Result<HashSet<&'l Path>> {
    let by_name: HashMap<&[u8], &Path> =
        logs.iter().filter_map(|&log| Some((log.file_name()?.as_bytes(), log))).collect();
    let mut rotated = HashSet::new();
    // One listing may miss a file that is renamed meanwhile.
    for _ in 0..2 {
        for entry in read_dir(dir)? {
            let name = entry?.file_name();
            for base in bases(name.as_bytes()) {
                if let Some(&log) = by_name.get(base)
                    && rank(base, name.as_bytes()).is_some()
                {
                    rotated.insert(log);
                }
            }
        }
    }
    Ok(rotated)
}

fn list_once(path: &Path) -> io::Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    if let Ok(metadata) = std::fs::metadata(path)
        && metadata.is_file()
    {
        found.push(Found::new(path.to_path_buf(), &metadata, Rank::Word, true));
    }
    let Some(base) = path.file_name() else { return Ok(found) };
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let entries = match read_dir(dir) {
        Ok(entries) => entries,
        // A directory that can be entered but not listed still has the log itself.
        Err(error) if is_lasting(error.kind()) => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Some(rank) = rank(base.as_bytes(), entry.file_name().as_bytes()) else { continue };
        // The link itself is asked, not its target: a link is no rotated file.
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if is_lasting(error.kind()) => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_file() && !found.iter().any(|other| other.id == FileId::of(&metadata)) {
            found.push(Found::new(dir.join(entry.file_name()), &metadata, rank, false));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Whether trying again at once is no use: there is no file, or it is not for this user.
pub(super) fn is_lasting(error: io::ErrorKind) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error, NotFound | NotADirectory | PermissionDenied)
}

/// Sorts by name if the names say the order, else by time; the log itself is the newest.
fn in_order(mut found: Vec<Found>) -> Vec<Found> {
    let mut kinds = found.iter().filter(|file| !file.current).map(|file| match &file.rank {
        Rank::Index(_) => 0,
        Rank::Stamp(stamp) => stamp.len(),
        Rank::Archive(..) => usize::MAX - 1,
        Rank::Word => usize::MAX,
    });
    let first = kinds.next();
    let by_name = first != Some(usize::MAX) && kinds.all(|kind| Some(kind) == first);
    found.sort_by(|a, b| {
        let by_rank = || match (&a.rank, &b.rank) {
            (Rank::Index(a), Rank::Index(b)) => b.cmp(a),
            (a, b) => a.cmp(b),
        };
        let by_time = || if by_name { std::cmp::Ordering::Equal } else { a.mtime.cmp(&b.mtime) };
        a.current.cmp(&b.current).then_with(by_time).then_with(by_rank)
    });
    found
}

/// Opens the files with these ids, in this order, whatever their names are by now. A file that is
/// gone is left out; `None` when the directory does not come to rest or the system is short of
/// something. `cut`: the log may have been cut in place, so that copies of it start with a hole.
pub(super) fn open_all(path: &Path, wanted: &[Found], cut: bool, limits: Limits) -> Option<Opened> {
    let check = if cut { check_text_after_hole } else { check_text };
    let mut opened = Opened::default();
    for file in wanted {
        match open_by_id(path, file, check, limits)? {
            Ok((handle, metadata)) => opened.files.push((handle, metadata, file.current)),
            Err(Missing::Unread) => opened.unread += u64::from(!file.current),
            Err(Missing::NoLog) => {}
        }
    }
    Some(opened)
}

/// The files that [`open_all`] could open.
#[derive(Default)]
pub(super) struct Opened {
    /// File, its metadata, and whether it stood at the followed path when it was listed.
    pub(super) files: Vec<(Content, Metadata, bool)>,
    /// How many rotated files had vanished or may not be read.
    pub(super) unread: u64,
}

enum Missing {
    Unread,
    NoLog,
}

fn open_by_id(
    path: &Path,
    wanted: &Found,
    check: fn(&Path, &mut Content) -> Result<(), Error>,
    limits: Limits,
) -> Option<Result<(Content, Metadata), Missing>> {
    let mut name = wanted.path.clone();
    for _ in 0..ATTEMPTS {
        let opened = open(&name, limits);
        let refusal = opened.as_ref().err().and_then(Error::io_kind);
        if let Ok(Some((mut content, metadata))) = opened
            && wanted.is_same(FileId::of(&metadata), birth(&metadata))
        {
            // The log itself is checked by its source, which reports what is wrong with it.
            let is_log = wanted.current || check(&name, &mut content).is_ok();
            return Some(if is_log { Ok((content, metadata)) } else { Err(Missing::NoLog) });
        }
        if refusal.is_some_and(|kind| !is_lasting(kind)) {
            return None;
        }
        let listed = list(path, limits)?;
        // It may be one of these archives by now, which the next look takes for what it is.
        let is_packed = |file: &Found| file.packed && file.ctime >= wanted.ctime;
        let was_packed = !wanted.packed && listed.iter().any(is_packed);
        match listed.into_iter().find(|file| file.is_same(wanted.id, wanted.birth)) {
            None if was_packed => return None,
            None => return Some(Err(Missing::Unread)),
            Some(file) if file.path == name && refusal.is_some() => {
                return Some(Err(Missing::Unread));
            }
            Some(file) => name = file.path,
        }
    }
    None
}

/// Opens the file among `listed` whose content fits the position, the same inode first. Which files
/// are those of other positions is known already: `others_taken`. `may_be`: whether a file is taken
/// whose text is that of the position, which has little. The outer `None` means as with
/// [`open_all`]: try again later.
///
/// # Errors
/// When a file can't be read.
pub(super) fn find(
    path: &Path,
    listed: &[Found],
    at: &Position,
    others_taken: &[FileId],
    may_be: impl Fn(&Found, &Position) -> bool,
    limits: Limits,
) -> io::Result<Option<Option<(usize, Content, Metadata)>>> {
    let same_inode = listed.iter().enumerate().filter(|(_, file)| file.is_inode_of(at));
    // A copy, an archive, or the same file after its device got another number.
    let others = listed.iter().enumerate().filter(|(_, file)| {
        !file.is_inode_of(at)
            && !others_taken.contains(&file.id)
            && (at.is_distinct() || may_be(file, at))
    });
    for (index, file) in same_inode.chain(others) {
        let opened = open_by_id(path, file, check_text_after_hole, limits);
        let Some(opened) = opened else { return Ok(None) };
        if let Ok((mut content, metadata)) = opened
            && at.is_content(&mut content)?
        {
            return Ok(Some(Some((index, content, metadata))));
        }
    }
    Ok(Some(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_number_date_or_time() {
        let check = |names: &[(&str, i64)], expect: &[&str]| {
            let found = names.iter().map(|&(name, mtime)| Found {
                path: name.into(),
                id: FileId { dev: 0, ino: 0 },
                birth: 0,
                mtime,
                ctime: 0,
                rank: rank(b"a", name.as_bytes()).unwrap_or(Rank::Word),
                current: name == "a",
                packed: false,
            });
            let order: Vec<_> =
                in_order(found.collect()).into_iter().map(|file| file.path).collect();
            assert_eq!(order, expect.iter().map(PathBuf::from).collect::<Vec<_>>());
        };
        let numbered = [("a", 0), ("a.1", 1), ("a.10", 9), ("a.2", 3)];
        check(&numbered, &["a.10", "a.2", "a.1", "a"]);
        let dated = [("a", 9), ("a-20261124", 1), ("a-20261123", 2), ("a-20261201", 0)];
        check(&dated, &["a-20261123", "a-20261124", "a-20261201", "a"]);
        let (early, late) = ("a.2026-10-25T02-30-00+0200.2", "a.2026-10-25T02-10-00+0100");
        let (first, tenth) = ("a.2026-10-25T02-30-00+0200", "a.2026-10-25T02-30-00+0200.10");
        let archives = [("a", 0), (late, 0), (tenth, 0), (early, 9), (first, 5)];
        check(&archives, &[first, early, tenth, late, "a"]);
        let mixed = [("a", 0), ("a.1", 5), ("a.old", 7), ("a-20261201", 6)];
        check(&mixed, &["a.1", "a-20261201", "a.old", "a"]);
    }
}
