//! spdlog-rs with its thread pool.

use std::path::Path;
use std::sync::Arc;

use spdlog::formatter::JsonFormatter;
use spdlog::sink::{AsyncPoolSink, FileSink, OverflowPolicy};
use spdlog::{Level, LevelFilter, Logger, ThreadPool};

use crate::logs::{FILE_NAME, Ids, Logs, QUEUE_RECORDS, Values};

pub(super) struct Spdlog {
    log: Arc<Logger>,
}

/// It has no context: the ids are two more key-values.
pub(super) struct Caller {
    log: Arc<Logger>,
    ids: Ids,
}

impl Logs for Spdlog {
    type Caller = Caller;

    fn start(folder: &Path) -> Result<Self, String> {
        set_up(folder).map_err(|e| e.to_string())
    }

    fn on_thread(&self, run: impl FnOnce(&Caller)) {
        run(&Caller { log: self.log.clone(), ids: Ids::default() });
    }

    #[inline(always)]
    fn log(caller: &Caller, values: &Values) {
        spdlog::info!(logger: caller.log, "request served", kv: {
            number = values.number,
            millis = values.millis,
            method = values.method,
            route = values.route,
            bytes = values.bytes,
            trace_id = caller.ids.trace.as_str(),
            span_id = caller.ids.span.as_str(),
        });
    }

    #[inline(always)]
    fn log_disabled(caller: &Caller, values: &Values) {
        spdlog::debug!(logger: caller.log, "request served", kv: {
            number = values.number,
            millis = values.millis,
            method = values.method,
            route = values.route,
            bytes = values.bytes,
            trace_id = caller.ids.trace.as_str(),
            span_id = caller.ids.span.as_str(),
        });
    }

    fn finish(self) -> Result<(), String> {
        // The last logger drops the pool, which waits for its thread, and the sink, which flushes.
        drop(self.log);
        Ok(())
    }
}

fn set_up(folder: &Path) -> spdlog::Result<Spdlog> {
    let file = FileSink::builder()
        .path(folder.join(FILE_NAME))
        .formatter(JsonFormatter::new())
        .build_arc()?;
    let room = std::num::NonZeroUsize::MIN.saturating_add(QUEUE_RECORDS - 1);
    let pool = ThreadPool::builder().capacity(room).build_arc()?;
    let sink = AsyncPoolSink::builder()
        .sink(file)
        .thread_pool(pool)
        .overflow_policy(OverflowPolicy::Block)
        .build_arc()?;
    let log = Logger::builder()
        .sink(sink)
        .level_filter(LevelFilter::MoreSevereEqual(Level::Info))
        .build_arc()?;
    Ok(Spdlog { log })
}
