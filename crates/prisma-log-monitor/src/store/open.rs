//! The database file: what may stand at the path, creating it, opening it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use redb::backends::FileBackend;
use redb::{ConcurrencyMode, Database, DatabaseError, ReadableDatabase, TableError, TableHandle};

use super::db::Fault;
use super::lock::{beside, lock};
use super::tables::{META, VERSION, VERSION_KEY};

/// How long to wait for a program that has the file to itself.
const BUSY: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(10);
pub(super) const CACHE_BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Open {
    pub(super) database: Arc<Database>,
    /// Which file it is, to notice when another one or none has taken its name.
    pub(super) identity: Option<FileIdentity>,
}

/// Device and inode.
pub(super) type FileIdentity = (u64, u64);

#[cfg(unix)]
pub(super) fn identity(metadata: &fs::Metadata) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(_: &fs::Metadata) -> Option<FileIdentity> {
    None
}

/// Whether the last name of an open file was removed.
#[cfg(unix)]
pub(super) fn has_no_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

#[cfg(not(unix))]
pub(super) fn has_no_name(_: &File) -> bool {
    false
}

/// Makes a store under another name and moves it into place, so that whoever is killed meanwhile
/// leaves no half of one.
pub(super) fn create_file(path: &Path) -> Result<(), Fault> {
    // What stands at the path, and the directory, are what a user can be told about best.
    if fs::symlink_metadata(path).is_ok() || !directory_of(path).is_dir() {
        file(path, true)?;
    }
    // A link leads to an empty file by now, whose place is to be taken, not the link's.
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    let _lock = lock(path, BUSY).map_err(|error| {
        let hint = "this user must be allowed to write to the store's directory";
        if error.is_io() { error.with_hint(hint) } else { error }
    })?;
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(());
    }
    let new = beside(path, "-new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io_at("remove", &new, error).into());
        }
        _ => {}
    }
    let database = database(file(&new, true)?)?;
    prepare(&database)?;
    database.close()?;
    fs::rename(&new, path).map_err(|e| Error::io_at("create alert store", path, e).into())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Opens the file and checks that it is ours.
pub(super) fn open_file(path: &Path) -> Result<Open, Fault> {
    let start = Instant::now();
    loop {
        let file = file(path, false)?;
        let metadata = file.metadata().map_err(|e| Error::io_at("read alert store", path, e))?;
        match database(file) {
            Err(DatabaseError::DatabaseAlreadyOpen) if start.elapsed() < BUSY => {
                thread::sleep(RETRY);
            }
            result => {
                let database = result?;
                prepare(&database)?;
                return Ok(Open { database: Arc::new(database), identity: identity(&metadata) });
            }
        }
    }
}

fn database(file: File) -> Result<Database, DatabaseError> {
    Database::builder()
        .set_cache_size(CACHE_BYTES)
        .set_concurrency_mode(ConcurrencyMode::MultiWriter)
        .set_check_integrity_on_open(true)
        .create_with_backend(FileBackend::new(file)?)
}

/// Opens the file itself; with `create` it may be missing or empty.
fn file(path: &Path, create: bool) -> Result<File, Fault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create);
    #[cfg(unix)]
    {
        // Alerts hold lines of logs, which are not for everybody either.
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o640);
    }
    let file = options.open(path).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound if create => "its directory must exist",
            io::ErrorKind::NotFound => "a monitor creates it when it is started with it",
            io::ErrorKind::IsADirectory => "name a file in it",
            _ => "this user must be allowed to read and write it",
        };
        Error::io_at("open alert store", path, error).with_hint(hint)
    })?;
    let metadata = file.metadata().map_err(|e| Error::io_at("read alert store", path, e))?;
    if !metadata.is_file() {
        return Err(Error::data(format!("{} is not a regular file", path.display())).into());
    }
    if metadata.len() == 0 && !create {
        let message = format!("{} is empty, not an alert store", path.display());
        return Err(Error::data(message).into());
    }
    Ok(file)
}

/// Checks that the file is ours, and sets up a new one.
pub(super) fn prepare(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(meta) => match meta.get(VERSION_KEY)?.map(|version| version.value()) {
            Some(VERSION) => return Ok(()),
            Some(version) if version < VERSION => {
                drop(meta);
                drop(transaction);
                return upgrade(database);
            }
            Some(version) => {
                return Err(Error::data(format!(
                    "the alert store has version {version}, this program knows {VERSION}"
                ))
                .with_hint("use the program that wrote it, or another file")
                .into());
            }
            None => return Err(foreign().into()),
        },
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(TableError::TableTypeMismatch { .. } | TableError::TypeDefinitionChanged { .. }) => {
            return Err(foreign().into());
        }
        Err(error) => return Err(error.into()),
    }
    if transaction.list_tables()?.next().is_some() {
        return Err(foreign().into());
    }
    drop(transaction);
    let transaction = database.begin_write()?;
    // Another process may have been quicker.
    let others = transaction.list_tables()?.any(|table| table.name() != META.name());
    if !others {
        transaction.open_table(META)?.insert(VERSION_KEY, VERSION)?;
        super::tables::create(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Brings a store of an earlier version up to this one: rows are read in either form, tables that it
/// lacks are empty.
fn upgrade(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    super::tables::create(&transaction)?;
    transaction.open_table(META)?.insert(VERSION_KEY, VERSION)?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn foreign() -> Error {
    Error::data("the file is a database of another program, not an alert store")
}
