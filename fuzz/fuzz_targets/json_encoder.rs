//! Whatever a record holds, its line is one line, parses, repeats no key and loses nothing.
#![no_main]

use std::collections::HashSet;
use std::fmt;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use prisma_log_core::{
    ContextData, Encoder, Fields, Level, Record, Shape, Timestamp, TraceId, Value,
};
use prisma_log_format::{
    EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder, decode_key, must_escape,
};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    nanos: i64,
    trace_id: u128,
    logger: &'a str,
    message: &'a str,
    tag: &'a str,
    context: Vec<(&'a str, Any<'a>)>,
    fields: Vec<(&'a str, Any<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Any<'a> {
    Null,
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Str(&'a str),
    Bytes(&'a [u8]),
    Json(&'a str),
}

impl<'a> Any<'a> {
    fn value(&self) -> Value<'a> {
        match *self {
            Any::Null => Value::Null,
            Any::Bool(v) => Value::Bool(v),
            Any::I64(v) => Value::I64(v),
            Any::U64(v) => Value::U64(v),
            Any::I128(v) => Value::I128(v),
            Any::U128(v) => Value::U128(v),
            Any::F64(v) => Value::F64(v),
            Any::Str(v) => Value::Str(v),
            Any::Bytes(v) => Value::Bytes(v),
            Any::Json(v) => Value::Json(v),
        }
    }
}

/// An object's members in order, repeated keys and all.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

fn collect(pairs: &[(&str, Any<'_>)]) -> Fields {
    pairs.iter().map(|(key, any)| (*key, any.value())).collect()
}

fuzz_target!(|input: Input<'_>| {
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(input.trace_id);
    context.entries = collect(&input.context);
    let fields = collect(&input.fields);
    let time = Timestamp::from_unix_nanos(input.nanos);
    let mut record = Record::new(time, Level::Warning, input.logger, input.message);
    record.context = &context;
    record.fields = fields.as_ref();
    record.tag = input.tag;

    let encode = |encoder: &mut dyn Encoder| {
        let mut out = Vec::new();
        encoder.encode(&record, &mut out);
        let line = String::from_utf8(out).expect("a line is UTF-8");
        // Twice: once to plan, once by the plan.
        for constant in [true, false] {
            let mut record = record;
            record.shape = Shape::new(1 + u32::from(constant));
            record.message_is_constant = constant;
            for _ in 0..2 {
                let mut again = Vec::new();
                encoder.encode(&record, &mut again);
                assert_eq!(again, line.as_bytes(), "{line}");
            }
        }
        assert!(!line.contains(must_escape), "{line:?}");
        line
    };
    encode(&mut LogfmtEncoder::new());
    encode(&mut TextEncoder::new());
    read(&encode(&mut EcsEncoder::new()));

    let line = encode(&mut JsonEncoder::new());
    let members = read(&line).0;
    let entries = context.entries.iter().chain(fields.iter());
    let user = &members[members.len() - entries.clone().count()..];
    for ((written, raw), (key, value)) in user.iter().zip(entries) {
        assert_eq!(decode_key(written).0, key, "{line}");
        if let Value::Str(text) = value {
            assert_eq!(serde_json::from_str::<String>(raw.get()).unwrap(), text, "{line}");
        }
    }
});

/// Parses the line as a whole, and its top level once more for repeated keys.
fn read(line: &str) -> Members<'_> {
    serde_json::from_str::<serde_json::Value>(line).expect(line);
    let members: Members<'_> = serde_json::from_str(line).expect(line);
    let mut keys = HashSet::new();
    assert!(members.0.iter().all(|(key, _)| keys.insert(key.as_str())), "repeated key: {line}");
    members
}
