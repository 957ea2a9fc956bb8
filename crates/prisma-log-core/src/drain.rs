//! The synchronous front end: puts sinks under a slog logger.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use slog::{Drain, FlushError, Never, OwnedKVList};

use crate::capture::with_capture;
use crate::contain::contain;
use crate::report::{ErrorHandler, Reporter};
use crate::{
    Clock, ContextData, ContextSource, DropReason, Error, Filter, Ledger, LedgerSnapshot, Level,
    Record, Sink, SinkCommand, Site, SystemClock, Timestamp,
};

/// Puts one or several [`Sink`]s under a [`slog::Logger`]; writes each record before the call
/// returns.
///
/// A record's logger name is the one given by [`SinkDrain::named`], else the module path of the
/// call. Clones share sinks, counters and the sequence. A sink's failure or panic, and a value
/// whose `Display` panics, are contained: the log call returns as ever, the loss is counted in
/// the sink's ledger and reported.
///
/// ```
/// use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkDrain};
/// use slog::{info, o};
///
/// struct Print;
/// impl Sink for Print {
///     fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
///         for record in batch {
///             println!("{} {} {:?}", record.level, record.message, record.fields);
///         }
///         Ok(())
///     }
///     fn flush(&mut self) -> Result<(), Error> {
///         Ok(())
///     }
///     fn durability(&self) -> Durability {
///         Durability::Memory
///     }
/// }
///
/// let log = slog::Logger::root(SinkDrain::new(Print), o!("version" => 1));
/// info!(log, "order processed"; "amount" => 99.9);
/// ```
#[derive(Clone)]
pub struct SinkDrain {
    shared: Arc<Shared>,
    named: Option<Named>,
}

/// What is known once the logger's name is: no directive is searched on the way of a record.
#[derive(Clone)]
struct Named {
    name: Arc<str>,
    /// The least level that any sink takes.
    least: Option<Level>,
    /// The least level that each sink's own filter lets pass.
    by_sink: Arc<[Option<Level>]>,
}

struct Shared {
    sinks: Vec<Slot>,
    filter: Filter,
    /// The least level that any sink takes from any logger.
    least: Option<Level>,
    clock: Box<dyn Clock>,
    context: Option<Box<dyn ContextSource>>,
    sequence: AtomicU64,
    reporter: Reporter,
}

struct Slot {
    name: String,
    filter: Filter,
    ledger: Ledger,
    occupant: Occupant,
    sink: Mutex<Box<dyn Sink>>,
}

// Panics are contained around every sink call and a poisoned lock is taken over, so a caller that
// unwinds through a log call leaves nothing half-done behind that a later call would trip over.
impl UnwindSafe for SinkDrain {}
impl RefUnwindSafe for SinkDrain {}

impl SinkDrain {
    /// A drain over one sink that takes everything.
    pub fn new(sink: impl Sink + 'static) -> Self {
        SinkDrain::builder().sink("sink", Filter::default(), sink).build()
    }

    /// Starts from no sinks, no context, the system's clock, and a filter that lets all pass.
    pub fn builder() -> SinkDrainBuilder {
        SinkDrainBuilder {
            slots: Vec::new(),
            filter: Filter::default(),
            clock: Box::new(SystemClock),
            context: None,
            on_error: None,
        }
    }

    /// The same sinks under a fixed logger name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        let by_sink = self.shared.sinks.iter().map(|slot| slot.filter.level_for(name)).collect();
        let named = Named { name: name.into(), least: self.shared.least_for(name), by_sink };
        SinkDrain { shared: Arc::clone(&self.shared), named: Some(named) }
    }

    /// Whether any sink would take a record of this level from this logger; a few instructions.
    #[inline]
    pub fn enabled(&self, level: Level) -> bool {
        let least = match &self.named {
            Some(named) => named.least,
            None => self.shared.least,
        };
        least.is_some_and(|least| level >= least)
    }

    /// Flushes every sink.
    ///
    /// # Errors
    /// The first failure, with the sink's name; all sinks are flushed whatever one returns, and
    /// every failure goes to the error handler too.
    pub fn flush_sinks(&self) -> Result<(), Error> {
        self.for_each_sink("flush", |sink| {
            let maintained = sink.maintain();
            sink.flush().and(maintained)
        })
    }

    /// Asks something of every sink, such as [`SinkCommand::Reopen`] after log files were moved.
    ///
    /// # Errors
    /// The first failure, with the sink's name; all sinks are asked whatever one returns, and
    /// every failure goes to the error handler too.
    pub fn command_sinks(&self, command: SinkCommand) -> Result<(), Error> {
        self.for_each_sink("command", |sink| sink.command(command))
    }

    fn for_each_sink(
        &self,
        verb: &str,
        mut call: impl FnMut(&mut dyn Sink) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.shared.holds_this_thread() {
            return Err(Error::state(format!(
                "a sink can't {verb} the drain that it is a part of"
            )));
        }
        let mut first = Ok(());
        for slot in &self.shared.sinks {
            if let Err(error) = slot.call(&mut call) {
                self.shared.reporter.report(&slot.name, &error);
                let error =
                    Error::state(format!("cannot {verb} sink {}", slot.name)).with_source(error);
                first = first.and(Err(error));
            }
        }
        first
    }

    /// The ledger of each sink, by the sink's name.
    pub fn ledgers(&self) -> Vec<(String, LedgerSnapshot)> {
        let sinks = self.shared.sinks.iter();
        sinks.map(|slot| (slot.name.clone(), slot.ledger.snapshot())).collect()
    }

    /// How many failures were reported so far.
    pub fn failures(&self) -> u64 {
        self.shared.reporter.count()
    }
}

impl Shared {
    /// Whether the calling thread is inside one of the sinks.
    fn holds_this_thread(&self) -> bool {
        self.sinks.iter().any(|slot| slot.occupant.is_this_thread())
    }

    fn now(&self) -> Timestamp {
        contain(|| self.clock.now()).unwrap_or_else(|reason| {
            let error = Error::state(format!("the clock panicked: {reason}"));
            self.reporter.report("clock", &error);
            SystemClock.now()
        })
    }

    fn context(&self) -> Option<Arc<ContextData>> {
        let source = self.context.as_ref()?;
        contain(|| source.current()).unwrap_or_else(|reason| {
            let error = Error::state(format!("the context source panicked: {reason}"));
            self.reporter.report("context", &error);
            None
        })
    }

    /// The least level that any sink takes from this logger.
    fn least_for(&self, logger: &str) -> Option<Level> {
        let global = self.filter.level_for(logger)?;
        let sinks = self.sinks.iter().filter_map(|slot| slot.filter.level_for(logger));
        sinks.min().map(|least| least.max(global))
    }
}

impl Slot {
    fn sink(&self) -> MutexGuard<'_, Box<dyn Sink>> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, call: &mut impl FnMut(&mut dyn Sink) -> Result<(), Error>) -> Result<(), Error> {
        let mut sink = self.sink();
        let _inside = self.occupant.enter();
        contain(|| call(&mut **sink)).unwrap_or_else(|reason| Err(panicked(&reason)))
    }

    /// Hands the record to the sink; what of it has to be reported.
    fn write(&self, record: &Record<'_>) -> Result<(), Error> {
        let mut sink = self.sink();
        let _inside = self.occupant.enter();
        let maintained = contain(|| match sink.due() {
            Some(due) if due <= Instant::now() => sink.maintain(),
            _ => Ok(()),
        });
        let (reason, error) = match contain(|| sink.write(std::slice::from_ref(record))) {
            Ok(Ok(())) => {
                self.ledger.deliver(1);
                return maintained.unwrap_or_else(|reason| Err(panicked(&reason)));
            }
            // Taken all the same: what failed came after the record was safe.
            Ok(Err(failed)) if failed.delivered >= 1 => {
                self.ledger.deliver(1);
                return Err(failed.error);
            }
            Ok(Err(failed)) => (DropReason::SinkFailed, failed.error),
            Err(reason) => (DropReason::SinkPanicked, panicked(&reason)),
        };
        self.ledger.drop_records(1, reason);
        Err(error)
    }

    /// Leaves out a record that a sink of the drain made while it wrote. Whichever sink that was, the
    /// lock of this one may be held by a thread that waits for that one's.
    fn leave_out(&self, record: &Record<'_>) -> Error {
        self.ledger.drop_records(1, DropReason::Reentrant);
        Error::state(format!(
            "a record of logger {} was made by a sink while it wrote, and is left out: {}",
            record.logger, record.message
        ))
    }
}

fn panicked(reason: &str) -> Error {
    Error::state(format!("the sink panicked: {reason}"))
}

/// Who is inside a sink: a thread that is must not wait for any sink's lock.
#[derive(Default)]
struct Occupant(AtomicUsize);

thread_local! {
    /// Its address tells threads apart, and stays valid in thread-local destructors.
    static THREAD_MARK: u8 = const { 0 };
}

impl Occupant {
    fn is_this_thread(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::this_thread()
    }

    /// Marks the calling thread as inside until the guard goes.
    fn enter(&self) -> Inside<'_> {
        self.0.store(Self::this_thread(), Ordering::Relaxed);
        Inside(self)
    }

    fn this_thread() -> usize {
        THREAD_MARK.with(|mark| std::ptr::from_ref(mark).addr())
    }
}

struct Inside<'a>(&'a Occupant);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Relaxed);
    }
}

impl Drain for SinkDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &slog::Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let shared = &*self.shared;
        let level = Level::from(record.level());
        if !self.enabled(level) {
            return Ok(());
        }
        let logger = match &self.named {
            Some(named) => &*named.name,
            None if shared.least_for(record.module()).is_some_and(|least| level >= least) => {
                record.module()
            }
            None => return Ok(()),
        };
        let context = shared.context();
        static NO_CONTEXT: ContextData = ContextData::EMPTY;
        let location = record.location();
        with_capture(|capture| {
            capture.take(record, values);
            let view = Record {
                timestamp: shared.now(),
                level,
                logger,
                message: capture.message(record),
                message_is_constant: record.msg().as_str().is_some(),
                fields: capture.fields.as_ref(),
                context: context.as_deref().unwrap_or(&NO_CONTEXT),
                site: Site {
                    file: location.file,
                    line: location.line,
                    column: location.column,
                    function: location.function,
                    module: location.module,
                },
                tag: record.tag(),
                sequence: shared.sequence.fetch_add(1, Ordering::Relaxed) + 1,
                shape: None,
                recovered: false,
                truncated: 0,
            };
            let nested = shared.holds_this_thread();
            for (index, slot) in shared.sinks.iter().enumerate() {
                let least = match &self.named {
                    Some(named) => named.by_sink[index],
                    None => slot.filter.level_for(logger),
                };
                if least.is_none_or(|least| level < least) {
                    continue;
                }
                slot.ledger.submit(1);
                let written = if nested { Err(slot.leave_out(&view)) } else { slot.write(&view) };
                if let Err(error) = written {
                    shared.reporter.report(&slot.name, &error);
                }
            }
        });
        Ok(())
    }

    #[inline]
    fn is_enabled(&self, level: slog::Level) -> bool {
        self.enabled(level.into())
    }

    fn flush(&self) -> Result<(), FlushError> {
        self.flush_sinks().map_err(|error| FlushError::Custom(Box::new(error)))
    }
}

impl fmt::Debug for SinkDrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkDrain")
            .field("logger", &self.named.as_ref().map(|named| &named.name))
            .field("sinks", &self.ledgers())
            .finish_non_exhaustive()
    }
}

/// Builds a [`SinkDrain`].
pub struct SinkDrainBuilder {
    slots: Vec<Slot>,
    filter: Filter,
    clock: Box<dyn Clock>,
    context: Option<Box<dyn ContextSource>>,
    on_error: Option<ErrorHandler>,
}

impl SinkDrainBuilder {
    /// Adds a sink under a name that reports and ledgers use, and what it takes.
    #[must_use]
    pub fn sink(
        mut self,
        name: impl Into<String>,
        filter: Filter,
        sink: impl Sink + 'static,
    ) -> Self {
        let sink = Mutex::new(Box::new(sink) as Box<dyn Sink>);
        self.slots.push(Slot {
            name: name.into(),
            filter,
            ledger: Ledger::default(),
            occupant: Occupant::default(),
            sink,
        });
        self
    }

    /// What passes at all, before the sinks' own filters; by default everything.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Where timestamps come from; by default the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Where the context of records comes from; by default they have none.
    #[must_use]
    pub fn context(mut self, source: impl ContextSource + 'static) -> Self {
        self.context = Some(Box::new(source));
        self
    }

    /// Called with the sink's name and the error for every record that a sink did not take, every
    /// flush that failed, and everything else that went wrong (then with `clock` or `context` as
    /// name). Failures go to stderr as well, at most one line a second.
    ///
    /// The handler may log; should that fail, it is not called again about it.
    #[must_use]
    pub fn on_error(mut self, handler: impl Fn(&str, &Error) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Box::new(handler));
        self
    }

    /// The drain.
    pub fn build(self) -> SinkDrain {
        let per_sink = self.slots.iter().filter_map(|slot| slot.filter.least_level()).min();
        let least = per_sink.zip(self.filter.least_level()).map(|(sink, global)| sink.max(global));
        let shared = Shared {
            sinks: self.slots,
            filter: self.filter,
            least,
            clock: self.clock,
            context: self.context,
            sequence: AtomicU64::new(0),
            reporter: Reporter::new(self.on_error),
        };
        SinkDrain { shared: Arc::new(shared), named: None }
    }
}
