//! Queues, as they were found.

use std::fmt::Write as _;

use prisma_log_pipeline::{QueueFile, QueueState};
use serde_json::{Value, json};

use super::style::{self, FAINT, STRONG};
use super::text;

/// Several lines: whose it is and how much is in it, where, and what which sink has not taken.
pub(crate) fn rows(queue: &QueueFile) -> String {
    let (word, style) = match &queue.state {
        QueueState::Owned => ("in use", style::GOOD),
        QueueState::Orphan => ("orphan", style::WARN),
        _ => ("unreadable", style::BAD),
    };
    let mut rows = format!(
        "{style}{word:<10}{style:#}  {STRONG}{}{STRONG:#}",
        text::shown(&queue.service, 64)
    );
    if let Some(started) = queue.started {
        let _infallible = write!(rows, "  pid {}  since {started}", queue.pid);
    }
    let _infallible = write!(rows, "  {} KiB", queue.bytes.div_ceil(1024));
    let mut line = |text: String| {
        let _infallible = write!(rows, "\n            {text}");
    };
    line(format!("{FAINT}{}{FAINT:#}", text::shown(&queue.path.to_string_lossy(), 4096)));
    match &queue.state {
        QueueState::Unreadable { why } => line(text::shown(why, 1024)),
        QueueState::Orphan => line(content(queue)),
        _ => {}
    }
    if queue.damaged_bytes > 0 {
        line(format!("{} bytes are damaged and can't be read", queue.damaged_bytes));
    }
    if let Some(lost) = &queue.lost {
        line(format!("a part is lost: {}", text::shown(lost, 1024)));
    }
    rows
}

fn content(queue: &QueueFile) -> String {
    let mut content = match (queue.records, queue.times) {
        (0, _) => "no records".to_owned(),
        (1, Some((first, _))) => format!("1 record of {first}"),
        (records, Some((first, last))) => format!("{records} records of {first} to {last}"),
        (records, None) => format!("{records} records"),
    };
    let sinks: Vec<String> = queue
        .sinks
        .iter()
        .map(|sink| format!("{} {}", text::shown(&sink.name, 84), sink.records))
        .collect();
    if queue.records > 0 && !sinks.is_empty() {
        let _infallible = write!(content, "; not taken by {}", sinks.join(", "));
    }
    if queue.emergencies > 0 {
        let _infallible = write!(content, "; {} from signal handlers", queue.emergencies);
    }
    content
}

/// All that is known, for programs.
pub(crate) fn to_json(queue: &QueueFile) -> Value {
    let (state, why) = match &queue.state {
        QueueState::Owned => ("owned", None),
        QueueState::Orphan => ("orphan", None),
        QueueState::Unreadable { why } => ("unreadable", Some(why)),
        _ => ("unknown", None),
    };
    let sinks = queue.sinks.iter();
    let sinks = sinks.map(|sink| json!({"name": sink.name, "records": sink.records}));
    json!({
        "path": queue.path.to_string_lossy(),
        "state": state,
        "why": why,
        "service": queue.service,
        "pid": queue.started.map(|_| queue.pid),
        "started": queue.started.map(|time| time.to_string()),
        "bytes": queue.bytes,
        "records": queue.records,
        "first": queue.times.map(|(first, _)| first.to_string()),
        "last": queue.times.map(|(_, last)| last.to_string()),
        "sinks": sinks.collect::<Vec<_>>(),
        "emergencies": queue.emergencies,
        "damaged_bytes": queue.damaged_bytes,
        "lost": queue.lost,
    })
}
