//! What happened within a span.

use std::time::Duration;

use serde_json::{Map, Number, Value as Json};

use crate::{Fields, Value};

/// Something that happened within a span at a moment of its own.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpanEvent {
    /// What happened.
    pub name: String,
    /// How long after the span's start.
    pub offset: Duration,
    /// The event's own attributes.
    pub attributes: Fields,
}

/// The events of a span in the form that its record has them in: a JSON list.
///
/// 128 events are kept, of 64 KiB in all; the ones after that are counted.
#[derive(Debug, Default)]
pub struct SpanEvents {
    /// Without the closing bracket.
    json: String,
    count: usize,
    dropped: u64,
}

/// As OpenTelemetry's SDKs do by default.
const MAX_EVENTS: usize = 128;
const MAX_BYTES: usize = 64 << 10;

impl SpanEvents {
    /// No events.
    pub const fn new() -> Self {
        SpanEvents { json: String::new(), count: 0, dropped: 0 }
    }

    /// Adds an event. Bytes in its attributes are kept as text, escaped as in a Rust string.
    pub fn push(&mut self, name: &str, offset: Duration, attributes: &[(&str, Value<'_>)]) {
        let mut event = Map::new();
        event.insert("name".to_owned(), name.into());
        event.insert("offset_ms".to_owned(), (offset.as_nanos() as f64 / 1e6).into());
        if !attributes.is_empty() {
            let attributes = attributes.iter().map(|&(key, value)| (key.to_owned(), json(value)));
            event.insert("attributes".to_owned(), Json::Object(attributes.collect()));
        }
        let event = Json::Object(event).to_string();
        if self.count == MAX_EVENTS || self.json.len() + event.len() > MAX_BYTES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.json.push(if self.count == 0 { '[' } else { ',' });
        self.json += &event;
        self.count += 1;
    }

    /// The list as JSON text; `None` when there is no event in it.
    pub fn into_json(mut self) -> Option<String> {
        self.json.push(']');
        (self.count > 0).then_some(self.json)
    }

    /// How many events had no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Reads a list back; what is no event is left out.
    pub(crate) fn read(json: &str) -> Vec<SpanEvent> {
        let Ok(Json::Array(events)) = serde_json::from_str(json) else { return Vec::new() };
        events.iter().filter_map(read_event).collect()
    }
}

fn read_event(event: &Json) -> Option<SpanEvent> {
    let milliseconds = event.get("offset_ms")?.as_f64()?;
    let offset = Duration::try_from_secs_f64(milliseconds / 1e3).ok()?;
    let mut attributes = Fields::new();
    for (key, value) in event.get("attributes").and_then(Json::as_object).into_iter().flatten() {
        match value {
            Json::Null => attributes.push(key, Value::Null),
            Json::Bool(v) => attributes.push(key, *v),
            Json::Number(v) => match (v.as_i64(), v.as_u64()) {
                (Some(v), _) => attributes.push(key, v),
                (_, Some(v)) => attributes.push(key, v),
                _ => attributes.push(key, v.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(v) => attributes.push(key, v.as_str()),
            nested => attributes.push(key, Value::Json(&nested.to_string())),
        }
    }
    Some(SpanEvent { name: event.get("name")?.as_str()?.to_owned(), offset, attributes })
}

/// As docs/decisions/0004 says for what JSON can't hold.
fn json(value: Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(v) => v.into(),
        Value::I64(v) => v.into(),
        Value::U64(v) => v.into(),
        Value::F64(v) if v.is_finite() => Number::from_f64(v).map_or(Json::Null, Json::Number),
        Value::F64(v) if v.is_nan() => "NaN".into(),
        Value::F64(v) => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Value::Json(v) => serde_json::from_str(v).unwrap_or_else(|_| v.into()),
        Value::I128(_) | Value::U128(_) | Value::Str(_) | Value::Bytes(_) => {
            value.to_string().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_back() {
        let mut events = SpanEvents::new();
        let attributes = [
            ("text", Value::Str("a\"b\n")),
            ("n", Value::I64(-3)),
            ("big", Value::U64(u64::MAX)),
            ("wide", Value::U128(u128::MAX)),
            ("nan", Value::F64(f64::NAN)),
            ("nested", Value::Json(r#"{"a":[1]}"#)),
        ];
        events.push("cache miss", Duration::from_nanos(1_234_567), &attributes);
        events.push("retry", Duration::ZERO, &[]);
        let read = SpanEvents::read(&events.into_json().unwrap());
        assert_eq!(read.len(), 2);
        assert_eq!(
            (&*read[0].name, read[0].offset),
            ("cache miss", Duration::from_nanos(1_234_567))
        );
        let of = |key| read[0].attributes.get(key).unwrap();
        assert_eq!(of("text"), Value::Str("a\"b\n"));
        assert_eq!(of("n"), Value::I64(-3));
        assert_eq!(of("big"), Value::U64(u64::MAX));
        assert_eq!(of("wide"), Value::Str("340282366920938463463374607431768211455"));
        assert_eq!(of("nan"), Value::Str("NaN"));
        assert_eq!(of("nested"), Value::Json(r#"{"a":[1]}"#));
        assert_eq!((&*read[1].name, read[1].attributes.len()), ("retry", 0));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut events = SpanEvents::new();
        for _ in 0..MAX_EVENTS + 3 {
            events.push("e", Duration::ZERO, &[]);
        }
        assert_eq!(events.dropped(), 3);
        assert_eq!(SpanEvents::read(&events.into_json().unwrap()).len(), MAX_EVENTS);
        let mut events = SpanEvents::new();
        events.push(&"x".repeat(MAX_BYTES), Duration::ZERO, &[]);
        events.push("small", Duration::ZERO, &[]);
        assert_eq!(events.dropped(), 1);
        assert_eq!(SpanEvents::read(&events.into_json().unwrap())[0].name, "small");
        assert_eq!(SpanEvents::new().into_json(), None);
    }

    #[test]
    fn what_is_no_event_is_left_out() {
        for (json, count) in [
            ("", 0),
            ("{}", 0),
            ("[1,{}]", 0),
            (r#"[{"name":"a"}]"#, 0),
            (r#"[{"name":"a","offset_ms":-1}]"#, 0),
            (r#"[{"name":"a","offset_ms":1e300},{"name":"b","offset_ms":0}]"#, 1),
        ] {
            assert_eq!(SpanEvents::read(json).len(), count, "{json}");
        }
    }
}
