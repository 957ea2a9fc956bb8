//! slog's own stack, set up from the same configuration: slog-async, slog-json, slog-term.
//!
//! For those who want nothing but safe code below their log calls, and as the baseline that
//! prisma-log is measured against. Each sink has a queue of records and a thread of its own; a file
//! is written by slog-json (`json`) or slog-term (`text`), the console likewise.
//!
//! What it has not: records that survive the process, trace context, protected keys, rotation, the
//! formats `ecs` and `logfmt`, changes at run time, and counts of what is lost. A time stamp says
//! when a record was written, not when it was logged. A configuration that asks for one of these is
//! refused.

mod refusals;
mod sink;

use std::fmt;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use prisma_log_config::Config;
use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{Error, Filter, Level};
use slog::{Drain, Logger, OwnedKVList, Record, o};
use slog_async::AsyncGuard;

use sink::ClassicSink;

/// A set-up of the classic stack; dropping it writes what is queued.
///
/// Keep it until the program ends. What is logged after it is lost, and reported on stderr.
///
/// ```
/// use prisma_log::classic::Classic;
/// use prisma_log::config::{Config, Environment};
///
/// # fn main() -> Result<(), prisma_log::Error> {
/// # let dir = std::env::temp_dir().join(format!("prisma-log-classic-{}", std::process::id()));
/// # let path = dir.join("app.log");
/// # let environment = Environment::new([
/// #     ("PRISMA_ENV", "production"),
/// #     ("PRISMA_LOG__LEVEL", "info"),
/// #     ("PRISMA_LOG__SINKS__FILE__PATH", path.to_str().unwrap()),
/// #     ("PRISMA_LOG__SINKS__FILE__ROTATE", "null"),
/// #     ("PRISMA_LOG__SINKS__FILE__KEEP", "null"),
/// #     ("PRISMA_LOG__PIPELINE", "null"),
/// # ]);
/// let config = Config::find(&environment)?;
/// let classic = Classic::from_config(&config)?;
/// let log = classic.logger("shop");
/// slog::info!(log, "order processed"; "amount" => 99.9);
/// drop(classic);
/// # assert!(std::fs::read_to_string(&path).unwrap().contains("\"amount\":99.9"));
/// # std::fs::remove_dir_all(dir).unwrap();
/// # Ok(())
/// # }
/// ```
#[must_use = "keep the value until the program ends: dropping it ends the classic stack"]
pub struct Classic {
    /// Before the guards: what it has to say about dropped records is written too.
    shared: Arc<Shared>,
    _guards: Vec<AsyncGuard>,
}

impl Classic {
    /// Sets the classic stack up.
    ///
    /// # Errors
    /// When a sink can't be opened, or the configuration asks for what this stack has not, with the
    /// place where it does.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        refusals::check(config)?;
        let reporter = Arc::new(Reporter::new(None));
        let mut sinks = Vec::new();
        let mut guards = Vec::new();
        for settings in config.sinks() {
            let (sink, guard) = sink::open(settings, config, &reporter)?;
            sinks.push(sink);
            guards.push(guard);
        }
        let shared = Shared { filter: config.filter().clone(), sinks, reporter };
        Ok(Classic { shared: Arc::new(shared), _guards: guards })
    }

    /// A logger of this name, such as `shop.orders`.
    pub fn logger(&self, name: &str) -> Logger {
        let named = Named { name: name.to_owned(), shared: Arc::clone(&self.shared) };
        Logger::root(named, o!("logger" => name.to_owned()))
    }
}

impl fmt::Debug for Classic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sinks: Vec<&str> = self.shared.sinks.iter().map(|sink| sink.name.as_str()).collect();
        f.debug_struct("Classic").field("sinks", &sinks).finish_non_exhaustive()
    }
}

struct Shared {
    filter: Filter,
    sinks: Vec<ClassicSink>,
    reporter: Arc<Reporter>,
}

// Panics are contained inside `log`, and leave nothing half done.
impl RefUnwindSafe for Shared {}

/// The front of all sinks, under one logger's name.
struct Named {
    name: String,
    shared: Arc<Shared>,
}

impl Drain for Named {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let level = Level::from(record.level());
        if !self.shared.filter.passes(&self.name, level) {
            return Ok(());
        }
        for sink in self.shared.sinks.iter().filter(|sink| sink.filter.passes(&self.name, level)) {
            // Values are captured here, by code of the caller's.
            let what = match contain(|| sink.drain.log(record, values)) {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => "a record is lost: the queue is closed",
                Err(_) => "a record is lost: one of its values panics",
            };
            self.shared.reporter.report(&sink.name, &Error::state(what));
        }
        Ok(())
    }

    fn is_enabled(&self, level: slog::Level) -> bool {
        let level = Level::from(level);
        self.shared.filter.passes(&self.name, level)
            && self.shared.sinks.iter().any(|sink| sink.filter.passes(&self.name, level))
    }
}
