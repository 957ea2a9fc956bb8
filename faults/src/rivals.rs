//! The libraries that the loss table sets ours beside, as their own pages set them up.

use std::fs::OpenOptions;
use std::path::Path;

use slog::{Drain, o};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// slog-json behind slog-async, with its default policy or blocking.
pub(crate) fn slog_async(path: &Path, block: bool) -> Result<slog::Logger, String> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let json = slog_json::Json::default(file).fuse();
    let builder = slog_async::Async::new(json);
    let drain = if block {
        builder.overflow_strategy(slog_async::OverflowStrategy::Block).build()
    } else {
        builder.build()
    };
    Ok(slog::Logger::root(drain.fuse(), o!()))
}

pub(crate) fn slog_record(log: &slog::Logger, run: u64, n: u64) {
    slog::info!(log, "order processed"; "r" => run, "t" => 0, "n" => n, "amount" => 99.9,
        "currency" => "EUR");
}

/// tracing's JSON through `tracing_appender::non_blocking`.
pub(crate) fn tracing_appender(path: &Path) -> Result<WorkerGuard, String> {
    let folder = path.parent().ok_or("the log has no folder")?;
    let name = path.file_name().ok_or("the log has no name")?;
    let (writer, guard) =
        tracing_appender::non_blocking(tracing_appender::rolling::never(folder, name));
    let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
    tracing_subscriber::registry().with(layer).try_init().map_err(|error| error.to_string())?;
    Ok(guard)
}

pub(crate) fn tracing_record(run: u64, n: u64) {
    tracing::info!(r = run, t = 0, n, amount = 99.9, currency = "EUR", "order processed");
}
