//! An ECS line keeps the rules of ecs-logging and of ECS 1.12, and loses nothing.

use fastrand::Rng;
use prisma_log_core::Value;
use prisma_log_format::{EcsEncoder, Service};
use serde_json::Value as Json;

use crate::json::{Members, is_written_as};
use crate::random::Owned;
use crate::{Tally, encode};

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Datetime,
    String,
    Integer,
    Object,
}

struct Rule {
    key: &'static str,
    kind: Type,
    required: bool,
    /// Place in the line, where one is prescribed.
    index: Option<usize>,
}

const fn rule(key: &'static str, kind: Type, required: bool, index: Option<usize>) -> Rule {
    Rule { key, kind, required, index }
}

/// What version 1.0 of the ecs-logging specification (`spec/spec.json` in elastic/ecs-logging)
/// says of each field: type, whether it is required, and its index. All names are written dotted
/// at the top level, which it allows for every field and demands for `log.level`.
const SPEC: &[Rule] = &[
    rule("@timestamp", Type::Datetime, true, Some(0)),
    rule("log.level", Type::String, true, Some(1)),
    rule("message", Type::String, true, Some(2)),
    rule("ecs.version", Type::String, true, None),
    rule("labels", Type::Object, false, None),
    rule("trace.id", Type::String, false, None),
    rule("transaction.id", Type::String, false, None),
    rule("service.name", Type::String, false, None),
    rule("event.dataset", Type::String, false, None),
];

/// The specification's `labels.sanitization.key.replacements`.
const NOT_IN_LABEL_KEYS: [char; 3] = ['.', '*', '\\'];

/// Other fields of ECS 1.12 that the encoder uses, with their types there.
const ECS: &[Rule] = &[
    rule("span.id", Type::String, false, None),
    rule("log.logger", Type::String, false, None),
    rule("log.origin.file.name", Type::String, false, None),
    rule("log.origin.file.line", Type::Integer, false, None),
    rule("log.origin.function", Type::String, false, None),
    rule("event.sequence", Type::Integer, false, None),
    rule("user.id", Type::String, false, None),
    rule("http.request.id", Type::String, false, None),
    rule("error.message", Type::String, false, None),
    rule("service.version", Type::String, false, None),
    // Beta at the time of ECS 1.12; the ecs-logging libraries of other languages write it.
    rule("service.environment", Type::String, false, None),
];

/// The rules that the line breaks.
fn violations(line: &str) -> Vec<String> {
    let members = Members::read(line);
    let mut broken = Vec::new();
    if let Some(key) = members.repeated() {
        broken.push(format!("{key:?} is repeated"));
    }
    let all = || SPEC.iter().chain(ECS);
    for rule in all() {
        let at = members.0.iter().position(|(key, _)| key == rule.key);
        if rule.required && at.is_none() {
            broken.push(format!("{} is missing", rule.key));
        }
        if rule.index.is_some() && at != rule.index {
            broken.push(format!("{} stands at {at:?}", rule.key));
        }
    }
    for (key, raw) in &members.0 {
        let value: Json = serde_json::from_str(raw.get()).unwrap();
        let Some(rule) = all().find(|rule| rule.key == key) else {
            broken.push(format!("{key:?} is not a field of ECS"));
            continue;
        };
        let fits = match rule.kind {
            Type::Datetime => value.as_str().is_some_and(is_rfc3339),
            Type::String => value.is_string(),
            Type::Integer => value.is_i64(),
            Type::Object => value.is_object(),
        };
        if !fits {
            broken.push(format!("{key} is {value}"));
        }
        if key == "ecs.version" && !value.as_str().is_some_and(|version| version.starts_with("1."))
        {
            broken.push(format!("ecs.version {value} is not 1.x"));
        }
        if key == "labels" && fits {
            broken.extend(label_violations(raw.get()));
        }
    }
    broken
}

fn label_violations(raw: &str) -> Vec<String> {
    let labels = Members::read(raw);
    let mut broken = Vec::new();
    if let Some(key) = labels.repeated() {
        broken.push(format!("label {key:?} is repeated"));
    }
    if labels.0.is_empty() {
        broken.push("labels are empty".to_owned());
    }
    for (key, raw) in &labels.0 {
        let value: Json = serde_json::from_str(raw.get()).unwrap();
        if key.is_empty() || key.contains(NOT_IN_LABEL_KEYS) {
            broken.push(format!("label key {key:?}"));
        }
        // What the index maps as `long` refuses the document from 2^63 on.
        let too_big = value.is_number() && !value.is_i64() && !value.is_f64();
        if value.is_object() || value.is_array() || too_big {
            broken.push(format!("label {key:?} is {value}"));
        }
    }
    broken
}

fn is_rfc3339(text: &str) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern)
            .all(|(c, p)| if *p == b'd' { c.is_ascii_digit() } else { c == *p })
}

/// Whether `raw` is how `value` is written in `labels`, or as a string of its own.
fn is_label(value: Value<'_>, raw: &str, string: bool) -> bool {
    let text = || serde_json::from_str::<String>(raw).ok();
    match value {
        Value::Json(v) => text().as_deref() == Some(v),
        Value::Str(_) | Value::Bytes(_) => is_written_as(value, raw),
        Value::F64(v) if !v.is_finite() => is_written_as(value, raw),
        scalar if string => text().is_some_and(|text| is_written_as(scalar, &text)),
        Value::I128(_) | Value::U128(_) => is_label(value, raw, true),
        Value::U64(v) if v > i64::MAX as u64 => is_label(value, raw, true),
        scalar => is_written_as(scalar, raw),
    }
}

#[test]
fn lines_keep_the_specification_and_lose_nothing() {
    let mut random = Rng::with_seed(13);
    let mut encoder = EcsEncoder::builder()
        .service(Service::new().name("shop \"1\"").version("2").environment("eu"))
        .site(true)
        .build()
        .unwrap();
    let mut tally = Tally::default();
    for _ in 0..20_000 {
        let owned = Owned::new(&mut random);
        let record = owned.record();
        let line = encode(&mut encoder, &record);
        tally.records += 1;
        tally.compare("violations", violations(&line), Vec::new());

        let members = Members::read(&line).0;
        let member = |key: &str| members.iter().find(|(k, _)| k == key).map(|(_, raw)| raw.get());
        let labels = Members::read(member("labels").unwrap_or("{}")).0;
        let context = &record.context.entries;
        let own = usize::from(record.context.parent_span_id.is_some())
            + usize::from(record.context.trace_id.is_some())
            + usize::from(record.truncated != 0)
            + usize::from(record.recovered)
            + usize::from(!record.tag.is_empty());
        let label = |key: &str| labels.iter().find(|(k, _)| k == key).map(|(_, raw)| raw.get());
        if record.truncated != 0 {
            let fits = label("truncated")
                .is_some_and(|raw| is_label(Value::U64(record.truncated), raw, false));
            tally.compare("truncated", fits, true);
        }
        tally.compare("recovered", label("recovered"), record.recovered.then_some("true"));
        let mut labels = labels.iter().skip(own);
        let mut taken = Vec::new();
        for (index, (key, value)) in owned.entries().enumerate() {
            tally.fields += 1;
            let known = match (index < context.len(), key) {
                (true, "user_id") => Some("user.id"),
                (true, "request_id") => Some("http.request.id"),
                (false, "error") => Some("error.message"),
                _ => None,
            };
            if let Some(known) = known.filter(|known| !taken.contains(known)) {
                taken.push(known);
                let fits = member(known).is_some_and(|raw| is_label(value, raw, true));
                tally.compare(known, fits, true);
                continue;
            }
            let Some((written, raw)) = labels.next() else {
                tally.differences.push(format!("{key:?} is lost in {line}"));
                continue;
            };
            let dedotted = key.replace(NOT_IN_LABEL_KEYS, "_");
            let plain = written.rsplit_once('#').filter(|(_, n)| n.parse::<u32>().is_ok());
            let plain = plain.map_or(written.as_str(), |(plain, _)| plain);
            let plain = plain.strip_prefix("fields_").unwrap_or(plain);
            tally.compare("label key", plain, dedotted.as_str());
            tally.compare(key, is_label(value, raw.get(), false), true);
        }
        tally.compare("labels too many", labels.count(), 0);
    }
    tally.finish("ecs");
}

#[test]
fn the_validator_sees_what_is_wrong() {
    let good = r#"{"@timestamp":"2026-11-24T08:00:00.000000Z","log.level":"INFO","message":"m","ecs.version":"1.12.0","labels":{"a":1}}"#;
    assert_eq!(violations(good), Vec::<String>::new());
    let check = |from: &str, to: &str| {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        assert!(!violations(&bad).is_empty(), "{bad}");
    };
    check("\"message\":\"m\",", "");
    check("\"log.level\":\"INFO\",\"message\":\"m\"", "\"message\":\"m\",\"log.level\":\"INFO\"");
    check("08:00:00.000000Z", "08:00:00");
    check("\"INFO\"", "3");
    check("1.12.0", "8.11.0");
    check("\"a\":1", "\"a.b\":1");
    check("\"a\":1", "\"a\":{}");
    check("\"a\":1", "\"a\":18446744073709551615");
    check("\"a\":1", "\"a\":1,\"a\":2");
    check("{\"a\":1}", "[]");
    check("\"labels\"", "\"label\"");
}
