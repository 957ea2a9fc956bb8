//! A span's record, read back.

use std::time::Duration;

use crate::span::{SpanEvent, SpanEvents, SpanKind, SpanStatus};
use crate::{FieldsRef, Record, Timestamp, Value};

/// A span, as the record of its end holds it.
///
/// The record's message is the span's name, its timestamp the span's end, its context the span's
/// ids, and its [tag](Record::tag) [`SpanRecord::TAG`], which only code can set, not data. The fields
/// begin with the span's own, of which [`SpanRecord::DURATION`] is the last; the attributes follow.
#[derive(Clone, Copy, Debug)]
pub struct SpanRecord<'a> {
    record: Record<'a>,
}

impl<'a> SpanRecord<'a> {
    /// The tag of a span's record.
    pub const TAG: &'static str = "span";
    /// The field that holds the [`SpanKind`].
    pub const KIND: &'static str = "span.kind";
    /// The field that holds the [`SpanStatus`].
    pub const STATUS: &'static str = "span.status";
    /// The field that says why a span failed; only where that is known.
    pub const STATUS_MESSAGE: &'static str = "span.status_message";
    /// The field that holds the events as a JSON list; only where there are any.
    pub const EVENTS: &'static str = "span.events";
    /// The field that counts attributes that had no room; only where there are any.
    pub const DROPPED_ATTRIBUTES: &'static str = "span.dropped_attributes";
    /// The field that counts events that had no room; only where there are any.
    pub const DROPPED_EVENTS: &'static str = "span.dropped_events";
    /// The field that holds the duration in milliseconds.
    pub const DURATION: &'static str = "duration_ms";

    /// The span that ended with this record, if one did.
    pub fn of(record: &Record<'a>) -> Option<Self> {
        (record.tag == SpanRecord::TAG).then_some(SpanRecord { record: *record })
    }

    /// Whether this is one of the fields that stand before the attributes.
    pub fn is_own_field(key: &str) -> bool {
        matches!(
            key,
            SpanRecord::KIND
                | SpanRecord::STATUS
                | SpanRecord::STATUS_MESSAGE
                | SpanRecord::EVENTS
                | SpanRecord::DROPPED_ATTRIBUTES
                | SpanRecord::DROPPED_EVENTS
                | SpanRecord::DURATION
        )
    }

    /// The record itself: ids, logger, level, call site.
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// What the span is called, such as `GET /orders/{id}`.
    pub fn name(&self) -> &'a str {
        self.record.message
    }

    /// What the span is to its caller.
    pub fn kind(&self) -> SpanKind {
        SpanKind::parse(self.text(SpanRecord::KIND)).unwrap_or_default()
    }

    /// How it ended.
    pub fn status(&self) -> SpanStatus {
        SpanStatus::parse(self.text(SpanRecord::STATUS)).unwrap_or_default()
    }

    /// Why it failed; empty when nobody said.
    pub fn status_message(&self) -> &'a str {
        self.text(SpanRecord::STATUS_MESSAGE)
    }

    /// How long it took.
    pub fn duration(&self) -> Duration {
        let milliseconds = match self.own(SpanRecord::DURATION) {
            Some(Value::F64(v)) => v,
            Some(Value::U64(v)) => v as f64,
            Some(Value::I64(v)) => v as f64,
            _ => 0.0,
        };
        // In whole nanoseconds, so that a duration that was written comes back exactly.
        Duration::from_nanos((milliseconds * 1e6).round() as u64)
    }

    /// When it began.
    pub fn start(&self) -> Timestamp {
        self.record.timestamp.saturating_sub(self.duration())
    }

    /// When it ended.
    pub fn end(&self) -> Timestamp {
        self.record.timestamp
    }

    /// What happened within it.
    pub fn events(&self) -> Vec<SpanEvent> {
        SpanEvents::read(self.text(SpanRecord::EVENTS))
    }

    /// How many attributes it had no room for.
    pub fn dropped_attributes(&self) -> u64 {
        self.number(SpanRecord::DROPPED_ATTRIBUTES)
    }

    /// How many events it had no room for.
    pub fn dropped_events(&self) -> u64 {
        self.number(SpanRecord::DROPPED_EVENTS)
    }

    /// The span's attributes, then the logger's fields.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let mut own = true;
        let fields: FieldsRef<'a> = self.record.fields;
        fields.iter().filter(move |&(key, _)| {
            let is_own = own && SpanRecord::is_own_field(key);
            own &= is_own && key != SpanRecord::DURATION;
            !is_own
        })
    }

    fn own(&self, key: &str) -> Option<Value<'a>> {
        let fields: FieldsRef<'a> = self.record.fields;
        fields.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> &'a str {
        match self.own(key) {
            Some(Value::Str(text) | Value::Json(text)) => text,
            _ => "",
        }
    }

    fn number(&self, key: &str) -> u64 {
        match self.own(key) {
            Some(Value::U64(number)) => number,
            Some(Value::I64(number)) => number.try_into().unwrap_or(0),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fields, Level};

    #[test]
    fn a_span_reads_back() {
        let mut events = SpanEvents::new();
        events.push("retry", Duration::from_millis(2), &[]);
        let events = events.into_json().unwrap();
        let mut fields = Fields::new();
        fields.push(SpanRecord::KIND, "server");
        fields.push(SpanRecord::STATUS, "error");
        fields.push(SpanRecord::STATUS_MESSAGE, "no stock");
        fields.push(SpanRecord::EVENTS, Value::Json(&events));
        fields.push(SpanRecord::DROPPED_ATTRIBUTES, 3_u64);
        fields.push(SpanRecord::DURATION, 12.345_678);
        fields.push("span.kind", "forged");
        fields.push("duration_ms", 1.0);
        fields.push("order", 7_u64);
        let end = Timestamp::from_unix_nanos(1_700_000_000_000_000_000);
        let mut record = Record::new(end, Level::Info, "shop", "GET /");
        record.fields = fields.as_ref();
        assert!(SpanRecord::of(&record).is_none());
        record.tag = SpanRecord::TAG;
        let span = SpanRecord::of(&record).unwrap();
        assert_eq!((span.name(), span.kind()), ("GET /", SpanKind::Server));
        assert_eq!((span.status(), span.status_message()), (SpanStatus::Error, "no stock"));
        assert_eq!(span.duration(), Duration::from_nanos(12_345_678));
        assert_eq!((span.start().unix_nanos(), span.end()), (1_699_999_999_987_654_322, end));
        assert_eq!(span.events()[0].offset, Duration::from_millis(2));
        assert_eq!((span.dropped_attributes(), span.dropped_events()), (3, 0));
        let attributes: Vec<_> = span.attributes().collect();
        let expect = [
            ("span.kind", Value::Str("forged")),
            ("duration_ms", Value::F64(1.0)),
            ("order", Value::U64(7)),
        ];
        assert_eq!(attributes, expect);
    }

    #[test]
    fn what_a_record_lacks_has_a_default() {
        let end = Timestamp::from_unix_nanos(5);
        let mut record = Record::new(end, Level::Info, "", "x");
        record.tag = SpanRecord::TAG;
        let span = SpanRecord::of(&record).unwrap();
        assert_eq!((span.kind(), span.status()), (SpanKind::Internal, SpanStatus::Unset));
        assert_eq!((span.duration(), span.start()), (Duration::ZERO, end));
        assert_eq!((span.events().len(), span.attributes().count()), (0, 0));
    }
}
