//! slog's classic stack: slog-json behind slog-async, and under a mutex.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Mutex;

use slog::{Drain, Level, LevelFilter, Logger, o};
use slog_async::{Async, AsyncGuard, OverflowStrategy};
use slog_json::Json;

use crate::Entry;
use crate::logs::{FILE_NAME, Ids, Logs, QUEUE_RECORDS};

/// slog-async, and the mutex.
pub fn entries() -> [Entry; 2] {
    [
        Entry::of::<SlogAsync>("slog-async", "Block, slog-json"),
        Entry::of::<SlogMutex>("Mutex<slog-json>", "synchronous, BufWriter"),
    ]
}

fn json(folder: &Path) -> Result<Json<BufWriter<File>>, String> {
    let file = File::create(folder.join(FILE_NAME)).map_err(|e| e.to_string())?;
    Ok(Json::default(BufWriter::with_capacity(64 << 10, file)))
}

fn logger<D>(drain: D) -> Logger
where
    D: slog::SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never>
        + slog::SendSyncRefUnwindSafeDrain
        + 'static,
{
    let Ids { trace, span } = Ids::default();
    Logger::root(drain, o!("trace_id" => trace, "span_id" => span))
}

macro_rules! by_slog {
    () => {
        type Caller = Logger;

        fn on_thread(&self, run: impl FnOnce(&Logger)) {
            run(&self.log);
        }

        slog_calls!(Logger, slog);
    };
}

struct SlogAsync {
    log: Logger,
    guard: AsyncGuard,
}

impl Logs for SlogAsync {
    by_slog!();

    fn start(folder: &Path) -> Result<Self, String> {
        let (drain, guard) = Async::new(json(folder)?.fuse())
            .chan_size(QUEUE_RECORDS)
            .overflow_strategy(OverflowStrategy::Block)
            .build_with_guard();
        Ok(SlogAsync { log: logger(LevelFilter::new(drain, Level::Info).fuse()), guard })
    }

    fn finish(self) -> Result<(), String> {
        // The guard waits for the worker, which drops the drain and so flushes the writer.
        drop(self.log);
        drop(self.guard);
        Ok(())
    }
}

struct SlogMutex {
    log: Logger,
}

impl Logs for SlogMutex {
    by_slog!();

    fn start(folder: &Path) -> Result<Self, String> {
        let drain = Mutex::new(json(folder)?.fuse()).map(slog::Fuse);
        Ok(SlogMutex { log: logger(LevelFilter::new(drain, Level::Info).fuse()) })
    }

    fn finish(self) -> Result<(), String> {
        // The last logger drops the writer, which flushes it.
        drop(self.log);
        Ok(())
    }
}
