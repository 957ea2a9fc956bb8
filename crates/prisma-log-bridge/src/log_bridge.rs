//! What libraries log through the crate `log`.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use log::kv::{self, Key, VisitSource, VisitValue};
use prisma_log_core::support::{contain, static_site};
use prisma_log_core::{Error, Level, Site, Value};
use prisma_log_pipeline::PipelineDrain;
use slog::{BorrowedKV, Drain, OwnedKVList, RecordLocation, RecordStatic, o};

use crate::gathered::{Gathered, with_gathered};
use crate::loggers::Loggers;
use prisma_log_core::support::Table;

/// Tag of the records that came this way.
pub(crate) const TAG: &str = "log";

/// Takes what is logged through the crate `log` into a pipeline.
///
/// A record's target becomes its logger's name; file, line and module its call site; its key-values
/// fields with their types kept, an error with its sources. Its context is the thread's.
///
/// ```no_run
/// use prisma_log_bridge::LogBridge;
/// use prisma_log_core::Filter;
/// use prisma_log_pipeline::Pipeline;
///
/// # struct Stdout;
/// # impl prisma_log_core::Sink for Stdout {
/// #     fn write(&mut self, _: &[prisma_log_core::Record<'_>]) -> Result<(), prisma_log_core::BatchError> { Ok(()) }
/// #     fn flush(&mut self) -> Result<(), prisma_log_core::Error> { Ok(()) }
/// #     fn durability(&self) -> prisma_log_core::Durability { prisma_log_core::Durability::Memory }
/// # }
/// let filter: Filter = "info,sqlx=warn".parse()?;
/// let pipeline = Pipeline::builder().sink("out", filter, Stdout).build()?;
/// LogBridge::new(pipeline.drain()).install()?;
/// log::info!(target: "shop::orders", amount = 99.9; "order processed");
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Cost
/// A record that nobody takes costs a few nanoseconds, as the pipeline's own filters are asked: `log`'s
/// maximal level is set to TRACE, so that levels can be lowered at run time. About a thousand targets
/// that differ are remembered; those beyond cost an allocation each time.
///
/// # `tracing`'s records
/// `tracing` hands its events on to `log` as well, if its feature `log` is on and no subscriber is
/// installed; with `log-always`, even if one is: then, beside a
/// [`TracingBridge`](https://docs.rs/prisma-log-bridge), each event is there twice. Leave
/// `log-always` off.
pub struct LogBridge {
    /// Without a name: takes what any logger takes.
    root: PipelineDrain,
    loggers: Loggers,
    no_values: OwnedKVList,
}

impl LogBridge {
    /// A bridge into the drain's pipeline; the drain's own name is not used.
    pub fn new(drain: PipelineDrain) -> Self {
        let root = drain.named("");
        LogBridge { loggers: Loggers::new(root.clone()), root, no_values: o!().into() }
    }

    /// Makes this the process's logger of the crate `log`, for as long as it runs.
    ///
    /// # Errors
    /// When there is one already, such as `env_logger` or `tracing-log`'s.
    pub fn install(self) -> Result<(), Error> {
        let installed = log::set_boxed_logger(Box::new(self));
        installed.map_err(|_| Error::state("cannot bridge `log`: it has a logger already"))?;
        log::set_max_level(log::LevelFilter::Trace);
        Ok(())
    }
}

impl log::Log for LogBridge {
    #[inline]
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.loggers.take(metadata.target(), level_of(metadata.level()))
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = level_of(record.level());
        if !self.root.enabled(level) {
            return;
        }
        self.loggers.with(record.target(), |drain| {
            if drain.enabled(level) {
                with_gathered(|gathered| self.write(record, level, drain, gathered));
            }
        });
    }

    /// Waits until everything logged so far has been written, five seconds at most.
    fn flush(&self) {
        // `log` has no way to hear of a failure; the error handler has heard of it.
        let _flushed = self.root.flush();
    }
}

impl LogBridge {
    fn write(
        &self,
        record: &log::Record<'_>,
        level: Level,
        drain: &PipelineDrain,
        gathered: &mut Gathered,
    ) {
        // A source that panics, or fails, has shown what it has shown.
        let visited = contain(|| record.key_values().visit(&mut Pairs(gathered)));
        match visited {
            Ok(Ok(())) => {}
            Ok(Err(error)) => gathered.push_args("kv_error".into(), format_args!("{error}")),
            Err(reason) => gathered.push("kv_error".into(), Value::Str(&reason)),
        }
        let site = site_of(record);
        let Site { file, line, module, .. } = site;
        let location = RecordLocation { file, line, column: 0, function: "", module };
        let fixed = RecordStatic { location: &location, tag: TAG, level: level.into() };
        if record.args().as_str().is_none() {
            gathered.set_message(*record.args());
        }
        let write = |message: &fmt::Arguments<'_>| {
            let record = slog::Record::new(&fixed, message, BorrowedKV(&*gathered));
            let Ok(()) = drain.log(&record, &self.no_values);
        };
        match gathered.message() {
            Some(message) => write(&format_args!("{message}")),
            // A constant: the pipeline need not write it each time.
            None => write(record.args()),
        }
    }
}

impl fmt::Debug for LogBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBridge").finish_non_exhaustive()
    }
}

fn level_of(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

#[inline]
fn site_of(record: &log::Record<'_>) -> Site<'static> {
    let line = record.line().unwrap_or(0);
    match (record.file_static(), record.module_path_static()) {
        (Some(file), Some(module)) => Site::new(file, line, module),
        _ => {
            let (file, module) = (record.file().unwrap_or(""), record.module_path().unwrap_or(""));
            static_site(Site::new(file, line, module))
        }
    }
}

/// Keys so far, for as long as the process runs: slog wants them to live for ever.
static KEYS: LazyLock<Table<&'static str>> = LazyLock::new(Table::new);

fn key_of(key: &Key<'_>) -> Cow<'static, str> {
    let text = key.as_str();
    let kept = KEYS.get_or_keep(text, || Box::leak(Box::from(text)));
    kept.map_or_else(|| Cow::Owned(text.to_owned()), |&kept| Cow::Borrowed(kept))
}

struct Pairs<'a>(&'a mut Gathered);

impl<'v> VisitSource<'v> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'v>, value: kv::Value<'v>) -> Result<(), kv::Error> {
        value.visit(Pair { key: Some(key_of(&key)), gathered: self.0 })
    }
}

/// One key-value; the key is taken when the value shows itself.
struct Pair<'a> {
    key: Option<Cow<'static, str>>,
    gathered: &'a mut Gathered,
}

impl Pair<'_> {
    fn push(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        let key = self.key.take().unwrap_or_default();
        self.gathered.push(key, value);
        Ok(())
    }
}

impl<'v> VisitValue<'v> for Pair<'_> {
    fn visit_any(&mut self, value: kv::Value<'_>) -> Result<(), kv::Error> {
        let key = self.key.take().unwrap_or_default();
        self.gathered.push_args(key, format_args!("{value}"));
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        self.push(Value::Null)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.push(Value::Bool(value))
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.push(Value::I64(value))
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.push(Value::U64(value))
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), kv::Error> {
        self.push(Value::I128(value))
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), kv::Error> {
        self.push(Value::U128(value))
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.push(Value::F64(value))
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.push(Value::Str(value))
    }

    fn visit_error(&mut self, error: &(dyn std::error::Error + 'static)) -> Result<(), kv::Error> {
        let key = self.key.take().unwrap_or_default();
        self.gathered.push_error(key, error);
        Ok(())
    }

    fn visit_borrowed_error(
        &mut self,
        error: &'v (dyn std::error::Error + 'static),
    ) -> Result<(), kv::Error> {
        self.visit_error(error)
    }
}
