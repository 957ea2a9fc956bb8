//! An event as a record.

use prisma_log_core::support::static_site;
use prisma_log_core::{Level, Site, Value};
use slog::{BorrowedKV, Drain, RecordLocation, RecordStatic};
use tracing::{Event, Metadata};

use super::layer::Shared;
use super::visit::Visitor;
use crate::gathered::{Gathered, with_gathered};

/// Tag of the records that came this way.
pub(crate) const TAG: &str = "tracing";

/// What `tracing-log` makes of `log`'s records: their facts are fields of the event.
const FROM_LOG: &str = "log event";

#[inline]
pub(super) fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warning,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

#[inline]
pub(super) fn site_of(metadata: &Metadata<'static>) -> Site<'static> {
    let (file, module) = (metadata.file().unwrap_or(""), metadata.module_path().unwrap_or(""));
    Site::new(file, metadata.line().unwrap_or(0), module)
}

/// Writes the event into the pipeline; `failed` gets to know why, if it is an error.
pub(super) fn write(shared: &Shared, event: &Event<'_>, failed: impl FnOnce(&str)) {
    let metadata = event.metadata();
    with_gathered(|gathered| {
        event.record(&mut Visitor { gathered, of_event: true });
        let level = level_of(metadata);
        if level == Level::Error {
            failed(reason(gathered));
        }
        if metadata.name() == FROM_LOG && metadata.target() == "log" {
            return write_from_log(shared, level, gathered);
        }
        put(shared, level, metadata.target(), site_of(metadata), TAG, name(metadata), gathered);
    });
}

/// What an event without a message is called.
fn name(metadata: &Metadata<'static>) -> &'static str {
    let name = metadata.name();
    // By default it is the place in the source, which is there anyway.
    if name.starts_with("event ") { "" } else { name }
}

fn reason(gathered: &Gathered) -> &str {
    match gathered.get("error").or_else(|| gathered.get("err")) {
        Some(Value::Str(error)) => error,
        _ => gathered.message().unwrap_or_default(),
    }
}

#[cold]
fn write_from_log(shared: &Shared, level: Level, gathered: &mut Gathered) {
    let text = |key| match gathered.get(key) {
        Some(Value::Str(text)) => text,
        _ => "",
    };
    let target = text("log.target").to_owned();
    let line = match gathered.get("log.line") {
        Some(Value::U64(line)) => u32::try_from(line).unwrap_or(0),
        _ => 0,
    };
    let site = static_site(Site::new(text("log.file"), line, text("log.module_path")));
    const FACTS: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];
    gathered.retain(|key| !FACTS.contains(&key));
    put(shared, level, &target, site, "log", "", gathered);
}

fn put(
    shared: &Shared,
    level: Level,
    target: &str,
    site: Site<'static>,
    tag: &str,
    name: &str,
    gathered: &Gathered,
) {
    let Site { file, line, column, function, module, .. } = site;
    let location = RecordLocation { file, line, column, function, module };
    let fixed = RecordStatic { location: &location, tag, level: level.into() };
    let message = gathered.message().unwrap_or(name);
    shared.loggers.with(target, |drain| {
        let message = format_args!("{message}");
        let record = slog::Record::new(&fixed, &message, BorrowedKV(gathered));
        let Ok(()) = drain.log(&record, &shared.no_values);
    });
}
