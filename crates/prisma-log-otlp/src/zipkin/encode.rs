//! A span as Zipkin's API v2 has it: <https://zipkin.io/zipkin-api/#/default/post_spans>.

use std::fmt::Write as _;
use std::time::Duration;

use prisma_log_core::{Record, SpanEvent, SpanKind, SpanStatus, Timestamp, Value};

use crate::deliver::{Encoding, Part, Partial};
use crate::encode::{Entries, SentSpan, span_of};
use crate::form::{Form as _, JsonForm, key};
use crate::send::Answer;

pub(crate) struct Zipkin {
    pub(super) service: String,
    pub(super) site: bool,
}

impl Encoding for Zipkin {
    fn lane(&self, record: &Record<'_>) -> Option<usize> {
        span_of(record).map(|_| 0)
    }

    fn encode(&self, _: usize, record: &Record<'_>, out: &mut Vec<u8>) {
        if let Some(span) = span_of(record) {
            JsonForm::new(out).braces(|form| self.write(form, &span));
        }
    }

    fn assemble(&self, _: usize, part: &Part, of: &[usize], _: &[Record<'_>], out: &mut Vec<u8>) {
        JsonForm::new(out).brackets(|form| {
            of.iter().for_each(|&at| form.encoded_item(part.piece(at)));
        });
    }

    fn partial(&self, _: usize, _: &Answer) -> Partial {
        Partial::default()
    }
}

impl Zipkin {
    fn write(&self, form: &mut JsonForm<'_>, sent: &SentSpan<'_>) {
        let span = &sent.span;
        let record = span.record();
        form.name("traceId");
        form.quoted(&sent.trace_id.hex());
        form.name("id");
        form.quoted(&sent.span_id.hex());
        if let Some(parent) = record.context.parent_span_id {
            form.name("parentId");
            form.quoted(&parent.hex());
        }
        if let Some(kind) = kind(span.kind()) {
            form.name("kind");
            form.quoted(kind);
        }
        form.text(key(0, "name"), span.name());
        form.name("timestamp");
        form.number(micros(span.start()));
        form.name("duration");
        // Zipkin takes 0 for one that is not known.
        form.number(u64::try_from(span.duration().as_micros()).unwrap_or(u64::MAX).max(1));
        form.name("localEndpoint");
        form.braces(|form| form.text(key(0, "serviceName"), &self.service));
        let events = span.events();
        if !events.is_empty() {
            form.name("annotations");
            form.brackets(|form| {
                for event in &events {
                    form.separate();
                    form.braces(|form| annotation(form, event, span.start()));
                }
            });
        }
        form.name("tags");
        form.braces(|form| self.tags(form, sent));
    }

    fn tags(&self, form: &mut JsonForm<'_>, sent: &SentSpan<'_>) {
        let span = &sent.span;
        let record = span.record();
        let failed = span.status() == SpanStatus::Error;
        Entries::of_span(record).named(usize::MAX, |name, value| {
            // Its presence says that a span failed.
            let name = if name == "error" { "fields.error" } else { name };
            tag(form, name, value);
        });
        // OpenTelemetry's names, which its own exporter to Zipkin uses.
        if failed {
            form.text(key(0, "error"), span.status_message());
        }
        if span.status() != SpanStatus::Unset {
            form.text(key(0, "otel.status_code"), if failed { "ERROR" } else { "OK" });
        }
        form.text(key(0, "otel.scope.name"), record.logger);
        for (name, count) in [
            ("otel.dropped_attributes_count", span.dropped_attributes()),
            ("otel.dropped_events_count", span.dropped_events()),
            ("prisma_log.sequence", record.sequence),
            ("code.line.number", if self.site { record.site.line.into() } else { 0 }),
        ] {
            if count > 0 {
                tag(form, name, Value::U64(count));
            }
        }
        if self.site && !record.site.file.is_empty() {
            form.text(key(0, "code.file.path"), record.site.file);
        }
    }
}

/// Tags are text.
fn tag(form: &mut JsonForm<'_>, name: &str, value: Value<'_>) {
    form.name(name);
    match value {
        Value::Str(text) | Value::Json(text) => form.string(text),
        other => form.string(&other.to_string()),
    }
}

/// An annotation is a time and a text: the event's attributes follow its name.
fn annotation(form: &mut JsonForm<'_>, event: &SpanEvent, start: Timestamp) {
    form.name("timestamp");
    form.number(micros(start.saturating_add(event.offset)));
    let mut text = event.name.clone();
    for (index, (name, value)) in event.attributes.iter().enumerate() {
        let before = if index == 0 { ": " } else { ", " };
        // A `String` takes everything.
        let _infallible = write!(text, "{before}{name}={value}");
    }
    form.text(key(0, "value"), &text);
}

fn micros(time: Timestamp) -> u64 {
    let since = time.saturating_since(Timestamp::UNIX_EPOCH);
    u64::try_from(Duration::as_micros(&since)).unwrap_or(u64::MAX)
}

fn kind(kind: SpanKind) -> Option<&'static [u8]> {
    match kind {
        SpanKind::Server => Some(b"SERVER"),
        SpanKind::Client => Some(b"CLIENT"),
        SpanKind::Producer => Some(b"PRODUCER"),
        SpanKind::Consumer => Some(b"CONSUMER"),
        _ => None,
    }
}
