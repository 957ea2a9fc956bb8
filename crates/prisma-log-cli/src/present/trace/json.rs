//! Traces as JSON lines.

use std::io::{self, Write};
use std::time::Duration;

use prisma_log_core::{Fields, TraceId, Value};
use serde_json::{Map, Value as Json, json};

use crate::trace::{Content, Entry, Item, Reader, Row, Scanned, Slowest, Trace, Tree};

/// Prints one line for each row of the tree, and one at the end.
pub(crate) fn print_tree(
    out: &mut impl Write,
    id: TraceId,
    trace: &Trace,
    tree: &Tree,
    scanned: &Scanned,
) -> io::Result<()> {
    let mut reader = Reader::default();
    for row in &tree.rows {
        let mut line = match row.item {
            Item::Span(index) => span(trace, tree, index, &mut reader),
            Item::Entry(index) => entry(trace, index, &mut reader),
            Item::Missing { id, has_records } => json!({
                "event": "missing",
                "span_id": id.to_string(),
                "has_records": has_records,
            }),
        };
        place(&mut line, *row, id);
        writeln!(out, "{line}")?;
    }
    let mut end = json!({
        "event": "end",
        "trace_id": id.to_string(),
        "start": tree.start.to_string(),
        "end": tree.end.to_string(),
        "duration_ms": milliseconds(tree.end.saturating_since(tree.start)),
        "spans": trace.spans.len(),
        "records": trace.records,
        "services": trace.services,
        "failed": trace.failed(),
        "missing": tree.missing,
        "duplicates": trace.duplicates,
        "without_time": trace.without_time,
        "sampled": trace.unsampled == 0,
    });
    read(&mut end, scanned);
    writeln!(out, "{end}")
}

/// Prints one line for each of the slowest traces, and one at the end.
pub(crate) fn print_slowest(
    out: &mut impl Write,
    slowest: &Slowest,
    top: usize,
    scanned: &Scanned,
) -> io::Result<()> {
    for (id, root, summary) in slowest.top(top) {
        let line = json!({
            "event": "trace",
            "trace_id": id.to_string(),
            "root": root.name,
            "service": slowest.service(root),
            "services": slowest.services(root, summary).collect::<Vec<_>>(),
            "start": root.start.to_string(),
            "duration_ms": milliseconds(root.duration),
            "spans": summary.spans,
            "records": summary.records,
            "errors": summary.errors,
        });
        writeln!(out, "{line}")?;
    }
    let mut end = json!({
        "event": "end",
        "traces": slowest.len(),
        "without_spans": slowest.without_spans(),
        "duplicates": slowest.duplicates,
        "without_time": slowest.without_time,
    });
    read(&mut end, scanned);
    writeln!(out, "{end}")
}

fn span(trace: &Trace, tree: &Tree, index: usize, reader: &mut Reader) -> Json {
    let span = &trace.spans[index];
    let place = tree.places.get(index).cloned().unwrap_or_default();
    let all = tree.end.saturating_since(tree.start);
    let (line, attributes) = reader.fields(trace.line_of(span));
    let mut json = json!({
        "event": "span",
        "span_id": span.id.map(|id| id.to_string()),
        "parent_span_id": span.parent.map(|id| id.to_string()),
        "service": trace.services[span.service],
        "logger": line.logger,
        "name": span.name,
        "kind": span.kind.as_str(),
        "status": span.status.as_str(),
        "start": span.start.to_string(),
        "end": span.end.to_string(),
        "duration_ms": milliseconds(span.duration),
        "self_ms": milliseconds(place.self_time),
        "share": if all.is_zero() { 0.0 } else { span.duration.as_secs_f64() / all.as_secs_f64() },
        "attributes": object(&attributes),
    });
    if !span.status_message.is_empty() {
        json["status_message"] = span.status_message.as_str().into();
    }
    for (key, by) in
        [("starts_before_parent_ms", place.early), ("ends_after_parent_ms", place.late)]
    {
        if !by.is_zero() {
            json[key] = milliseconds(by).into();
        }
    }
    for (key, is) in [("in_circle", place.in_circle), ("repeats_id", span.repeats_id)] {
        if is {
            json[key] = true.into();
        }
    }
    json
}

fn entry(trace: &Trace, index: usize, reader: &mut Reader) -> Json {
    let Entry { span, service, time, content, .. } = &trace.entries[index];
    let mut json = match content {
        Content::Event { name, attributes } => {
            json!({"event": "span_event", "name": name, "attributes": object(attributes)})
        }
        Content::Record { level, line } => {
            let (line, fields) = reader.fields(trace.line(line));
            json!({
                "event": "record",
                "level": level.map(|level| level.as_str()),
                "logger": line.logger,
                "message": line.message,
                "fields": object(&fields),
            })
        }
    };
    json["span_id"] = span.map(|id| id.to_string()).into();
    json["service"] = trace.services[*service].as_str().into();
    json["time"] = time.to_string().into();
    json
}

fn place(line: &mut Json, row: Row, id: TraceId) {
    line["depth"] = row.depth.into();
    line["trace_id"] = id.to_string().into();
}

fn read(line: &mut Json, scanned: &Scanned) {
    line["files"] = scanned.files.into();
    line["lines"] = scanned.lines.into();
    line["bytes"] = scanned.bytes.into();
    line["not_json"] = scanned.not_json.into();
    line["cut_lines"] = scanned.cut_lines.into();
    let compressed = scanned.compressed.iter().map(|file| file.to_string_lossy().into_owned());
    line["compressed"] = compressed.collect::<Vec<_>>().into();
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// Fields as an object; of keys that repeat the first counts.
fn object(fields: &Fields) -> Json {
    let mut object = Map::new();
    for (key, value) in fields.iter() {
        object.entry(key).or_insert_with(|| match value {
            Value::Null => Json::Null,
            Value::Bool(v) => v.into(),
            Value::I64(v) => v.into(),
            Value::U64(v) => v.into(),
            Value::F64(v) => v.into(),
            Value::Json(v) => serde_json::from_str(v).unwrap_or_else(|_| v.into()),
            other => other.to_string().into(),
        });
    }
    object.into()
}
