//! What records and spans look like on the way, in both forms.

use prisma_log_core::{Record, Sink as _};
use prisma_log_otlp::{Compression, Protocol};
use serde_json::{Value as Json, json};

use crate::collector::{Collector, Request};
use crate::support::{Full, Numbered, builder};
use crate::wire::normal;

/// What arrives of these records.
fn sent(records: &[Record<'_>], protocol: Protocol) -> Vec<Request> {
    let collector = Collector::new();
    let mut sink = builder(&collector).protocol(protocol).build().unwrap();
    sink.write(records).unwrap();
    collector.requests()
}

fn attributes(record: &Json) -> Vec<(&str, &Json)> {
    let list = record["attributes"].as_array().unwrap();
    list.iter().map(|pair| (pair["key"].as_str().unwrap(), &pair["value"])).collect()
}

#[test]
fn both_forms_say_the_same() {
    let (sampled, unsampled) = (Full::new(true), Full::new(false));
    let many = Numbered::new(0..30);
    let mut records = vec![sampled.log(), sampled.span(), unsampled.span(), unsampled.log()];
    records.extend(many.records());
    let binary = sent(&records, Protocol::HttpProtobuf);
    let text = sent(&records, Protocol::HttpJson);
    assert_eq!((binary.len(), text.len()), (2, 2));
    for (binary, text) in binary.iter().zip(&text) {
        assert_eq!(binary.path, text.path);
        assert_eq!(normal(&binary.json), normal(&text.json));
        assert_eq!(binary.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(text.header("content-type"), Some("application/json"));
    }
    assert_eq!([&binary[0].path, &binary[1].path], ["/v1/logs", "/v1/traces"]);
    assert_eq!(binary[0].ids().len() + binary[1].ids().len(), records.len());
}

#[test]
fn a_log_record_has_everything_in_its_place() {
    let full = Full::new(true);
    let requests = sent(&[full.log()], Protocol::HttpProtobuf);
    let resource = &requests[0].json["resourceLogs"][0];
    let own = [
        ("service.name", json!({"stringValue": "shop"})),
        ("service.version", json!({"stringValue": "1.4.2"})),
        ("deployment.environment.name", json!({"stringValue": "test"})),
        ("service.instance.id", json!({"stringValue": "i-1"})),
        ("host.name", json!({"stringValue": "web1"})),
        ("process.pid", json!({"intValue": "42"})),
        ("telemetry.sdk.name", json!({"stringValue": "prisma-log"})),
        ("telemetry.sdk.language", json!({"stringValue": "rust"})),
        ("telemetry.sdk.version", json!({"stringValue": env!("CARGO_PKG_VERSION")})),
    ];
    let own: Vec<_> = own.iter().map(|(name, value)| (*name, value)).collect();
    assert_eq!(attributes(&resource["resource"]), own);
    let scope = &resource["scopeLogs"][0];
    assert_eq!(scope["scope"], json!({"name": "shop.orders"}));
    let record = &scope["logRecords"][0];
    let mut envelope = record.clone();
    envelope.as_object_mut().unwrap().remove("attributes");
    assert_eq!(
        envelope,
        json!({
            "timeUnixNano": "1795507200123456789",
            "observedTimeUnixNano": "1795507200123456789",
            "severityNumber": 18,
            "severityText": "CRITICAL",
            "body": {"stringValue": "Bestellung \"7\" 🎉\n"},
            "flags": 1,
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": "00000000000000b7",
            "eventName": "order.placed",
        })
    );
    let nested = json!({"kvlistValue": {"values": [
        {"key": "a", "value": {"arrayValue": {"values": [
            {"intValue": "1"}, {"doubleValue": -2.5}, {"stringValue": "x"}, {}, {"kvlistValue": {}},
        ]}}},
        {"key": "b", "value": {"kvlistValue": {"values": [
            {"key": "c", "value": {"boolValue": true}},
        ]}}},
    ]}});
    let expect = [
        ("user_id", json!({"stringValue": "ann"})),
        ("text", json!({"stringValue": "a\"b\\\u{1}\u{202e}ü"})),
        ("empty", json!({"stringValue": ""})),
        ("yes", json!({"boolValue": true})),
        ("no", json!({"boolValue": false})),
        ("zero", json!({"intValue": "0"})),
        ("least", json!({"intValue": "-9223372036854775808"})),
        ("most", json!({"stringValue": "18446744073709551615"})),
        ("wide", json!({"stringValue": "340282366920938463463374607431768211455"})),
        ("deep", json!({"stringValue": "-170141183460469231731687303715884105728"})),
        ("float", json!({"doubleValue": 0.1})),
        ("whole", json!({"doubleValue": 3.0})),
        ("nan", json!({"doubleValue": "NaN"})),
        ("inf", json!({"doubleValue": "-Infinity"})),
        ("raw", json!({"bytesValue": "/wAB"})),
        ("null", json!({})),
        ("nested", nested),
        ("broken", json!({"stringValue": "{\"a\":"})),
        ("user_id#2", json!({"stringValue": "bob"})),
        ("fields.prisma_log.sequence", json!({"intValue": "99"})),
        ("#1", json!({"stringValue": "no key"})),
        ("event.name", json!({"stringValue": "second"})),
        ("code.file.path", json!({"stringValue": "src/order.rs"})),
        ("code.module.name", json!({"stringValue": "shop::order"})),
        ("code.line.number", json!({"intValue": "42"})),
        ("prisma_log.sequence", json!({"intValue": "7"})),
        ("prisma_log.recovered", json!({"boolValue": true})),
        ("prisma_log.truncated", json!({"intValue": "12"})),
        ("slog.tag", json!({"stringValue": "t"})),
    ];
    let expect: Vec<_> = expect.iter().map(|(name, value)| (*name, value)).collect();
    assert_eq!(attributes(record), expect);
}

#[test]
fn a_span_has_everything_in_its_place() {
    let full = Full::new(true);
    let requests = sent(&[full.span()], Protocol::HttpJson);
    assert_eq!((requests.len(), &*requests[0].path), (1, "/v1/traces"));
    let scope = &requests[0].json["resourceSpans"][0]["scopeSpans"][0];
    assert_eq!(scope["scope"], json!({"name": "shop.orders"}));
    let span = &scope["spans"][0];
    let mut envelope = span.clone();
    envelope.as_object_mut().unwrap().remove("attributes");
    assert_eq!(
        envelope,
        json!({
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": "00000000000000b7",
            "traceState": "",
            "parentSpanId": "00000000000000b6",
            "flags": 1,
            "name": "GET /orders/{id}",
            "kind": 2,
            "startTimeUnixNano": "1795507200111111111",
            "endTimeUnixNano": "1795507200123456789",
            "droppedAttributesCount": 3,
            "events": [
                {
                    "timeUnixNano": "1795507200112361111",
                    "name": "retry",
                    "attributes": [
                        {"key": "try", "value": {"intValue": "2"}},
                        {"key": "why", "value": {"stringValue": "x"}},
                    ],
                },
                {"timeUnixNano": "1795507200111111111", "name": "miss", "attributes": []},
            ],
            "droppedEventsCount": 4,
            "status": {"message": "no stock", "code": 2},
        })
    );
    let names: Vec<_> = attributes(span).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["user_id", "text", "empty"]);
    assert!(!names.iter().any(|name| name.starts_with("span.") || *name == "duration_ms"));
    assert!(names.contains(&"prisma_log.sequence") && !names.contains(&"slog.tag"));
}

#[test]
fn a_span_that_is_not_sampled_is_a_log_record() {
    let full = Full::new(false);
    let requests = sent(&[full.span()], Protocol::HttpJson);
    assert_eq!((requests.len(), &*requests[0].path), (1, "/v1/logs"));
    let record = &requests[0].json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    let found = attributes(record);
    let value = |name| found.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(value("span.kind"), &json!({"stringValue": "server"}));
    assert_eq!(value("duration_ms"), &json!({"doubleValue": 12.345678}));
    assert_eq!(value("slog.tag"), &json!({"stringValue": "span"}));
    assert_eq!(value("parent_span_id"), &json!({"stringValue": "00000000000000b6"}));
    assert_eq!(record["flags"], json!(0));
}

#[test]
fn records_of_one_logger_stand_together() {
    let many = Numbered::new(0..9);
    let requests = sent(&many.records(), Protocol::HttpProtobuf);
    let scopes = requests[0].json["resourceLogs"][0]["scopeLogs"].as_array().unwrap();
    let names: Vec<_> =
        scopes.iter().map(|scope| scope["scope"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shop", "shop.orders"]);
    let ids = requests[0].ids();
    assert_eq!(ids, [0, 3, 6, 1, 4, 7].map(|number| format!("record {number}")));
}

#[test]
fn limits_of_attributes() {
    let full = Full::new(true);
    let collector = Collector::new();
    let builder = builder(&collector).protocol(Protocol::HttpJson).site(false);
    let mut sink = builder.max_attributes(2).max_value_chars(3).build().unwrap();
    sink.write(&[full.log(), full.span()]).unwrap();
    let requests = collector.requests();
    let record = &requests[0].json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    let names: Vec<_> = attributes(record).into_iter().map(|(name, _)| name).collect();
    let own = ["prisma_log.sequence", "prisma_log.recovered", "prisma_log.truncated", "slog.tag"];
    assert_eq!(names, [&["user_id", "text"][..], &own].concat());
    assert_eq!(record["droppedAttributesCount"], json!(20));
    assert_eq!(attributes(record)[1].1, &json!({"stringValue": "a\"b"}));
    let span = &requests[1].json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["droppedAttributesCount"], json!(3 + 21));
}

#[test]
fn without_traces_spans_are_log_records() {
    let full = Full::new(true);
    let collector = Collector::new();
    let mut sink = builder(&collector).traces(false).build().unwrap();
    sink.write(&[full.span()]).unwrap();
    let requests = collector.requests();
    assert_eq!((requests.len(), &*requests[0].path), (1, "/v1/logs"));
}

#[test]
fn bodies_are_compressed_unless_told_otherwise() {
    let many = Numbered::new(0..100);
    for (compression, expect) in [(Compression::Gzip, Some("gzip")), (Compression::None, None)] {
        let collector = Collector::new();
        let mut sink = builder(&collector).compression(compression).build().unwrap();
        sink.write(&many.records()).unwrap();
        for request in collector.requests() {
            assert_eq!(request.header("content-encoding"), expect);
            let length: usize = request.header("content-length").unwrap().parse().unwrap();
            assert_eq!(length < request.body.len() / 4, expect.is_some(), "{length}");
        }
    }
}
