//! Where segments are: files of this user and service, each locked by the process that owns it.

use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use prisma_log_core::Error;

use crate::os;
use crate::overflow::Overflow;
use crate::segment::{About, Backing, Segment, Sizes};

/// Where a pipeline keeps its queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Memory {
    /// Below `$XDG_RUNTIME_DIR`, else below `/dev/shm`; in memory of the process alone when neither
    /// can be written, which [`Health`](crate::Health) says.
    #[default]
    Default,
    /// Below this folder: it should be a file system in memory. An error when it can't be written.
    Dir(PathBuf),
    /// In memory of the process alone: what is queued when it is killed is lost.
    Anonymous,
}

/// How the folder of a user begins, before the user's number.
pub(crate) const USER_PREFIX: &str = "prisma-log-";
/// Extension of a segment's file.
const EXTENSION: &str = "ring";
/// Extension of the file that it spills to.
const SPILL_EXTENSION: &str = "spill";

/// How a pipeline's segments are made: also in its forked children.
pub(crate) struct Store {
    /// The folder of the service's segments; none for anonymous memory.
    pub(crate) folder: Option<PathBuf>,
    /// Why there is no folder, when one was looked for.
    pub(crate) why_anonymous: Option<String>,
    service: String,
    sizes: Sizes,
    spill: Option<PathBuf>,
    sinks: Vec<String>,
}

impl Store {
    /// Finds the folder, and makes it.
    pub(crate) fn open(
        memory: &Memory,
        service: &str,
        sizes: Sizes,
        overflow: &Overflow,
        sinks: Vec<String>,
    ) -> Result<Self, Error> {
        let mut store = Store {
            folder: None,
            why_anonymous: None,
            service: service.to_owned(),
            sizes,
            spill: None,
            sinks,
        };
        match memory {
            Memory::Anonymous => {}
            Memory::Dir(dir) => {
                store.folder = Some(service_folder(dir, service).map_err(|error| {
                    let what = format!("cannot make a folder for the queue in {}", dir.display());
                    Error::io(what, error)
                })?);
            }
            Memory::Default => match default_folder(service) {
                Ok(folder) => store.folder = Some(folder),
                Err(why) => store.why_anonymous = Some(why),
            },
        }
        if let Overflow::Spill { dir, .. } = overflow {
            let what = || format!("cannot make the folder to spill to, {}", dir.display());
            std::fs::create_dir_all(dir).map_err(|error| Error::io(what(), error))?;
            store.spill =
                Some(service_folder(dir, service).map_err(|error| Error::io(what(), error))?);
        }
        Ok(store)
    }

    /// Makes a segment of this process; in anonymous memory when the folder has no room for it, and
    /// then why.
    pub(crate) fn segment(&self, started_nanos: u64) -> Result<(Segment, Option<String>), Error> {
        let (spill, spill_backing) = match &self.spill {
            None => (None, None),
            Some(folder) => {
                let backing = create(folder, SPILL_EXTENSION).map_err(|error| {
                    let what = format!("cannot make a file to spill to in {}", folder.display());
                    Error::io(what, error)
                })?;
                let mapped = backing
                    .file
                    .set_len(self.sizes.spill_len() as u64)
                    .and_then(|()| os::map_file(&backing.file, self.sizes.spill_len()));
                let mapped = mapped.map_err(|error| {
                    Error::io(format!("cannot map {}", backing.path.display()), error)
                })?;
                (Some(mapped), Some(backing))
            }
        };
        let sinks: Vec<&str> = self.sinks.iter().map(String::as_str).collect();
        let about = About {
            service: &self.service,
            started_nanos,
            sinks: &sinks,
            spill: spill_backing.as_ref().map(|backing| &*backing.path),
        };
        let len = self.sizes.memory_len();
        let mut why = self.why_anonymous.clone();
        if let Some(folder) = &self.folder {
            match map_new(folder, len, self.sizes.head_len()) {
                Ok((memory, backing)) => {
                    let mut segment = Segment::new(memory, spill, self.sizes, &about);
                    segment.backing = Some(backing);
                    segment.spill_backing = spill_backing;
                    return Ok((segment, None));
                }
                Err(error) => why = Some(format!("{}: {error}", folder.display())),
            }
        }
        let memory = map_memory(len)?;
        let mut segment = Segment::new(memory, spill, self.sizes, &about);
        segment.spill_backing = spill_backing;
        Ok((segment, why))
    }

    /// Makes a segment without any file.
    pub(crate) fn anonymous_segment(&self, started_nanos: u64) -> Result<Segment, Error> {
        let sinks: Vec<&str> = self.sinks.iter().map(String::as_str).collect();
        let about = About { service: &self.service, started_nanos, sinks: &sinks, spill: None };
        let sizes = Sizes { spill_chunks: 0, ..self.sizes };
        Ok(Segment::new(map_memory(sizes.memory_len())?, None, sizes, &about))
    }
}

fn map_memory(len: usize) -> Result<os::Mapping, Error> {
    os::map_anonymous(len).map_err(|error| Error::io("cannot get memory for the queue", error))
}

fn map_new(folder: &Path, len: usize, head: usize) -> io::Result<(os::Mapping, Backing)> {
    let backing = create(folder, EXTENSION)?;
    let mapped = backing
        .file
        .set_len(len as u64)
        .and_then(|()| os::reserve(&backing.file, head as u64))
        // Opened anew: a mapping keeps what it was made from open, lock included, and a forked child
        // has the mapping for as long as it lives.
        .and_then(|()| OpenOptions::new().read(true).write(true).open(&backing.path))
        .and_then(|unlocked| os::map_file(&unlocked, len));
    match mapped {
        Ok(mapping) => Ok((mapping, backing)),
        Err(error) => {
            let _gone = fs::remove_file(&backing.path);
            Err(error)
        }
    }
}

/// Makes a new file and locks it before anyone can take it for an orphan.
fn create(folder: &Path, extension: &str) -> io::Result<Backing> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    private(&mut options);
    loop {
        let number = RandomState::new().hash_one(std::process::id()) as u32;
        let path = folder.join(format!("{}-{number:08x}.{extension}", std::process::id()));
        let file = options.open(&path)?;
        // Someone who looks for orphans may hold the lock for a moment.
        file.lock()?;
        // He may have taken the file, still empty, for one whose process had died.
        if path.exists() {
            return Ok(Backing { path, file });
        }
    }
}

/// Why default memory can't be had, or the service's folder in it.
fn default_folder(service: &str) -> Result<PathBuf, String> {
    let mut why = Vec::new();
    for dir in default_dirs() {
        match service_folder(&dir, service) {
            Ok(folder) => return Ok(folder),
            Err(error) => why.push(format!("{}: {error}", dir.display())),
        }
    }
    Err(why.join("; "))
}

/// Folder of all services of this user below `dir`.
pub(crate) fn user_folder(dir: &Path) -> PathBuf {
    dir.join(format!("{USER_PREFIX}{}", os::user_id()))
}

/// The folders where [`Memory::Default`] keeps queues.
pub(crate) fn default_dirs() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    runtime.into_iter().filter(|dir| dir.is_absolute()).chain(["/dev/shm".into()]).collect()
}

fn service_folder(dir: &Path, service: &str) -> io::Result<PathBuf> {
    if !dir.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no such directory"));
    }
    let user = user_folder(dir);
    make_private(&user)?;
    let folder = user.join(file_name(service));
    make_private(&folder)?;
    Ok(folder)
}

/// A service's name as that of a folder.
fn file_name(service: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = service.chars().map(|c| if plain(c) { c } else { '_' }).take(100).collect();
    if name.trim_start_matches('.').is_empty() { "service".into() } else { name }
}

/// Makes a folder that nobody else may look into; one that is there must be this user's own: in
/// `/dev/shm` anyone can make one.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let found = fs::symlink_metadata(folder)?;
    #[cfg(unix)]
    let ours = std::os::unix::fs::MetadataExt::uid(&found) == os::user_id();
    #[cfg(not(unix))]
    let ours = true;
    if found.is_dir() && ours {
        Ok(())
    } else {
        let what = format!("{} is not a folder of this user", folder.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
    }
}

fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _same: &mut OpenOptions = options;
}

/// What was found where a segment might be.
pub(crate) enum Found {
    /// A segment that no process has, and what of it is gone, if anything is.
    Orphan(Segment, Option<String>),
    /// Its process lives.
    Owned,
    /// Why it can't be used.
    Bad(String),
}

/// The files in a service's folder that are segments by their names.
pub(crate) fn segment_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Takes over what a dead process left at this path.
pub(crate) fn adopt(path: &Path) -> Found {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let file = match opened {
        Ok(file) => file,
        // Another start was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Owned,
        Err(error) => return Found::Bad(error.to_string()),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Found::Owned,
        Err(TryLockError::Error(error)) => return Found::Bad(error.to_string()),
    }
    // Unlinked between opening and locking: another start has been through with it.
    if !path.exists() {
        return Found::Owned;
    }
    let adopted = file
        .metadata()
        .and_then(|metadata| os::map_file(&file, metadata.len() as usize))
        .map_err(|error| error.to_string())
        .and_then(|memory| Segment::adopt(memory).map_err(str::to_owned));
    let mut segment = match adopted {
        Ok(segment) => segment,
        Err(why) => return Found::Bad(why),
    };
    let mut lost = None;
    if let Some(spill) = segment.spill_path().map(Path::to_owned) {
        match open_spill(&spill, segment.sizes.spill_len()) {
            Ok((mapping, backing)) => {
                segment.attach_spill(mapping);
                segment.spill_backing = Some(backing);
            }
            // What is gone does not come back: the rest is not to wait for it.
            Err(error) if is_gone(&error) => {
                lost = Some(format!("{}, which it spilled to: {error}", spill.display()));
            }
            Err(error) => return Found::Bad(format!("{}: {error}", spill.display())),
        }
    }
    segment.backing = Some(Backing { path: path.to_owned(), file });
    Found::Orphan(segment, lost)
}

/// Removes what a process left here that died while it made its segment; whether it was that.
pub(crate) fn remove_unborn(path: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return false };
    let Ok(len) = file.metadata().map(|metadata| metadata.len() as usize) else { return false };
    let is_unborn = |len: usize| {
        len == 0 || os::map_file(&file, len).is_ok_and(|memory| Segment::is_unborn(&memory))
    };
    file.try_lock().is_ok() && is_unborn(len) && fs::remove_file(path).is_ok()
}

/// A segment that others may have, for what does not change in it: who made it, and when.
pub(crate) fn look_at(path: &Path) -> Option<Segment> {
    let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
    let len = file.metadata().ok()?.len() as usize;
    Segment::adopt(os::map_file(&file, len).ok()?).ok()
}

/// Deleted, or cut off.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
}

fn open_spill(path: &Path, len: usize) -> io::Result<(os::Mapping, Backing)> {
    // The file is removed in the end: what was not made by a pipeline is not taken for its own.
    if path.extension().is_none_or(|extension| extension != SPILL_EXTENSION) {
        return Err(io::Error::other("this is no file that a queue spills to"));
    }
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mapping = os::map_file(&file, len)?;
    Ok((mapping, Backing { path: path.to_owned(), file }))
}

/// Removes a segment's files: nothing is left in it.
pub(crate) fn remove(segment: &Segment) -> io::Result<()> {
    let mut removed = Ok(());
    for backing in segment.spill_backing.iter().chain(&segment.backing) {
        match fs::remove_file(&backing.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => removed = Err(error),
            _ => {}
        }
    }
    removed
}
