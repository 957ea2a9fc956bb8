//! Our side: the one file that knows how the facade is set up.

use std::time::{Duration, Instant};

use prisma_log::{
    BatchError, Durability, Error, FileSink, Filter, Level, LoggingBuilder, Memory, Overflow,
    Record, Sink, Value, WorkerState,
};
pub(crate) use prisma_log::{Emergency, Logger, Logging};
use prisma_log_core::{DropReason, SinkCommand, SinkPosition};

use crate::kid::Place;

/// How the logger of a row differs from the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) policy: Option<Overflow>,
    pub(crate) queue_bytes: Option<usize>,
    pub(crate) capture_panics: bool,
    pub(crate) flush_on_signals: bool,
}

/// What happened to a sink's records; those still in the queue count as in flight.
pub(crate) struct Counts {
    pub(crate) submitted: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
    pub(crate) in_flight: u64,
}

/// What a start found of dead processes.
#[derive(Default)]
pub(crate) struct Recovered {
    pub(crate) segments: u64,
    pub(crate) records: u64,
    pub(crate) already_written: u64,
    /// Bytes that could not be read.
    pub(crate) damaged: u64,
    pub(crate) elapsed: Duration,
}

/// A builder with the row's place and options, and no sink yet.
pub(crate) fn builder(place: &Place, options: &Options) -> LoggingBuilder {
    let mut builder = Logging::builder()
        .service("faults")
        .memory(Memory::Dir(place.ring.clone()))
        .capture_panics(options.capture_panics)
        .flush_on_signals(options.flush_on_signals);
    if let Some(bytes) = options.queue_bytes {
        builder = builder.queue_bytes(bytes);
    }
    match options.policy.clone() {
        Some(policy) => builder.overflow(policy),
        None => builder,
    }
}

pub(crate) fn build(builder: LoggingBuilder) -> Result<Logging, String> {
    builder.build().map_err(|error| error.to_string())
}

pub(crate) fn blocking_sink(
    builder: LoggingBuilder,
    name: &str,
    sink: impl Sink + 'static,
) -> LoggingBuilder {
    builder.blocking_sink(name, Filter::default(), sink)
}

/// The place's log file.
pub(crate) fn file(place: &Place) -> Result<FileSink, String> {
    FileSink::builder(place.log()).build().map_err(|error| error.to_string())
}

/// A logger over the place's log file alone.
pub(crate) fn to_file(place: &Place, options: &Options) -> Result<Logging, String> {
    build(builder(place, options).sink("file", Filter::default(), file(place)?))
}

/// Flushes; whether all got through within the time.
pub(crate) fn flush(logging: &Logging, limit: Duration) -> bool {
    logging.flush(limit).complete
}

pub(crate) fn counts(logging: &Logging, sink: &str) -> Counts {
    let health = logging.health();
    let found = health.sinks.iter().find(|found| found.name == sink);
    let ledger = found.map(|found| found.ledger).unwrap_or_default();
    Counts {
        submitted: ledger.submitted() + health.in_flight,
        delivered: ledger.delivered(),
        dropped: ledger.dropped(),
        in_flight: ledger.in_flight() + health.in_flight,
    }
}

/// Records that a sink did not take, for one reason.
pub(crate) fn dropped_by(logging: &Logging, sink: &str, reason: DropReason) -> u64 {
    let health = logging.health();
    let found = health.sinks.iter().find(|found| found.name == sink);
    found.map_or(0, |found| found.ledger.dropped_by(reason))
}

/// Records that calls handed over.
pub(crate) fn handed_over(logging: &Logging) -> u64 {
    logging.health().submitted
}

/// Whether the thread that writes is there.
pub(crate) fn worker_lives(logging: &Logging) -> bool {
    logging.health().worker == WorkerState::Thread
}

/// What the start of this logger found.
pub(crate) fn recovered(logging: &Logging) -> Recovered {
    let found = logging.health().recovery;
    for left in &found.left {
        eprintln!("left where it is: {left}");
    }
    Recovered {
        segments: found.segments,
        records: found.records,
        already_written: found.already_written,
        damaged: found.damaged_bytes,
        elapsed: found.elapsed,
    }
}

/// How many records the log's own notice says were dropped; 0 for any other record.
pub(crate) fn dropped_by_notice(record: &Record<'_>) -> u64 {
    match record.fields.get("dropped") {
        Some(Value::U64(count)) if record.message == "records dropped" => count,
        _ => 0,
    }
}

/// Changes what passes while the program runs.
pub(crate) fn set_filter(logging: &Logging, filter: Filter) {
    logging.set_filter(filter);
}

/// What a service does on SIGHUP.
pub(crate) fn reopen(logging: &Logging) -> Result<(), String> {
    logging.reopen().map_err(|error| error.to_string())
}

pub(crate) fn emergency(logging: &Logging) -> Result<Emergency, String> {
    Ok(logging.emergency())
}

/// Whether there was room for it.
pub(crate) fn write_emergency(emergency: &Emergency, text: &str) -> bool {
    emergency.log(Level::Error, text)
}

/// A file sink before whose every batch something else is done.
pub(crate) struct Before<F>(pub(crate) F, pub(crate) FileSink);

impl<F: FnMut(&[Record<'_>]) + Send> Sink for Before<F> {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        (self.0)(batch);
        self.1.write(batch)
    }
    fn flush(&mut self) -> Result<(), Error> {
        self.1.flush()
    }
    fn durability(&self) -> Durability {
        self.1.durability()
    }
    fn position(&self) -> Option<SinkPosition> {
        self.1.position()
    }
    fn written_since(
        &mut self,
        since: &SinkPosition,
        batch: &[Record<'_>],
    ) -> Result<Vec<bool>, Error> {
        self.1.written_since(since, batch)
    }
    fn after_fork(&mut self) -> Result<(), Error> {
        self.1.after_fork()
    }

    fn due(&self) -> Option<Instant> {
        self.1.due()
    }

    fn maintain(&mut self) -> Result<(), Error> {
        self.1.maintain()
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        self.1.command(command)
    }
}

/// What takes so long for each record.
pub(crate) fn pause(each: Duration) -> impl FnMut(&[Record<'_>]) + Send {
    move |batch| std::thread::sleep(each * batch.len() as u32)
}

/// Makes it the logger of calls that name none.
pub(crate) fn set_global(log: &Logger) -> Result<(), String> {
    prisma_log::set_global(log.clone()).map_err(|error| error.to_string())
}
