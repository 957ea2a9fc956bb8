//! What a line says of a trace.

use std::time::Duration;

use prisma_log_core::{
    Fields, Level, Record, SpanEvent, SpanId, SpanKind, SpanRecord, SpanStatus, Timestamp, TraceId,
    Value,
};
use prisma_log_tail::{LineParser, LogLine};

/// A line that belongs to a trace.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) trace_id: TraceId,
    /// Of a span's own record: the span itself.
    pub(crate) span_id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    /// Whether the trace was sampled, where that is said.
    pub(crate) sampled: Option<bool>,
    pub(crate) service: Option<String>,
    pub(crate) level: Option<Level>,
    pub(crate) time: Option<Timestamp>,
    /// Of a span's own record.
    pub(crate) ended: Option<Ended>,
}

/// What the record of a span's end says.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    pub(crate) status_message: String,
    pub(crate) duration: Duration,
    pub(crate) events: Vec<SpanEvent>,
}

/// Reads lines.
#[derive(Debug, Default)]
pub(crate) struct Reader(LineParser);

impl Reader {
    /// What the line says; `None` when it belongs to no trace.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<Seen> {
        let line = self.0.parse(bytes);
        let trace_id = line.trace_id?;
        let own = Own::of(&line);
        let text = |value: Option<Value<'_>>| value.map(|value| value.to_string());
        let flags = text(own.flags).and_then(|flags| u8::from_str_radix(&flags, 16).ok());
        let mut seen = Seen {
            trace_id,
            span_id: line.span_id,
            parent: text(own.parent).and_then(|id| id.parse().ok()),
            sampled: flags.map(|flags| flags & 1 == 1),
            service: text(own.service).filter(|name| !name.is_empty()),
            level: line.level,
            time: line.timestamp,
            ended: None,
        };
        own.lend(&line, |record| {
            let span = SpanRecord::of(record)?;
            seen.ended = Some(Ended {
                name: span.name().to_owned(),
                kind: span.kind(),
                status: span.status(),
                status_message: span.status_message().to_owned(),
                duration: span.duration(),
                events: span.events(),
            });
            Some(())
        });
        Some(seen)
    }

    /// The line as a whole, and what is its own in it: a span's attributes, a record's fields.
    pub(crate) fn fields(&mut self, bytes: &[u8]) -> (LogLine, Fields) {
        let line = self.0.parse(bytes);
        let own = Own::of(&line);
        let fields = own.lend(&line, |record| match SpanRecord::of(record) {
            Some(span) => span.attributes().collect(),
            None => record.fields.iter().collect(),
        });
        (line, fields)
    }
}

/// The keys that encoders write for the record as such, as far as the parser takes them for fields.
const ENVELOPE: [&str; 16] = [
    "seq",
    "truncated",
    "recovered",
    "service.version",
    "service.environment",
    "deployment.environment.name",
    "event.dataset",
    "event.sequence",
    "ecs.version",
    "code.file.path",
    "code.line.number",
    "code.function.name",
    "code.module.name",
    "log.origin.file.name",
    "log.origin.file.line",
    "log.origin.function",
];

/// A line's fields, taken apart.
struct Own<'a> {
    tag: Option<Value<'a>>,
    parent: Option<Value<'a>>,
    flags: Option<Value<'a>>,
    service: Option<Value<'a>>,
    rest: Fields,
}

impl<'a> Own<'a> {
    fn of(line: &'a LogLine) -> Self {
        let mut own =
            Own { tag: None, parent: None, flags: None, service: None, rest: Fields::new() };
        for (key, value) in line.fields.iter() {
            let key = in_labels(key).unwrap_or(key);
            let place = match key {
                "slog.tag" => &mut own.tag,
                "parent_span_id" => &mut own.parent,
                "trace_flags" => &mut own.flags,
                "service.name" => &mut own.service,
                _ if ENVELOPE.contains(&key) => continue,
                _ => {
                    own.rest.push(key, value);
                    continue;
                }
            };
            place.get_or_insert(value);
        }
        own
    }

    fn lend<R>(&self, line: &LogLine, f: impl FnOnce(&Record<'_>) -> R) -> R {
        let time = line.timestamp.unwrap_or_default();
        let logger = line.logger.as_deref().unwrap_or_default();
        let level = line.level.unwrap_or(Level::Info);
        let mut record = Record::new(time, level, logger, &line.message);
        record.fields = self.rest.as_ref();
        if let Some(Value::Str(tag)) = self.tag {
            record.tag = tag;
        }
        f(&record)
    }
}

/// What a key means that the ECS encoder has put among the labels, without dots.
fn in_labels(key: &str) -> Option<&str> {
    let label = key.strip_prefix("labels.")?;
    Some(match label {
        "tag" => "slog.tag",
        "span_kind" => SpanRecord::KIND,
        "span_status" => SpanRecord::STATUS,
        "span_status_message" => SpanRecord::STATUS_MESSAGE,
        "span_events" => SpanRecord::EVENTS,
        "span_dropped_attributes" => SpanRecord::DROPPED_ATTRIBUTES,
        "span_dropped_events" => SpanRecord::DROPPED_EVENTS,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_core::{ContextData, Encoder};
    use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, Service};

    /// The same span in every form that can be read back.
    fn forms() -> Vec<(&'static str, Vec<u8>)> {
        let mut events = prisma_log_core::SpanEvents::new();
        events.push("retry", Duration::from_millis(2), &[]);
        let events = events.into_json().unwrap();
        let mut fields = Fields::new();
        fields.push(SpanRecord::KIND, "server");
        fields.push(SpanRecord::STATUS, "error");
        fields.push(SpanRecord::STATUS_MESSAGE, "no \"stock\"");
        fields.push(SpanRecord::EVENTS, Value::Json(&events));
        fields.push(SpanRecord::DURATION, 12.5);
        fields.push("span.kind", "forged");
        fields.push("order", 7_u64);
        let mut context = ContextData::default();
        context.trace_id = TraceId::new(0xabc);
        context.span_id = SpanId::new(2);
        // In logfmt this looks like a number with an exponent.
        context.parent_span_id = SpanId::new(0x1234_5678_9012_3e45);
        context.trace_flags = 1;
        let time = Timestamp::from_unix_nanos(1_700_000_000_000_000_000);
        let mut record = Record::new(time, Level::Info, "shop", "GET /orders");
        record.tag = SpanRecord::TAG;
        record.fields = fields.as_ref();
        record.context = &context;
        record.sequence = 9;
        let service = || Service::new().name("orders");
        let json = JsonEncoder::builder().service(service()).build().unwrap();
        let ecs = EcsEncoder::builder().service(service()).build().unwrap();
        let logfmt = LogfmtEncoder::builder().service(service()).build().unwrap();
        let encoders: [(&str, Box<dyn Encoder>); 3] =
            [("json", Box::new(json)), ("ecs", Box::new(ecs)), ("logfmt", Box::new(logfmt))];
        let forms = encoders.into_iter().map(|(name, mut encoder)| {
            let mut line = Vec::new();
            encoder.encode(&record, &mut line);
            (name, line)
        });
        forms.collect()
    }

    #[test]
    fn a_span_reads_back_from_every_form() {
        for (form, line) in forms() {
            let seen = Reader::default().read(&line);
            let seen = seen.unwrap_or_else(|| panic!("{form}: {}", line.escape_ascii()));
            assert_eq!(Some(seen.trace_id), TraceId::new(0xabc), "{form}");
            assert_eq!(seen.span_id, SpanId::new(2), "{form}");
            assert_eq!(seen.parent, SpanId::new(0x1234_5678_9012_3e45), "{form}");
            assert_eq!(
                (seen.sampled, seen.service.as_deref()),
                (Some(true), Some("orders")),
                "{form}"
            );
            assert_eq!(seen.time.unwrap().unix_nanos(), 1_700_000_000_000_000_000, "{form}");
            let ended = seen.ended.unwrap();
            assert_eq!((&*ended.name, ended.kind), ("GET /orders", SpanKind::Server), "{form}");
            assert_eq!(ended.status, SpanStatus::Error, "{form}");
            assert_eq!(ended.status_message, "no \"stock\"", "{form}");
            assert_eq!(ended.duration, Duration::from_micros(12_500), "{form}");
            assert_eq!(ended.events[0].offset, Duration::from_millis(2), "{form}");
            let (_, fields) = Reader::default().fields(&line);
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(fields.len(), 2, "{form}: {fields:?}");
            assert!(fields[0].ends_with("=forged") && fields[1] == "order=7", "{form}: {fields:?}");
        }
    }

    #[test]
    fn what_is_no_span_is_a_record() {
        let head = r#"{"timestamp":"2026-11-24T08:00:00.000000Z","level":"INFO","logger":"a","message":"m""#;
        let trace =
            r#","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331""#;
        let read = |line: &str| Reader::default().read(line.as_bytes());
        assert!(read(&format!("{head}}}")).is_none(), "no trace");
        let seen = read(&format!("{head}{trace}}}")).unwrap();
        assert!(seen.ended.is_none() && seen.sampled.is_none() && seen.parent.is_none());
        // A field of the user's can't be the tag.
        let seen = read(&format!("{head}{trace},\"fields.slog.tag\":\"span\"}}")).unwrap();
        assert!(seen.ended.is_none());
        let seen = read(&format!("{head}{trace},\"slog.tag\":\"span\"}}")).unwrap();
        let ended = seen.ended.unwrap();
        assert_eq!((ended.duration, ended.kind), (Duration::ZERO, SpanKind::Internal));
        for bad in ["-5", "1e999", "\"x\"", "null", "[1]"] {
            let line = format!("{head}{trace},\"slog.tag\":\"span\",\"duration_ms\":{bad}}}");
            if let Some(seen) = read(&line) {
                assert!(seen.ended.unwrap().duration <= Duration::from_nanos(u64::MAX), "{bad}");
            }
        }
    }
}
