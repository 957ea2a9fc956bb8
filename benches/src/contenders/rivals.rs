//! Loggers that services use today.

mod emit;
mod quicklog;
mod spdlog;
mod through_log;
mod tracing;

use crate::Entry;

/// All of them.
pub fn entries() -> Vec<Entry> {
    let mut entries = vec![Entry::of::<tracing::Tracing>("tracing-appender", "tracing, JSON")];
    entries.extend(through_log::entries());
    entries.extend([
        Entry::of::<spdlog::Spdlog>("spdlog-rs", "async pool, JSON"),
        Entry::of::<emit::EmitFile>("emit_file", "JSON, synced batches"),
        Entry::of::<quicklog::Quicklog>("quicklog", "text, one thread"),
    ]);
    entries
}
