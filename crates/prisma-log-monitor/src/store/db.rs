//! The database: transactions, and what can go wrong with them.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prisma_log_core::Error;
use redb::backends::InMemoryBackend;
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::open::{
    CACHE_BYTES, FileIdentity, Open, create_file, foreign, has_no_name, identity, open_file,
    prepare,
};

/// A database that several processes use at the same time, one write transaction after the other.
#[derive(Debug)]
pub(super) struct Db {
    /// `None` for one in memory.
    path: Option<PathBuf>,
    /// Taken away after an error, so that the next use opens the file afresh.
    open: Mutex<Option<Open>>,
    /// The file that was opened last, to see whether it is deleted or only somewhere else.
    witness: Mutex<Option<File>>,
    /// How many transactions there were.
    transactions: AtomicU32,
}

/// One in so many transactions of a database in memory is completed as if it were to last: only these
/// give pages back.
const COMPLETE_EVERY: u32 = 64;

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
    redb::SetDurabilityError,
    redb::DatabaseError
);

impl Db {
    /// Opens the file; creates it if `create` says so.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, Error> {
        let db = Db::closed(Some(path.to_owned()));
        db.guard(|| {
            if create && fs::metadata(path).map_or(true, |m| m.is_file() && m.len() == 0) {
                create_file(path)?;
            }
            db.reopen(&mut db.slot(), path)?;
            Ok(())
        })?;
        Ok(db)
    }

    pub(super) fn in_memory() -> Result<Self, Error> {
        let db = Db::closed(None);
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

    fn closed(path: Option<PathBuf>) -> Self {
        Db {
            path,
            open: Mutex::new(None),
            witness: Mutex::new(None),
            transactions: AtomicU32::new(0),
        }
    }

    pub(super) fn is_deleted(&self) -> bool {
        let missing = |path: &PathBuf| {
            fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let witness = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
        self.path.as_ref().is_some_and(missing) && witness.as_ref().is_some_and(has_no_name)
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
            let mut transaction = database.begin_write()?;
            let number = self.transactions.fetch_add(1, Ordering::Relaxed);
            if self.path.is_none() && !number.is_multiple_of(COMPLETE_EVERY) {
                // There is nothing that it could outlive, and it takes half the time.
                transaction.set_durability(Durability::None)?;
            }
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
        self.reopen(&mut slot, path)
    }

    fn reopen(&self, slot: &mut Option<Open>, path: &Path) -> Result<Arc<Database>, Fault> {
        let open = open_file(path)?;
        // A handle of its own: the database's has a lock, which a copy of it would prolong.
        *self.witness.lock().unwrap_or_else(PoisonError::into_inner) = File::open(path).ok();
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
