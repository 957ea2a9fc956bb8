//! A logging set-up: sinks, levels, context, and the loggers that feed them.

use std::fmt;

use prisma_log_context::ThreadContext;
use prisma_log_core::{Clock, Error, Filter, LedgerSnapshot, Sink, SinkDrain, SinkDrainBuilder};
use slog::o;

/// slog's own logger over this facade's front end.
///
/// Pass `&Logger` around, make children with `log.new(o!(…))`. Code that wants the type-erased
/// `slog::Logger` takes `log.to_erased()`.
pub type Logger = slog::Logger<SinkDrain>;

/// A logging set-up; flushes its sinks when dropped.
///
/// Keep it until the program ends. Loggers made from it share its sinks and stay valid after it.
///
/// Dropping the value at once is nearly always a mistake, so the compiler warns:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// prisma_log::Logging::builder().build();
/// ```
#[must_use = "keep the value until the program ends: it flushes its sinks when dropped"]
pub struct Logging {
    drain: SinkDrain,
}

impl Logging {
    /// Sets logging up in code: no sinks, all levels, records carry the thread's [`Context`].
    ///
    /// ```
    /// use prisma_log::{FileSink, Filter, Level, Logging, info};
    ///
    /// # fn main() -> Result<(), prisma_log::Error> {
    /// # let dir = std::env::temp_dir().join(format!("prisma-log-doc-{}", std::process::id()));
    /// # let path = dir.join("app.log");
    /// let file = FileSink::builder(&path).max_file_bytes(10 << 20).max_backups(5).build()?;
    /// let logging = Logging::builder().sink("file", Filter::at_least(Level::Info), file).build();
    /// let log = logging.logger("my.service");
    /// info!(log, "application started"; "version" => 3);
    /// logging.flush()?;
    /// # assert!(std::fs::read_to_string(&path).unwrap().contains("\"version\":3"));
    /// # std::fs::remove_dir_all(dir).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Context`]: crate::Context
    pub fn builder() -> LoggingBuilder {
        LoggingBuilder(SinkDrain::builder().context(ThreadContext))
    }

    /// A logger of this name, such as `shop.orders`; dots or `::` separate the parts that level
    /// directives match by.
    pub fn logger(&self, name: &str) -> Logger {
        Logger::root_typed(self.drain.named(name), o!())
    }

    /// A logger without a name of its own: a record's logger is the module path of its call.
    pub fn root(&self) -> Logger {
        Logger::root_typed(self.drain.clone(), o!())
    }

    /// Brings everything logged so far to each sink's durability.
    ///
    /// # Errors
    /// The first sink's failure; all sinks are flushed whatever one returns.
    pub fn flush(&self) -> Result<(), Error> {
        self.drain.flush_sinks()
    }

    /// What happened to every record so far: submitted, delivered and dropped, per sink.
    pub fn ledgers(&self) -> Vec<(String, LedgerSnapshot)> {
        self.drain.ledgers()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        // A failure has gone to the error handler and to stderr by then.
        let _reported = self.drain.flush_sinks();
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logging").field(&self.drain).finish()
    }
}

/// Builds a [`Logging`].
#[must_use = "nothing is set up until `build` is called"]
pub struct LoggingBuilder(SinkDrainBuilder);

impl LoggingBuilder {
    /// Adds a sink under a name that reports and ledgers use, and what it takes.
    pub fn sink(self, name: impl Into<String>, filter: Filter, sink: impl Sink + 'static) -> Self {
        LoggingBuilder(self.0.sink(name, filter, sink))
    }

    /// What passes at all, before the sinks' own filters; by default everything.
    pub fn filter(self, filter: Filter) -> Self {
        LoggingBuilder(self.0.filter(filter))
    }

    /// Where timestamps come from; by default the system's clock.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        LoggingBuilder(self.0.clock(clock))
    }

    /// Called with the sink's name and the error for every record that a sink did not take, and
    /// every flush that failed. Failures go to stderr as well, at most one line a second.
    pub fn on_error(self, handler: impl Fn(&str, &Error) + Send + Sync + 'static) -> Self {
        LoggingBuilder(self.0.on_error(handler))
    }

    /// The set-up.
    pub fn build(self) -> Logging {
        Logging { drain: self.0.build() }
    }
}
