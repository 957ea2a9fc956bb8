//! A reader of OTLP's binary form, written from the `.proto` files: messages to what the JSON
//! mapping of OTLP has for them.

use serde_json::{Map, Value as Json, json};

#[derive(Clone, Copy)]
enum Kind {
    Message(&'static str),
    List(&'static str),
    Text,
    Hex,
    Base64,
    Int64,
    Double,
    Uint32,
    Fixed32,
    Fixed64,
    Bool,
}
use Kind::*;

type Fields = &'static [(u64, &'static str, Kind)];

/// The messages by their names in `opentelemetry-proto` 1.x.
fn fields_of(message: &str) -> Fields {
    match message {
        "ExportLogsServiceRequest" => &[(1, "resourceLogs", List("ResourceLogs"))],
        "ResourceLogs" => &[
            (1, "resource", Message("Resource")),
            (2, "scopeLogs", List("ScopeLogs")),
            (3, "schemaUrl", Text),
        ],
        "ScopeLogs" => &[
            (1, "scope", Message("InstrumentationScope")),
            (2, "logRecords", List("LogRecord")),
            (3, "schemaUrl", Text),
        ],
        "LogRecord" => &[
            (1, "timeUnixNano", Fixed64),
            (2, "severityNumber", Uint32),
            (3, "severityText", Text),
            (5, "body", Message("AnyValue")),
            (6, "attributes", List("KeyValue")),
            (7, "droppedAttributesCount", Uint32),
            (8, "flags", Fixed32),
            (9, "traceId", Hex),
            (10, "spanId", Hex),
            (11, "observedTimeUnixNano", Fixed64),
            (12, "eventName", Text),
        ],
        "ExportTraceServiceRequest" => &[(1, "resourceSpans", List("ResourceSpans"))],
        "ResourceSpans" => &[
            (1, "resource", Message("Resource")),
            (2, "scopeSpans", List("ScopeSpans")),
            (3, "schemaUrl", Text),
        ],
        "ScopeSpans" => &[
            (1, "scope", Message("InstrumentationScope")),
            (2, "spans", List("Span")),
            (3, "schemaUrl", Text),
        ],
        "Span" => &[
            (1, "traceId", Hex),
            (2, "spanId", Hex),
            (3, "traceState", Text),
            (4, "parentSpanId", Hex),
            (5, "name", Text),
            (6, "kind", Uint32),
            (7, "startTimeUnixNano", Fixed64),
            (8, "endTimeUnixNano", Fixed64),
            (9, "attributes", List("KeyValue")),
            (10, "droppedAttributesCount", Uint32),
            (11, "events", List("Event")),
            (12, "droppedEventsCount", Uint32),
            (15, "status", Message("Status")),
            (16, "flags", Fixed32),
        ],
        "Event" => &[
            (1, "timeUnixNano", Fixed64),
            (2, "name", Text),
            (3, "attributes", List("KeyValue")),
            (4, "droppedAttributesCount", Uint32),
        ],
        "Status" => &[(2, "message", Text), (3, "code", Uint32)],
        "Resource" => &[(1, "attributes", List("KeyValue")), (2, "droppedAttributesCount", Uint32)],
        "InstrumentationScope" => &[(1, "name", Text), (2, "version", Text)],
        "KeyValue" => &[(1, "key", Text), (2, "value", Message("AnyValue"))],
        "AnyValue" => &[
            (1, "stringValue", Text),
            (2, "boolValue", Bool),
            (3, "intValue", Int64),
            (4, "doubleValue", Double),
            (5, "arrayValue", Message("ArrayValue")),
            (6, "kvlistValue", Message("KeyValueList")),
            (7, "bytesValue", Base64),
        ],
        "ArrayValue" => &[(1, "values", List("AnyValue"))],
        "KeyValueList" => &[(1, "values", List("KeyValue"))],
        other => panic!("no message {other}"),
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().expect("a message ends within a number");
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a number of more than 64 bits");
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at_checked(length).expect("a field is longer than its message");
    *bytes = rest;
    taken
}

/// Reads a message; panics at anything that is not in the `.proto` files.
pub(crate) fn read(message: &str, mut bytes: &[u8]) -> Json {
    let mut map = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let (number, form) = (tag >> 3, tag & 7);
        let known = fields_of(message).iter().find(|(known, ..)| *known == number);
        let &(_, name, kind) = known.unwrap_or_else(|| panic!("no field {number} in {message}"));
        let expect = match kind {
            Uint32 | Int64 | Bool => 0,
            Fixed64 | Double => 1,
            Fixed32 => 5,
            _ => 2,
        };
        assert_eq!(form, expect, "wire type of {message}.{name}");
        let value = match kind {
            Uint32 => json!(u32::try_from(varint(&mut bytes)).unwrap()),
            Int64 => json!((varint(&mut bytes) as i64).to_string()),
            Bool => json!(varint(&mut bytes) == 1),
            Fixed64 => {
                json!(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap()).to_string())
            }
            Fixed32 => json!(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())),
            Double => match f64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap()) {
                value if value.is_nan() => json!("NaN"),
                f64::INFINITY => json!("Infinity"),
                f64::NEG_INFINITY => json!("-Infinity"),
                value => json!(value),
            },
            Message(_) | List(_) | Text | Hex | Base64 => {
                let length = varint(&mut bytes) as usize;
                let bytes = take(&mut bytes, length);
                match kind {
                    Message(of) | List(of) => read(of, bytes),
                    Text => json!(str::from_utf8(bytes).expect("text that is not UTF-8")),
                    Hex => {
                        json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
                    }
                    _ => json!(base64(bytes)),
                }
            }
        };
        if let List(_) = kind {
            let list = map.entry(name).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(value);
        } else {
            assert!(map.insert(name.to_owned(), value).is_none(), "{message}.{name} comes twice");
        }
    }
    Json::Object(map)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digit = |six: &[u8]| {
        let six = format!("{:0<6}", str::from_utf8(six).unwrap());
        char::from(DIGITS[usize::from_str_radix(&six, 2).unwrap()])
    };
    let mut text: String = bits.as_bytes().chunks(6).map(digit).collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Takes out what means the same when it is not there, but for the values of attributes.
pub(crate) fn normal(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let kept = map.iter().filter_map(|(key, value)| {
                let value = normal(value);
                let is_default = value == json!("") || value == json!(0) || value == json!([]);
                let is_value = key.ends_with("Value");
                let is_empty = value == json!({}) && (key == "scope" || key == "status");
                (is_value || !is_default && !is_empty).then(|| (key.clone(), value))
            });
            Json::Object(kept.collect())
        }
        Json::Array(list) => Json::Array(list.iter().map(normal).collect()),
        other => other.clone(),
    }
}
