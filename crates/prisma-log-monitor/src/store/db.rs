//! The database file: opening, transactions, and what can go wrong with them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    ConcurrencyMode, Database, DatabaseError, ReadTransaction, ReadableDatabase, TableError,
    TableHandle, WriteTransaction,
};

use super::lock::{beside, lock};
use super::tables::{META, VERSION, VERSION_KEY};

/// How long to wait for a program that has the file to itself.
const BUSY: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(10);
const CACHE_BYTES: usize = 16 << 20;

/// A database that several processes use at the same time, one write transaction after the other.
#[derive(Debug)]
pub(super) struct Db {
    /// `None` for one in memory.
    path: Option<PathBuf>,
    /// Taken away after an error, so that the next use opens the file afresh.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    database: Arc<Database>,
    /// Which file it is, to notice when another one or none has taken its name.
    identity: Option<FileIdentity>,
}

/// Device and inode.
type FileIdentity = (u64, u64);

/// What can go wrong in a transaction.
pub(super) enum Fault {
    Database(redb::Error),
    Own(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Own(error)
    }
}

macro_rules! from_database {
    ($($error:ty),*) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Fault::Database(error.into())
            }
        })*
    };
}

from_database!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError
);

impl Db {
    /// Opens the file; creates it if `create` says so.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, Error> {
        let db = Db { path: Some(path.to_owned()), open: Mutex::new(None) };
        db.guard(|| {
            if create && fs::metadata(path).map_or(true, |m| m.is_file() && m.len() == 0) {
                create_file(path)?;
            }
            *db.slot() = Some(open_file(path)?);
            Ok(())
        })?;
        Ok(db)
    }

    pub(super) fn in_memory() -> Result<Self, Error> {
        let db = Db { path: None, open: Mutex::new(None) };
        db.guard(|| {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES);
            let database = builder.create_with_backend(InMemoryBackend::new())?;
            prepare(&database)?;
            *db.slot() = Some(Open { database: Arc::new(database), identity: None });
            Ok(())
        })?;
        Ok(db)
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Does `work` in one transaction, which is durable when this returns.
    pub(super) fn write<R>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<R, Fault>,
    ) -> Result<R, Error> {
        self.guard(|| {
            let database = self.database()?;
            let transaction = database.begin_write()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    /// Does `work` on one consistent state.
    pub(super) fn read<R>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<R, Fault>,
    ) -> Result<R, Error> {
        self.guard(|| work(&self.database()?.begin_read()?))
    }

    fn database(&self) -> Result<Arc<Database>, Fault> {
        let mut slot = self.slot();
        if let Some(open) = &*slot
            && (open.identity.is_none() || open.identity == self.identity())
        {
            return Ok(Arc::clone(&open.database));
        }
        let Some(path) = &self.path else {
            return Err(Error::state("the alert store in memory is lost after an error").into());
        };
        // Nobody would ever see what is written to a file that has lost its name.
        *slot = None;
        let open = open_file(path)?;
        let database = Arc::clone(&open.database);
        *slot = Some(open);
        Ok(database)
    }

    fn identity(&self) -> Option<FileIdentity> {
        self.path.as_ref().and_then(|path| identity(&fs::metadata(path).ok()?))
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns what went wrong into an error with the path. A damaged file may also make the database
    /// panic, which is an error like the others.
    fn guard<R>(&self, work: impl FnOnce() -> Result<R, Fault>) -> Result<R, Error> {
        let fault = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(Fault::Own(error))) => return Err(self.with_path(error)),
            Ok(Err(Fault::Database(fault))) => fault,
            Err(_) => redb::Error::Corrupted("reading it failed".into()),
        };
        if self.path.is_some() {
            *self.slot() = None;
        }
        Err(explain(fault, &self.name()))
    }

    /// Says which store's data an error is about, unless it does already.
    fn with_path(&self, error: Error) -> Error {
        let name = self.name();
        if !error.is_data() || error.message().contains(&name) {
            return error;
        }
        let named = Error::data(format!("alert store {name}: {}", error.message()));
        match error.hint() {
            Some(hint) => named.with_hint(hint),
            None => named,
        }
    }

    fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "in memory".into(),
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Option<FileIdentity> {
    None
}

/// Makes a store under another name and moves it into place, so that whoever is killed meanwhile
/// leaves no half of one.
fn create_file(path: &Path) -> Result<(), Fault> {
    // What stands at the path, and the directory, are what a user can be told about best.
    if fs::symlink_metadata(path).is_ok() || !directory_of(path).is_dir() {
        file(path, true)?;
    }
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
fn open_file(path: &Path) -> Result<Open, Fault> {
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
fn prepare(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(meta) => match meta.get(VERSION_KEY)?.map(|version| version.value()) {
            Some(VERSION) => return Ok(()),
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

fn foreign() -> Error {
    Error::data("the file is a database of another program, not an alert store")
}

fn explain(fault: redb::Error, name: &str) -> Error {
    let damaged = "move it away to start with an empty one; its alerts and positions are lost then";
    match fault {
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Error::data(format!("{name} is not an alert store")).with_source(error)
        }
        redb::Error::Io(error) => Error::io(format!("cannot use alert store {name}"), error),
        redb::Error::DatabaseAlreadyOpen => Error::state(format!(
            "the alert store {name} is in use by a program that does not share it"
        )),
        redb::Error::Corrupted(_) | redb::Error::LockPoisoned(_) | redb::Error::RepairAborted => {
            Error::data(format!("the alert store {name} is damaged"))
                .with_source(fault)
                .with_hint(damaged)
        }
        redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_) => {
            Error::data(format!("alert store {name}: {}", foreign().message()))
        }
        other => Error::data(format!("cannot use alert store {name}")).with_source(other),
    }
}
