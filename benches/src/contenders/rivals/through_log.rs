//! Loggers behind the `log` crate's macros.

use std::path::Path;

use log::LevelFilter;
use log4rs::append::file::FileAppender;
use log4rs::config::{Appender, Config, Root};
use log4rs::encode::json::JsonEncoder;
use logforth::append::asynchronous::AsyncBuilder;
use logforth::append::file::FileBuilder;
use logforth::bridge::log::LogBridge;
use logforth::diagnostic::ThreadLocalDiagnostic;

use crate::Entry;
use crate::logs::{FILE_NAME, Ids, Logs, QUEUE_RECORDS, Values};

/// log4rs, logforth, fast_log and ftlog.
pub(super) fn entries() -> [Entry; 4] {
    [
        Entry::of::<Log4rs>("log4rs", "synchronous, JSON"),
        Entry::of::<Logforth>("logforth", "async, JSON"),
        Entry::of::<FastLog>("fast_log", "JSON, fields in the message"),
        Entry::of::<Ftlog>("ftlog", "text, fields in the message"),
    ]
}

/// With key-values; the ids are in the logger's own context.
macro_rules! with_key_values {
    () => {
        type Caller = ();

        #[inline(always)]
        fn log((): &(), values: &Values) {
            log::info!(
                number = values.number,
                millis = values.millis,
                method = values.method,
                route = values.route,
                bytes = values.bytes;
                "request served"
            );
        }

        #[inline(always)]
        fn log_disabled((): &(), values: &Values) {
            log::debug!(
                number = values.number,
                millis = values.millis,
                method = values.method,
                route = values.route,
                bytes = values.bytes;
                "request served"
            );
        }
    };
}

/// Without: fields and ids are in the message.
macro_rules! with_text {
    () => {
        type Caller = Ids;

        fn on_thread(&self, run: impl FnOnce(&Ids)) {
            run(&Ids::default());
        }

        #[inline(always)]
        fn log(ids: &Ids, values: &Values) {
            with_text!(info, ids, values);
        }

        #[inline(always)]
        fn log_disabled(ids: &Ids, values: &Values) {
            with_text!(debug, ids, values);
        }
    };
    ($level:ident, $ids:ident, $values:ident) => {
        log::$level!(
            "request served number={} millis={} method={} route={} bytes={} trace_id={} span_id={}",
            $values.number,
            $values.millis,
            $values.method,
            $values.route,
            $values.bytes,
            $ids.trace,
            $ids.span
        )
    };
}

struct Log4rs;

impl Logs for Log4rs {
    with_key_values!();

    fn start(folder: &Path) -> Result<Self, String> {
        let file = FileAppender::builder()
            .encoder(Box::new(JsonEncoder::new()))
            .build(folder.join(FILE_NAME))
            .map_err(|e| e.to_string())?;
        let config = Config::builder()
            .appender(Appender::builder().build("file", Box::new(file)))
            .build(Root::builder().appender("file").build(LevelFilter::Info))
            .map_err(|e| e.to_string())?;
        log4rs::init_config(config).map_err(|e| e.to_string())?;
        Ok(Log4rs)
    }

    fn on_thread(&self, run: impl FnOnce(&())) {
        let Ids { trace, span } = Ids::default();
        log_mdc::insert("trace_id", trace);
        log_mdc::insert("span_id", span);
        run(&());
    }

    fn finish(self) -> Result<(), String> {
        // Every record was flushed.
        Ok(())
    }
}

struct Logforth;

impl Logs for Logforth {
    with_key_values!();

    fn start(folder: &Path) -> Result<Self, String> {
        let file = FileBuilder::new(folder, "bench")
            .layout(logforth::layout::JsonLayout::default())
            .build()
            .map_err(|e| e.to_string())?;
        let appender = AsyncBuilder::new("logforth")
            .buffered_lines_limit(Some(QUEUE_RECORDS))
            .overflow_block()
            .append(file)
            .build();
        let logger = logforth::core::builder()
            .dispatch(|dispatch| {
                dispatch.diagnostic(ThreadLocalDiagnostic::default()).append(appender)
            })
            .build();
        log::set_boxed_logger(Box::new(LogBridge::new(logger))).map_err(|e| e.to_string())?;
        log::set_max_level(LevelFilter::Info);
        Ok(Logforth)
    }

    fn on_thread(&self, run: impl FnOnce(&())) {
        let Ids { trace, span } = Ids::default();
        ThreadLocalDiagnostic::insert("trace_id", trace);
        ThreadLocalDiagnostic::insert("span_id", span);
        run(&());
    }

    fn finish(self) -> Result<(), String> {
        log::logger().flush();
        Ok(())
    }
}

struct FastLog;

impl Logs for FastLog {
    with_text!();

    fn start(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE_NAME);
        let path = path.to_str().ok_or("the path is not UTF-8")?;
        let config = fast_log::Config::new()
            .format(fast_log::FastLogFormatJson::new())
            .level(LevelFilter::Info)
            .chan_len(Some(QUEUE_RECORDS))
            .file(path);
        fast_log::init(config).map_err(|e| e.to_string())?;
        Ok(FastLog)
    }

    fn finish(self) -> Result<(), String> {
        log::logger().flush();
        Ok(())
    }
}

struct Ftlog {
    guard: ftlog::LoggerGuard,
}

impl Logs for Ftlog {
    with_text!();

    fn start(folder: &Path) -> Result<Self, String> {
        let guard = ftlog::builder()
            .max_log_level(LevelFilter::Info)
            .root(ftlog::appender::FileAppender::new(folder.join(FILE_NAME)))
            .bounded(QUEUE_RECORDS, true)
            .utc()
            .build()
            .map_err(|e| e.to_string())?
            .init()
            .map_err(|e| e.to_string())?;
        Ok(Ftlog { guard })
    }

    fn finish(self) -> Result<(), String> {
        drop(self.guard);
        Ok(())
    }
}
