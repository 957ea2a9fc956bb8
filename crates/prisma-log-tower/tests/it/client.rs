//! What stands in a call's record, and in its headers.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use prisma_log_context::{Baggage, Context, InContext, Propagation, Sampler, TraceState};
use prisma_log_core::{SpanKind, SpanRecord};
use prisma_log_tower::{ClientCall, ClientLayer, Query, extract};
use slog::info;
use tower::{Layer, Service, service_fn};

use crate::support::{Seen, call, field, get, line};

const KEYS: [&str; 3] = ["url.full", "http.response.status_code", "error.type"];

/// A client whose server answers with the status that the path ends in.
fn client(
    layer: &ClientLayer,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
{
    layer.layer(service_fn(async |request: Request<Body>| {
        let status = request.uri().path().rsplit('/').next().unwrap().parse().unwrap_or(200);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        // The server's view of the headers.
        *response.headers_mut() = request.headers().clone();
        Ok(response)
    }))
}

#[tokio::test]
async fn the_server_learns_the_call_s_position() {
    let seen = Seen::new();
    let state = TraceState::parse([b"a=1".as_slice()]).unwrap();
    let baggage = Baggage::parse([b"tenant=blue".as_slice()]);
    let handler = Context::new().with_tracestate(state).with_baggage(baggage);
    let layer =
        ClientLayer::new(seen.tracer.clone()).propagation(Propagation::w3c().b3_single(true));
    let client = client(&layer);
    let mut request = get("http://stock/items/200");
    // Of a request before, or of somebody else.
    let old = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.headers_mut().insert("traceparent", HeaderValue::from_static(old));
    let sent = call(&client, request).in_context(handler.clone()).await;
    let record = seen.only();
    assert_eq!(record.context.trace_id, handler.trace_id());
    assert_eq!(record.context.parent_span_id, handler.span_id());
    let incoming = extract(&Propagation::w3c(), sent.headers());
    let parent = incoming.parent.unwrap();
    assert_eq!(
        (Some(parent.trace_id), Some(parent.span_id)),
        (record.context.trace_id, record.context.span_id)
    );
    assert_eq!(incoming.tracestate.to_string(), "a=1");
    assert_eq!(incoming.baggage.to_string(), "tenant=blue");
    assert_eq!(sent.headers().get_all("traceparent").iter().count(), 1);
    assert!(sent.headers().contains_key("b3"));
    let view = record.view();
    assert_eq!(SpanRecord::of(&view).unwrap().kind(), SpanKind::Client);
}

#[tokio::test]
async fn a_call_is_one_record_without_secrets() {
    let seen = Seen::new();
    let layer = ClientLayer::new(seen.tracer.clone())
        .template(|extensions| extensions.get::<&str>().copied())
        .query(Query::only(["page"]))
        .request_headers([HeaderName::from_static("x-tenant")])
        .slow(Duration::ZERO);
    let mut request = get("https://u:s3@stock.example/items/7?page=1&sig=s3");
    request.extensions_mut().insert("/items/{id}");
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer s3"));
    request.headers_mut().insert("x-tenant", HeaderValue::from_static("blue"));
    request.headers_mut().insert("content-length", HeaderValue::from_static("0"));
    *request.uri_mut() = request.uri().to_string().replace("/7", "/200").parse().unwrap();
    call(&client(&layer), request).await;
    let record = seen.only();
    let view = record.view();
    let attributes: Vec<_> = SpanRecord::of(&view)
        .unwrap()
        .attributes()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let expected = [
        "http.request.method=GET",
        "url.full=https://REDACTED:REDACTED@stock.example/items/200?page=1&sig=REDACTED",
        "url.template=/items/{id}",
        "server.address=stock.example",
        "server.port=443",
        "http.request.body.size=0",
        "http.request.header.x-tenant=[\"blue\"]",
        "http.response.status_code=200",
        "http.response.body.size=0",
        "slow=true",
    ];
    assert_eq!(attributes, expected);
    assert_eq!(record.message, "GET /items/{id}");
    assert!(!format!("{record:?}").contains("s3"));
}

#[tokio::test]
async fn every_status_from_400_is_a_failure_of_the_call() {
    async fn check(path: &str, expected: &str) {
        let seen = Seen::new();
        call(&client(&ClientLayer::new(seen.tracer.clone())), get(path)).await;
        assert_eq!(line(&seen.only(), &KEYS), expected);
    }
    check("http://a/200", "GET | INFO | unset | http://a/200 | 200 | -").await;
    check("http://a/302", "GET | INFO | unset | http://a/302 | 302 | -").await;
    check("http://a/404", "GET | WARNING | error | http://a/404 | 404 | 404").await;
    check("http://a/503?x=1", "GET | WARNING | error | http://a/503?x=REDACTED | 503 | 503").await;
}

#[tokio::test]
async fn calls_without_a_response_are_recorded_too() {
    let seen = Seen::new();
    let layer = ClientLayer::new(seen.tracer.clone());
    let failing = service_fn(async |_: Request<Body>| {
        Err::<Response<Body>, _>(std::io::Error::other("refused"))
    });
    let mut failing = layer.layer(failing);
    assert!(failing.call(get("http://a/")).await.is_err());
    let expected = "GET | WARNING | error refused | http://a/ | - | std::io::error::Error";
    assert_eq!(line(&seen.only(), &KEYS), expected);

    let panicking = service_fn(|_: Request<Body>| async {
        if true {
            panic!("oops");
        }
        Ok::<Response<Body>, Infallible>(Response::new(Body::empty()))
    });
    let mut panicking = layer.layer(panicking);
    let future = panicking.call(get("http://a/"));
    assert!(tokio::spawn(future).await.unwrap_err().is_panic());
    let record = seen.only();
    let expected = "GET | ERROR | error panicked | http://a/ | - | panic";
    assert_eq!(line(&record, &KEYS), expected);
    assert_eq!(field(&record, "exception.message"), "oops");

    let hanging =
        service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
    drop(layer.layer(hanging).call(get("http://a/")));
    let expected = "GET | WARNING | error cancelled | http://a/ | - | cancelled";
    assert_eq!(line(&seen.only(), &KEYS), expected);
}

#[tokio::test]
async fn an_unsampled_call_is_handed_on_but_not_logged() {
    let mut seen = Seen::new();
    seen.tracer = seen.tracer.clone().sampler(Sampler::never());
    let layer = ClientLayer::new(seen.tracer.clone());
    let sent = call(&client(&layer), get("http://a/")).await;
    assert!(seen.records.is_empty());
    let parent = extract(&Propagation::w3c(), sent.headers()).parent.unwrap();
    assert_eq!(parent.flags & 1, 0);
    call(&client(&layer.always(true)), get("http://a/")).await;
    assert_eq!(field(&seen.only(), "url.full"), "http://a/");
}

#[test]
fn a_call_by_any_client_is_told_how_it_ended() {
    let seen = Seen::new();
    let uri: Uri = "http://stock:81/items/7".parse().unwrap();
    let start = |headers: &mut HeaderMap| {
        ClientCall::start(&seen.tracer, &Method::POST, &uri, headers).template("/items/{id}")
    };
    let mut headers = HeaderMap::new();
    let call = start(&mut headers);
    call.context().run(|| info!(seen.log, "connecting"));
    let context = call.context().clone();
    assert_eq!(extract(&Propagation::w3c(), &headers).parent, context.traceparent());
    call.response(StatusCode::CREATED);
    let records = seen.records.take();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.context.span_id == context.span_id()));
    let keys = ["url.template", "server.port", "http.response.status_code", "error.type"];
    let expected = "POST /items/{id} | INFO | unset | /items/{id} | 81 | 201 | -";
    assert_eq!(line(&records[1], &keys), expected);

    start(&mut headers).response(StatusCode::BAD_GATEWAY);
    let expected = "POST /items/{id} | WARNING | error | /items/{id} | 81 | 502 | 502";
    assert_eq!(line(&seen.only(), &keys), expected);

    let cause = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer");
    let error = prisma_log_core::Error::io("cannot call", cause);
    start(&mut headers).failed(&error);
    let expected = "POST /items/{id} | WARNING | error cannot call: no answer | /items/{id} | 81 \
                    | - | prisma_log_core::error::Error";
    assert_eq!(line(&seen.only(), &keys), expected);

    drop(start(&mut headers));
    let expected =
        "POST /items/{id} | WARNING | error cancelled | /items/{id} | 81 | - | cancelled";
    assert_eq!(line(&seen.only(), &keys), expected);

    let layer = ClientLayer::new(seen.tracer.clone()).level(|_| prisma_log_core::Level::Debug);
    layer.start(&Method::GET, &uri, &mut headers).response(StatusCode::OK);
    assert_eq!(line(&seen.only(), &["url.full"]), "GET | DEBUG | unset | http://stock:81/items/7");
}
