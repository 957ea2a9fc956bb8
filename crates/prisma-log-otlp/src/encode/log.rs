//! A record as `opentelemetry.proto.logs.v1.LogRecord`.

use prisma_log_core::{Record, Value};

use super::any_value::write_value;
use super::attributes::{Entries, Limits, write_attribute, write_own, write_own_of_log};
use crate::form::{Form, Key, key};

const TIME: Key = key(1, "timeUnixNano");
const SEVERITY: Key = key(2, "severityNumber");
const SEVERITY_TEXT: Key = key(3, "severityText");
const BODY: Key = key(5, "body");
const ATTRIBUTES: Key = key(6, "attributes");
const DROPPED: Key = key(7, "droppedAttributesCount");
const FLAGS: Key = key(8, "flags");
const TRACE_ID: Key = key(9, "traceId");
const SPAN_ID: Key = key(10, "spanId");
const OBSERVED: Key = key(11, "observedTimeUnixNano");
const EVENT_NAME: Key = key(12, "eventName");

/// The field that says which kind of event a record is; OTLP has a place of its own for it.
const EVENT_FIELD: &str = "event.name";

pub(super) fn write_log<F: Form>(form: &mut F, record: &Record<'_>, limits: Limits, site: bool) {
    let time = u64::try_from(record.timestamp.unix_nanos()).unwrap_or(0);
    form.fixed64(TIME, time);
    // Whoever logs also observes.
    form.fixed64(OBSERVED, time);
    form.uint32(SEVERITY, record.level.severity_number().into());
    form.text(SEVERITY_TEXT, record.level.as_str());
    form.message(BODY, |form| write_value(form, Value::Str(record.message), None));
    let event = record.fields.iter().enumerate().find_map(|(index, (key, value))| match value {
        Value::Str(name) if key == EVENT_FIELD => Some((index, name)),
        _ => None,
    });
    let entries = Entries::of(record).without(event.map(|(index, _)| index));
    let mut dropped = 0;
    form.list(ATTRIBUTES, |form| {
        dropped = entries.named(limits.count, |name, value| {
            write_attribute(form, ATTRIBUTES, name, value, limits.longest);
        });
        write_own(form, ATTRIBUTES, record, site);
        write_own_of_log(form, ATTRIBUTES, record);
    });
    if dropped > 0 {
        form.uint32(DROPPED, dropped.try_into().unwrap_or(u32::MAX));
    }
    if let Some((_, name)) = event {
        form.text(EVENT_NAME, name);
    }
    let context = record.context;
    if let Some(id) = context.trace_id {
        form.id(TRACE_ID, &id.get().to_be_bytes());
        form.fixed32(FLAGS, context.trace_flags.into());
    }
    if let Some(id) = context.span_id {
        form.id(SPAN_ID, &id.get().to_be_bytes());
    }
}
