//! Headers that nobody should send.

use axum::Router;
use axum::routing::get as on_get;
use http::{HeaderName, HeaderValue};
use prisma_log_context::Propagation;
use prisma_log_tower::Query;

use crate::support::{Seen, call, field, get};

#[tokio::test]
async fn a_bad_traceparent_begins_a_new_trace_and_is_counted() {
    let seen = Seen::new();
    let propagation = Propagation::w3c();
    let layer = seen.layer().propagation(propagation.clone());
    let app: Router = Router::new().route("/", on_get(async || ())).layer(layer);
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let bad = [
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(), "version"),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01".to_owned(), "zero_trace_id"),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01".to_owned(), "zero_span_id"),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01".to_owned(), "hex"),
        (good.replace('-', "_"), "delimiter"),
        (good[..54].to_owned(), "length"),
        ("x".repeat(100_000), "too_long"),
        (String::new(), "length"),
    ];
    for (header, fault) in &bad {
        let mut request = get("/");
        request.headers_mut().insert("traceparent", header.parse().unwrap());
        assert_eq!(call(&app, request).await.status(), 200);
        let record = seen.only();
        assert_eq!(field(&record, "propagation.fault"), *fault, "{header:.60}");
        assert_eq!(record.context.parent_span_id, None);
        let trace = record.context.trace_id.unwrap().to_string();
        assert!(!good.contains(&trace));
    }
    let mut request = get("/");
    for _ in 0..2 {
        request.headers_mut().append("traceparent", HeaderValue::from_static(good));
    }
    call(&app, request).await;
    assert_eq!(field(&seen.only(), "propagation.fault"), "duplicate");
    assert_eq!(propagation.faults().map(|(_, count)| count).sum::<u64>(), bad.len() as u64 + 1);

    let mut request = get("/");
    request.headers_mut().insert("traceparent", HeaderValue::from_static(good));
    call(&app, request).await;
    let record = seen.only();
    assert_eq!(field(&record, "propagation.fault"), "-");
    assert!(record.context.parent_span_id.is_some());
}

#[tokio::test]
async fn nothing_that_a_client_writes_fails_a_request_or_fills_a_record() {
    let seen = Seen::new();
    let layer = seen
        .layer()
        .query(Query::all())
        .trusted_proxies(2)
        .request_id(true)
        .request_headers([HeaderName::from_static("x-a")]);
    let app: Router = Router::new().fallback(async || ()).layer(layer);
    let long = vec![b'\xe9'; 60_000];
    let values: [&[u8]; 8] = [
        b"",
        b",,,,",
        b"\xff\xfe\xfd",
        b"\t\"\\{}[]%00<>&",
        "\u{202e}\u{feff}é".as_bytes(),
        b"99999999999999999999999",
        b"-1",
        &long,
    ];
    let names = [
        "traceparent",
        "tracestate",
        "baggage",
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-sampled",
        "x-b3-flags",
        "host",
        "user-agent",
        "content-length",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
        "x-a",
    ];
    for value in values {
        for repeat in [1, 40] {
            let uri = format!("/{}?{}", "p".repeat(20_000), "q=".repeat(10_000));
            let mut request = get(&uri);
            for name in names {
                for _ in 0..repeat {
                    request.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
                }
            }
            assert_eq!(call(&app, request).await.status(), 200);
            let record = seen.only();
            let longest = record.fields.iter().map(|(_, value)| value.to_string().len()).max();
            // Lists of headers have up to 16 lines; a byte that is no text takes three.
            assert!(longest.unwrap() < 16 * 3 * 1100, "{longest:?}");
            assert_eq!(field(&record, "url.path").len(), 1024);
            assert_eq!(record.context.parent_span_id, None);
        }
    }
}
