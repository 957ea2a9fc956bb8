//! Spans to Zipkin.

use prisma_log_core::Sink as _;
use prisma_log_otlp::ZipkinSink;
use serde_json::json;

use crate::collector::{Collector, Reply};
use crate::support::{Full, LONG, Numbered};

#[test]
fn a_span_in_zipkins_form() {
    let collector = Collector::new();
    let mut sink = ZipkinSink::builder()
        .endpoint(format!("{}/api/v2/spans", collector.url()))
        .service_name("shop")
        .timeout(LONG)
        .build()
        .unwrap();
    let (sampled, unsampled) = (Full::new(true), Full::new(false));
    sink.write(&[sampled.log(), sampled.span(), unsampled.span()]).unwrap();
    assert_eq!((sink.stats().taken(), sink.stats().skipped()), (1, 2));
    let requests = collector.requests();
    assert_eq!((requests.len(), &*requests[0].path), (1, "/api/v2/spans"));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let spans = requests[0].json.as_array().unwrap();
    assert_eq!(spans.len(), 1);
    let mut span = spans[0].clone();
    let tags = span.as_object_mut().unwrap().remove("tags").unwrap();
    assert_eq!(
        span,
        json!({
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "id": "00000000000000b7",
            "parentId": "00000000000000b6",
            "kind": "SERVER",
            "name": "GET /orders/{id}",
            "timestamp": 1_795_507_200_111_111_u64,
            "duration": 12345,
            "localEndpoint": {"serviceName": "shop"},
            "annotations": [
                {"timestamp": 1_795_507_200_112_361_u64, "value": "retry: try=2, why=x"},
                {"timestamp": 1_795_507_200_111_111_u64, "value": "miss"},
            ],
        })
    );
    let tags = tags.as_object().unwrap();
    assert!(tags.values().all(serde_json::Value::is_string));
    for (name, value) in [
        ("error", "no stock"),
        ("otel.status_code", "ERROR"),
        ("otel.scope.name", "shop.orders"),
        ("user_id", "ann"),
        ("user_id#2", "bob"),
        ("most", "18446744073709551615"),
        ("nested", r#"{"a":[1,-2.5,"x",null,{}],"b":{"c":true}}"#),
        ("prisma_log.sequence", "7"),
        ("otel.dropped_attributes_count", "3"),
    ] {
        assert_eq!(tags.get(name), Some(&json!(value)), "{name}");
    }
    assert!(!tags.contains_key("span.kind") && !tags.contains_key("duration_ms"));
}

#[test]
fn spans_of_no_kind_and_no_time() {
    let collector = Collector::new();
    let builder = ZipkinSink::builder().endpoint(collector.url()).timeout(LONG);
    let mut sink = builder.build().unwrap();
    let many = Numbered::new(0..3);
    let mut records = many.records();
    let fields = prisma_log_core::Fields::from_iter([("duration_ms", 0.0)]);
    records[2].fields = fields.as_ref();
    sink.write(&records).unwrap();
    let span = &collector.requests()[0].json[0];
    assert_eq!((&span["duration"], span.get("kind")), (&json!(1), None));
    assert!(span["tags"].get("error").is_none() && span.get("annotations").is_none());
}

#[test]
fn failures_are_those_of_the_other_sink() {
    let collector = Collector::planned([
        Reply::Status(503, "retry-after: 0\r\n", ""),
        Reply::Status(400, "", "bad span"),
    ]);
    let builder = ZipkinSink::builder().endpoint(collector.url()).timeout(LONG);
    let mut sink = builder.build().unwrap();
    let many = Numbered::new(0..6);
    let failed = sink.write(&many.records()).unwrap_err();
    assert!(failed.retry_after.is_some() && failed.delivered == 0);
    let mut failed = failed;
    while failed.retry_after.is_some() {
        std::thread::sleep(failed.retry_after.unwrap());
        failed = sink.write(&many.records()).unwrap_err();
    }
    // Four log records are none for Zipkin; two spans are refused.
    assert_eq!((failed.delivered, failed.rejected), (4, Some(2)));
    assert!(failed.error.to_string().ends_with("400 Bad Request: bad span"), "{}", failed.error);
}
