//! A process with a sink, as a front end with a queue drives it.

mod records;
mod setup;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_core::{Encoder, Error, Record, Sink as _, SinkCommand, SinkPosition};

use super::calls::{Fault, Os, Shared};
use super::disk::Pid;
use super::ledger::{Id, Ledger, State};
use super::names;
use crate::failure::Failures;
use crate::fs::Fs;
use crate::names::Names;
use crate::zone::Zone;
use crate::{FileSink, Sync};
pub(super) use setup::Setup;

/// Who took a record that is found where a process that died had written it.
const NOBODY: Pid = Pid::MAX;

/// Writes the message, and whether it is written for the second time.
struct Bare;

impl Encoder for Bare {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record.message.as_bytes());
        if record.recovered {
            out.push(b'!');
        }
    }
}

/// A ledger that all services of a case and whoever interferes write to.
#[derive(Clone, Default)]
pub(super) struct Book(Arc<Mutex<Ledger>>);

impl Book {
    pub(super) fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a call of the sink ended.
#[derive(Debug)]
pub(super) enum Ended {
    Well,
    Failed(Error),
    /// The process died in it, or there is none.
    Died,
}

/// What was under way when the process died.
struct Doubt {
    /// Where its sink was.
    since: SinkPosition,
    ids: Vec<Id>,
    /// Files that were moved, deleted, truncated or compressed since may hold what is not found.
    disturbances: u64,
}

pub(super) struct Service {
    pub(super) number: usize,
    pub(super) shared: Shared,
    pub(super) book: Book,
    pub(super) setup: Setup,
    pub(super) os: Os,
    pub(super) sink: Option<FileSink>,
    pub(super) queue: VecDeque<Id>,
    doubt: Option<Doubt>,
    /// How often the disk had been disturbed when the sink last had a look at it.
    seen: u64,
    /// The first record of the last batch that was taken whole.
    pub(super) written: Option<Id>,
    pub(super) errors: Arc<Mutex<Vec<String>>>,
}

impl Service {
    pub(super) fn new(number: usize, shared: &Shared, book: &Book, setup: &Setup) -> Service {
        Service {
            number,
            shared: shared.clone(),
            book: book.clone(),
            setup: setup.clone(),
            os: shared.process(),
            sink: None,
            queue: VecDeque::new(),
            doubt: None,
            seen: 0,
            written: None,
            errors: Arc::default(),
        }
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        self.shared.lock().tell(|| format!("  {}: {}", self.number, what()));
    }

    /// New records for the queue.
    pub(super) fn log(&mut self, sizes: &[usize]) {
        let mut book = self.book.open();
        for size in sizes {
            self.queue.push_back(book.record(self.number, *size));
        }
    }

    /// Gives the process an end, as a signal would.
    pub(super) fn kill(&mut self) {
        self.os.kill();
        self.bury();
    }

    fn bury(&mut self) {
        self.sink = None;
    }

    /// Stops as a service does that is asked to.
    pub(super) fn stop(&mut self) {
        self.sink = None;
    }

    /// Starts the sink in a new process, and finds out what the one before had written.
    pub(super) fn start(&mut self, fault: Option<Fault>) -> Result<Ended, String> {
        // What a former process wrote was under another plan, it may be.
        self.written = None;
        self.sink = None;
        self.os.kill();
        self.os = self.shared.process();
        self.os.fault(fault);
        self.build()
    }

    /// Starts the sink in a new process, where what goes wrong with the old one goes on.
    pub(super) fn start_again(&mut self) -> Result<Ended, String> {
        self.sink = None;
        self.os.kill();
        let before = std::mem::replace(&mut self.os, self.shared.process());
        self.os.succeeds(&before);
        self.build()
    }

    fn build(&mut self) -> Result<Ended, String> {
        let errors = Arc::clone(&self.errors);
        let Setup { rotation, retention, compression: _, sync, sync_on_flush, link, when_full } =
            self.setup.clone();
        let path = format!("{}/{}", names::FOLDER, names::BASE);
        let mut builder = FileSink::builder(path)
            .encoder(Bare)
            .fs(Arc::new(self.os.clone()))
            .retention(retention)
            .sync(sync)
            .sync_on_flush(sync_on_flush)
            .on_error(move |error| {
                errors.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
            });
        if let Some(rotation) = rotation {
            builder = builder.rotation(rotation);
        }
        if link {
            builder = builder.current_link(format!("{}/current", names::FOLDER));
        }
        if let Some(keep) = when_full {
            builder = builder.delete_when_full(keep);
        }
        let built = self.contained(|_| builder.build())?;
        if self.os.is_dead() {
            self.bury();
            return Ok(Ended::Died);
        }
        match built {
            Ok(sink) => self.sink = Some(sink),
            Err(error) => {
                self.tell(|| format!("does not start: {error}"));
                return Ok(Ended::Failed(error));
            }
        }
        self.seen = self.shared.lock().disk.disturbances;
        self.recover()?;
        Ok(if self.os.is_dead() { Ended::Died } else { Ended::Well })
    }

    fn contained<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> Result<R, String> {
        catch_unwind(AssertUnwindSafe(|| f(self))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            format!("the sink panicked: {}", text.unwrap_or_default())
        })
    }

    pub(super) fn flush(&mut self) -> Result<Ended, String> {
        self.tell(|| "flushes".to_owned());
        self.ask(FileSink::flush)
    }

    /// Does what the sink wants to do by now, if anything.
    pub(super) fn maintain(&mut self) -> Result<Ended, String> {
        let due = self.sink.as_ref().and_then(|sink| sink.due());
        if due.is_none_or(|due| due > self.os.now()) {
            return Ok(Ended::Well);
        }
        self.tell(|| "maintains".to_owned());
        let grouped = self.setup.sync != Sync::PageCache;
        match self.ask(FileSink::maintain)? {
            Ended::Well if !grouped => Ok(Ended::Well),
            other => Ok(other),
        }
    }

    pub(super) fn command(&mut self, command: SinkCommand) -> Result<Ended, String> {
        self.tell(|| format!("is told to {command:?}"));
        self.ask(|sink| sink.command(command))
    }

    fn ask(
        &mut self,
        question: impl FnOnce(&mut FileSink) -> Result<(), Error>,
    ) -> Result<Ended, String> {
        let answer = self.contained(|service| service.sink.as_mut().map(question))?;
        if self.os.is_dead() {
            self.bury();
            return Ok(Ended::Died);
        }
        Ok(match answer {
            None => Ended::Died,
            Some(Ok(())) => Ended::Well,
            Some(Err(error)) => {
                self.tell(|| format!("fails: {error}"));
                Ended::Failed(error)
            }
        })
    }

    /// Flushes until that succeeds. What is in doubt is told once: what was written before, and
    /// then perhaps what stands behind it in the same file.
    pub(super) fn flush_at_last(&mut self) -> Result<(), String> {
        for _ in 0..2 {
            if matches!(self.flush_checked()?, Ended::Well) {
                break;
            }
        }
        match self.flush_checked()? {
            Ended::Well => Ok(()),
            ended => Err(format!("nothing is wrong any more, and a flush ends so: {ended:?}")),
        }
    }

    /// A flush, and what its answer means for a power cut.
    pub(super) fn flush_checked(&mut self) -> Result<Ended, String> {
        let ended = self.flush()?;
        if self.setup.syncs() {
            let mut world = self.shared.lock();
            let mut book = self.book.open();
            book.settle(&mut world.disk)?;
            match &ended {
                Ended::Well => book.check_stable(&world.disk, self.os.pid)?,
                Ended::Failed(_) => book.doubt(self.os.pid),
                Ended::Died => {}
            }
        }
        Ok(ended)
    }

    /// Acts as if the front end had died with the process before it was told that these records,
    /// which were written last, had been taken.
    pub(super) fn forget(&mut self, ids: &[Id], since: SinkPosition) {
        self.kill();
        let mut book = self.book.open();
        ids.iter().for_each(|id| book.lines[*id].state = State::Waiting);
        self.doubt = Some(Doubt { since, ids: ids.to_vec(), disturbances: self.seen });
    }

    /// One look of the compressing thread over the folder, in the service's process.
    pub(super) fn compress(&mut self) -> Result<Ended, String> {
        let Some(packing) = self.setup.compression.packing() else { return Ok(Ended::Well) };
        if self.sink.is_none() {
            return Ok(Ended::Died);
        }
        self.tell(|| "compresses".to_owned());
        let path = Path::new(names::FOLDER);
        let own = Names::new(OsStr::new(names::BASE), Zone::UTC);
        let errors = Arc::clone(&self.errors);
        let failures = Failures::new(Some(Box::new(move |error: &Error| {
            errors.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
        })));
        let os = self.os.clone();
        self.contained(|_| match os.folder(path) {
            Ok(folder) => {
                let user = os.user();
                crate::compress::look_over(&*folder, path, &own, packing, user, &failures);
            }
            Err(error) => failures.report(&Error::io_at("open", path, error)),
        })?;
        if self.os.is_dead() {
            self.bury();
            return Ok(Ended::Died);
        }
        Ok(Ended::Well)
    }

    pub(super) fn is_running(&self) -> bool {
        self.sink.is_some()
    }

    pub(super) fn has_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    pub(super) fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
