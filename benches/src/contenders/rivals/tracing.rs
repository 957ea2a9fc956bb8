//! tracing with tracing-appender's thread.

use std::fs::File;
use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::logs::{FILE_NAME, Ids, Logs, QUEUE_RECORDS, Values};

pub(super) struct Tracing {
    guard: WorkerGuard,
}

impl Logs for Tracing {
    type Caller = ();

    fn start(folder: &Path) -> Result<Self, String> {
        let file = File::create(folder.join(FILE_NAME)).map_err(|e| e.to_string())?;
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(false)
            .buffered_lines_limit(QUEUE_RECORDS)
            .finish(file);
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(LevelFilter::INFO)
            .with_span_list(false)
            .with_writer(writer)
            .finish();
        tracing::subscriber::set_global_default(subscriber).map_err(|e| e.to_string())?;
        Ok(Tracing { guard })
    }

    fn on_thread(&self, run: impl FnOnce(&())) {
        let Ids { trace, span } = Ids::default();
        let span = tracing::info_span!("request", trace_id = trace, span_id = span);
        span.in_scope(|| run(&()));
    }

    #[inline(always)]
    fn log((): &(), values: &Values) {
        tracing::info!(
            number = values.number,
            millis = values.millis,
            method = values.method,
            route = values.route,
            bytes = values.bytes,
            "request served"
        );
    }

    #[inline(always)]
    fn log_disabled((): &(), values: &Values) {
        tracing::debug!(
            number = values.number,
            millis = values.millis,
            method = values.method,
            route = values.route,
            bytes = values.bytes,
            "request served"
        );
    }

    fn finish(self) -> Result<(), String> {
        // Waits for the worker, a second at most; what is lost then is missing from the file.
        drop(self.guard);
        Ok(())
    }
}
