//! A logging set-up: sinks, levels, context, and the loggers that feed them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_context::{Propagation, Sampler, Tracer};
use prisma_log_core::{Clock, Error, Filter, Sink, SinkCommand};
use prisma_log_pipeline::{
    Emergency, FlushReport, Health, Memory, Overflow, Pipeline, PipelineBuilder, PipelineDrain,
};
use slog::o;

use crate::reload::Configured;

/// How long the sinks have to do what they are asked.
const COMMAND_DEADLINE: Duration = Duration::from_secs(5);

/// slog's own logger over this facade's front end.
///
/// Pass `&Logger` around, make children with `log.new(o!(…))`. Code that wants the type-erased
/// `slog::Logger` takes `log.to_erased()`.
pub type Logger = slog::Logger<PipelineDrain>;

/// A logging set-up; dropping it writes what is queued and ends the worker.
///
/// Keep it until the program ends. Loggers made from it stay valid after it: their calls then write
/// their records themselves.
///
/// Dropping the value at once is nearly always a mistake, so the compiler warns:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// prisma_log::Logging::builder().build().unwrap();
/// ```
#[must_use = "keep the value until the program ends: dropping it ends the worker"]
pub struct Logging {
    /// Before the pipeline: what watches the configuration ends first.
    pub(crate) configured: Option<Configured>,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) traces: Traces,
}

/// What is the same for all tracers and requests of a set-up.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    pub(crate) sampler: Sampler,
    pub(crate) propagation: Propagation,
}

impl Logging {
    /// Sets logging up in code: no sinks, all levels, records carry the thread's [`Context`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use prisma_log::{Every, FileSink, Filter, Level, Logging, Rotation, info};
    ///
    /// # fn main() -> Result<(), prisma_log::Error> {
    /// # let dir = std::env::temp_dir().join(format!("prisma-log-doc-{}", std::process::id()));
    /// # let path = dir.join("app.log");
    /// let rotation = Rotation::new().max_bytes(10 << 20).every(Every::Day);
    /// let file = FileSink::builder(&path).rotation(rotation).build()?;
    /// let logging = Logging::builder()
    ///     .service("my-service")
    ///     .sink("file", Filter::at_least(Level::Info), file)
    ///     .build()?;
    /// let log = logging.logger("my.service");
    /// info!(log, "application started"; "version" => 3);
    /// assert!(logging.flush(Duration::from_secs(5)).is_ok());
    /// # assert!(std::fs::read_to_string(&path).unwrap().contains("\"version\":3"));
    /// # std::fs::remove_dir_all(dir).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Context`]: crate::Context
    pub fn builder() -> LoggingBuilder {
        let traces = Traces { sampler: Sampler::default(), propagation: Propagation::w3c() };
        LoggingBuilder { pipeline: Pipeline::builder(), traces }
    }

    /// A logger of this name, such as `shop.orders`; dots or `::` separate the parts that level
    /// directives match by.
    pub fn logger(&self, name: &str) -> Logger {
        Logger::root_typed(self.pipeline.drain().named(name), o!())
    }

    /// A logger without a name of its own: a record's logger is the module path of its call.
    pub fn root(&self) -> Logger {
        Logger::root_typed(self.pipeline.drain(), o!())
    }

    /// Begins spans, whose ends become records of the logger of this name; which traces are recorded
    /// is a matter of configuration.
    ///
    /// ```
    /// # let logging = prisma_log::Logging::builder().build()?;
    /// let tracer = logging.tracer("shop.orders");
    /// let span = tracer.span("place order").attribute("items", 3_u64).start();
    /// let _scope = span.enter(); // records logged from here on carry its trace_id and span_id
    /// # Ok::<(), prisma_log::Error>(())
    /// ```
    pub fn tracer(&self, name: &str) -> Tracer {
        Tracer::new(&self.logger(name)).sampler(self.traces.sampler)
    }

    /// Takes traces out of the headers of requests and puts them into those of others, as the
    /// configuration says; the counters of faulty headers are shared.
    pub fn propagation(&self) -> Propagation {
        self.traces.propagation.clone()
    }

    /// What takes records in, for whoever makes loggers by other means: bridges from other APIs, a
    /// [`slog::Drain`] under filters of your own.
    pub fn drain(&self) -> PipelineDrain {
        self.pipeline.drain()
    }

    /// Writes everything logged so far and brings it to each sink's durability; returns at the
    /// deadline at the latest.
    pub fn flush(&self, deadline: Duration) -> FlushReport {
        self.pipeline.flush(deadline)
    }

    /// Has every sink let go of what it has open, and open it anew: files after they were moved away,
    /// connections. SIGHUP does the same where it has the configuration read again.
    ///
    /// # Errors
    /// The first failure, with the sink's name; every one goes to the error handler too. When a sink
    /// has not done it within five seconds; it does so later.
    pub fn reopen(&self) -> Result<(), Error> {
        self.pipeline.command(SinkCommand::Reopen, COMMAND_DEADLINE)
    }

    /// Has every file sink that rotates begin a new file, as if the current one were full; what was
    /// logged before is in the old one. Other sinks do nothing.
    ///
    /// # Errors
    /// As for [`Logging::reopen`].
    pub fn rotate(&self) -> Result<(), Error> {
        self.pipeline.command(SinkCommand::Rotate, COMMAND_DEADLINE)
    }

    /// How logging does: counts, queue, sinks and their ledgers, what was recovered at the start.
    pub fn health(&self) -> Health {
        self.pipeline.health()
    }

    /// What passes at all, before the sinks' own filters.
    pub fn filter(&self) -> Filter {
        self.pipeline.filter()
    }

    /// Changes what passes at all; holds for calls from now on.
    pub fn set_filter(&self, filter: Filter) {
        self.pipeline.set_filter(filter);
    }

    /// Changes what a sink takes.
    ///
    /// # Errors
    /// When there is no sink of this name.
    pub fn set_sink_filter(&self, sink: &str, filter: Filter) -> Result<(), Error> {
        self.pipeline.set_sink_filter(sink, filter)
    }

    /// A way to log from a signal handler.
    pub fn emergency(&self) -> Emergency {
        self.pipeline.drain().emergency()
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Logging");
        shown.field("configured", &self.configured).field("pipeline", &self.pipeline).finish()
    }
}

/// Builds a [`Logging`].
#[must_use = "nothing is set up until `build` is called"]
pub struct LoggingBuilder {
    pipeline: PipelineBuilder,
    traces: Traces,
}

impl LoggingBuilder {
    fn change(self, change: impl FnOnce(PipelineBuilder) -> PipelineBuilder) -> Self {
        LoggingBuilder { pipeline: change(self.pipeline), ..self }
    }

    /// Adds a sink that does not wait for others, such as a file, and what it takes. The name is
    /// what reports and ledgers use, and how the sink is known again after a crash.
    pub fn sink(self, name: impl Into<String>, filter: Filter, sink: impl Sink + 'static) -> Self {
        self.change(|pipeline| pipeline.sink(name, filter, sink))
    }

    /// Adds a sink that may wait, such as one that sends over a network: it gets a thread of its own.
    pub fn blocking_sink(
        self,
        name: impl Into<String>,
        filter: Filter,
        sink: impl Sink + 'static,
    ) -> Self {
        self.change(|pipeline| pipeline.blocking_sink(name, filter, sink))
    }

    /// Names the sink that stands in for another one while that is in trouble, once its share of the
    /// queue is used up; see [`PipelineBuilder::fallback`](prisma_log_pipeline::PipelineBuilder::fallback).
    pub fn fallback(self, sink: impl Into<String>, fallback: impl Into<String>) -> Self {
        self.change(|pipeline| pipeline.fallback(sink, fallback))
    }

    /// What passes at all, before the sinks' own filters; by default everything.
    pub fn filter(self, filter: Filter) -> Self {
        self.change(|pipeline| pipeline.filter(filter))
    }

    /// The service's name: what a process leaves behind when it is killed is written by the next one
    /// of the same service and user. By default the name of the program's file.
    pub fn service(self, name: impl Into<String>) -> Self {
        self.change(|pipeline| pipeline.service(name))
    }

    /// Where the queue is; by default in memory that survives the process.
    pub fn memory(self, memory: Memory) -> Self {
        self.change(|pipeline| pipeline.memory(memory))
    }

    /// Most bytes of the queue in memory: 8 MiB by default, 1 MiB at least.
    pub fn queue_bytes(self, bytes: usize) -> Self {
        self.change(|pipeline| pipeline.queue_bytes(bytes))
    }

    /// Most bytes of one record, from 1 KiB to 1 MiB: 64 KiB by default.
    pub fn max_record_bytes(self, bytes: usize) -> Self {
        self.change(|pipeline| pipeline.max_record_bytes(bytes))
    }

    /// Longest sleep of an idle worker, from 100 µs to 10 s: 8 ms by default.
    pub fn latency(self, latency: Duration) -> Self {
        self.change(|pipeline| pipeline.latency(latency))
    }

    /// What happens when the queue is full; by default a call waits for up to a second.
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.change(|pipeline| pipeline.overflow(overflow))
    }

    /// Where timestamps come from; by default the system's clock.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.change(|pipeline| pipeline.clock(clock))
    }

    /// Called with the sink's name and the error for everything that fails in the background.
    /// Failures go to stderr as well, at most one line a second.
    pub fn on_error(self, handler: impl Fn(&str, &Error) + Send + Sync + 'static) -> Self {
        self.change(|pipeline| pipeline.on_error(handler))
    }

    /// Whether to write what former processes of the service left behind; on by default.
    pub fn recover(self, on: bool) -> Self {
        self.change(|pipeline| pipeline.recover(on))
    }

    /// Which traces [`Logging::tracer`]'s spans record; by default as whoever began the trace decided,
    /// and all that begin here.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.traces.sampler = sampler;
        self
    }

    /// What [`Logging::propagation`] hands out; by default the W3C headers.
    pub fn propagation(mut self, propagation: Propagation) -> Self {
        self.traces.propagation = propagation;
        self
    }

    /// Whether calls write their records themselves, before they return, without a worker; off by
    /// default.
    pub fn inline(self, on: bool) -> Self {
        self.change(|pipeline| pipeline.inline(on))
    }

    /// Whether a panic becomes a record at CRITICAL with message, place and backtrace; off by
    /// default.
    pub fn capture_panics(self, on: bool) -> Self {
        self.change(|pipeline| pipeline.capture_panics(on))
    }

    /// Whether SIGTERM and SIGINT flush before they do what they did before; off by default.
    pub fn flush_on_signals(self, on: bool) -> Self {
        self.change(|pipeline| pipeline.flush_on_signals(on))
    }

    /// The set-up.
    ///
    /// # Errors
    /// When a setting is out of its range, or memory that was asked for can't be had.
    pub fn build(self) -> Result<Logging, Error> {
        let pipeline = Arc::new(self.pipeline.build()?);
        Ok(Logging { configured: None, pipeline, traces: self.traces })
    }
}
