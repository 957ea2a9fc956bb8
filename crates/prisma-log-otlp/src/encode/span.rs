//! A span's record as `opentelemetry.proto.trace.v1.Span`.

use prisma_log_core::{SpanEvent, SpanId, SpanKind, SpanRecord, SpanStatus, Timestamp, TraceId};

use super::attributes::{Entries, Limits, write_attribute, write_own};
use crate::form::{Form, Key, key};

const TRACE_ID: Key = key(1, "traceId");
const SPAN_ID: Key = key(2, "spanId");
const TRACE_STATE: Key = key(3, "traceState");
const PARENT: Key = key(4, "parentSpanId");
const NAME: Key = key(5, "name");
const KIND: Key = key(6, "kind");
const START: Key = key(7, "startTimeUnixNano");
const END: Key = key(8, "endTimeUnixNano");
const ATTRIBUTES: Key = key(9, "attributes");
const DROPPED_ATTRIBUTES: Key = key(10, "droppedAttributesCount");
const EVENTS: Key = key(11, "events");
const DROPPED_EVENTS: Key = key(12, "droppedEventsCount");
const STATUS: Key = key(15, "status");
const FLAGS: Key = key(16, "flags");

/// A span that has what OTLP asks for.
pub(crate) struct SentSpan<'r> {
    pub(crate) span: SpanRecord<'r>,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
}

pub(super) fn write_span<F: Form>(form: &mut F, sent: &SentSpan<'_>, limits: Limits, site: bool) {
    let span = &sent.span;
    let record = span.record();
    form.id(TRACE_ID, &sent.trace_id.get().to_be_bytes());
    form.id(SPAN_ID, &sent.span_id.get().to_be_bytes());
    // It is carried along by contexts, never logged.
    form.text(TRACE_STATE, "");
    if let Some(parent) = record.context.parent_span_id {
        form.id(PARENT, &parent.get().to_be_bytes());
    }
    form.fixed32(FLAGS, record.context.trace_flags.into());
    form.text(NAME, span.name());
    form.uint32(KIND, kind(span.kind()));
    form.fixed64(START, nanos(span.start()));
    form.fixed64(END, nanos(span.end()));
    let mut dropped = span.dropped_attributes();
    form.list(ATTRIBUTES, |form| {
        dropped =
            dropped.saturating_add(Entries::of_span(record).named(limits.count, |name, value| {
                write_attribute(form, ATTRIBUTES, name, value, limits.longest)
            }));
        write_own(form, ATTRIBUTES, record, site);
    });
    if dropped > 0 {
        form.uint32(DROPPED_ATTRIBUTES, dropped.try_into().unwrap_or(u32::MAX));
    }
    form.list(EVENTS, |form| {
        for event in span.events() {
            form.item(EVENTS, |form| write_event(form, &event, span.start(), limits));
        }
    });
    if span.dropped_events() > 0 {
        form.uint32(DROPPED_EVENTS, span.dropped_events().try_into().unwrap_or(u32::MAX));
    }
    form.message(STATUS, |form| {
        if !span.status_message().is_empty() {
            form.text(key(2, "message"), span.status_message());
        }
        form.uint32(key(3, "code"), code(span.status()));
    });
}

fn write_event<F: Form>(form: &mut F, event: &SpanEvent, start: Timestamp, limits: Limits) {
    const ATTRIBUTES: Key = key(3, "attributes");
    form.fixed64(key(1, "timeUnixNano"), nanos(start.saturating_add(event.offset)));
    form.text(key(2, "name"), &event.name);
    form.list(ATTRIBUTES, |form| {
        for (name, value) in event.attributes.iter().take(limits.count) {
            write_attribute(form, ATTRIBUTES, name, value, limits.longest);
        }
    });
    let dropped = event.attributes.len().saturating_sub(limits.count);
    if dropped > 0 {
        form.uint32(key(4, "droppedAttributesCount"), dropped.try_into().unwrap_or(u32::MAX));
    }
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.unix_nanos()).unwrap_or(0)
}

fn kind(kind: SpanKind) -> u32 {
    match kind {
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
        _ => 1,
    }
}

fn code(status: SpanStatus) -> u32 {
    match status {
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
        _ => 0,
    }
}
