//! What stands in a request's record.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{any, get as on_get};
use http::{HeaderName, HeaderValue, Method, Request, Version};
use prisma_log_context::{Context, Propagation, Sampler};
use prisma_log_core::{Level, SpanKind, SpanRecord, Value};
use prisma_log_tower::{Query, ServerLayer};
use slog::info;
use tower::{Layer, ServiceBuilder, service_fn};

use crate::support::{Seen, call, field, get, line};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_request_is_one_record_with_all_that_is_known() {
    let seen = Seen::new();
    let handler = async || ([("x-region", "eu")], "hello");
    let layer = seen
        .layer()
        .peer(|extensions| extensions.get::<SocketAddr>().copied())
        .query(Query::only(["page"]))
        .request_headers([HeaderName::from_static("x-tenant")])
        .response_headers([HeaderName::from_static("x-region")]);
    let app: Router = Router::new().route("/orders/{id}", on_get(handler)).layer(layer);
    let mut request = Request::get("/orders/7?page=2&token=s3")
        .header("traceparent", TRACEPARENT)
        .header("host", "shop.example:8080")
        .header("user-agent", "curl/8.5")
        .header("content-length", "12")
        .header("x-tenant", "blue")
        .header("x-tenant", "\"green\"")
        .header("authorization", "Basic s3")
        .header("cookie", "session=s3")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 7], 4711)));
    call(&app, request).await;

    let record = seen.only();
    assert_eq!(record.message, "GET /orders/{id}");
    assert_eq!(record.level, Level::Info);
    assert_eq!(record.context.trace_id.unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(record.context.parent_span_id.unwrap().to_string(), "00f067aa0ba902b7");
    assert_eq!(record.context.trace_flags, 1);
    let view = record.view();
    let span = SpanRecord::of(&view).unwrap();
    assert_eq!(span.kind(), SpanKind::Server);
    let attributes: Vec<_> =
        span.attributes().map(|(key, value)| (key.to_owned(), value.to_string())).collect();
    let expected = [
        ("http.request.method", "GET"),
        ("url.path", "/orders/7"),
        ("url.query", "page=2&token=REDACTED"),
        ("url.scheme", "http"),
        ("http.route", "/orders/{id}"),
        ("server.address", "shop.example"),
        ("server.port", "8080"),
        ("client.address", "192.0.2.7"),
        ("client.port", "4711"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "curl/8.5"),
        ("http.request.body.size", "12"),
        ("http.request.header.x-tenant", r#"["blue","\"green\""]"#),
        ("http.response.status_code", "200"),
        ("http.response.body.size", "5"),
        ("http.response.header.x-region", r#"["eu"]"#),
    ];
    let expected: Vec<_> = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    // axum's body has its length in the head only where hyper writes it.
    let without_size = |list: Vec<(String, String)>| -> Vec<_> {
        list.into_iter().filter(|(key, _)| key != "http.response.body.size").collect()
    };
    assert_eq!(without_size(attributes), without_size(expected));
    assert_eq!(record.fields.get("http.response.status_code"), Some(Value::U64(200)));
    assert_eq!(record.fields.get("server.port"), Some(Value::U64(8080)));
    assert!(!format!("{record:?}").contains("s3"));
}

#[tokio::test]
async fn names_have_method_and_route_and_never_the_path() {
    async fn check(request: Request<Body>, expected: &str) {
        let seen = Seen::new();
        let app: Router = Router::new().route("/orders/{id}", any(async || ())).layer(seen.layer());
        call(&app, request).await;
        let keys = ["http.request.method", "http.request.method_original", "http.route"];
        assert_eq!(line(&seen.only(), &keys), expected);
    }
    let request = |method: &str, uri: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()
    };
    check(get("/orders/1"), "GET /orders/{id} | INFO | unset | GET | - | /orders/{id}").await;
    check(get("/else"), "GET | WARNING | unset | GET | - | -").await;
    let put = "PUT /orders/{id} | INFO | unset | PUT | - | /orders/{id}";
    check(request("PUT", "/orders/2"), put).await;
    let steal = "HTTP /orders/{id} | INFO | unset | _OTHER | STEAL | /orders/{id}";
    check(request("STEAL", "/orders/3"), steal).await;
    check(request("get", "/else"), "HTTP | WARNING | unset | _OTHER | get | -").await;
}

#[tokio::test]
async fn a_router_inside_may_tell_the_route_with_the_response() {
    #[derive(Clone)]
    struct Route(&'static str);
    let seen = Seen::new();
    let layer = ServerLayer::new(seen.tracer.clone())
        .route(|extensions| extensions.get::<Route>().map(|route| route.0));
    let service = layer.layer(service_fn(async |_: Request<Body>| {
        let mut response = http::Response::new(Body::empty());
        response.extensions_mut().insert(Route("/items/{id}"));
        Ok::<_, std::convert::Infallible>(response)
    }));
    call(&service, get("/items/7")).await;
    let found = line(&seen.only(), &["http.route"]);
    assert_eq!(found, "GET /items/{id} | INFO | unset | /items/{id}");
}

#[tokio::test]
async fn the_class_of_the_status_decides() {
    async fn check(layer: impl Fn(&Seen) -> ServerLayer, status: u16, expected: &str) {
        let seen = Seen::new();
        let status = StatusCode::from_u16(status).unwrap();
        let app: Router =
            Router::new().route("/", on_get(async move || status)).layer(layer(&seen));
        call(&app, get("/")).await;
        let found = line(&seen.only(), &["http.response.status_code", "error.type"]);
        assert_eq!(found, format!("GET / | {expected}"));
    }
    check(Seen::layer, 204, "INFO | unset | 204 | -").await;
    check(Seen::layer, 304, "INFO | unset | 304 | -").await;
    check(Seen::layer, 404, "WARNING | unset | 404 | -").await;
    check(Seen::layer, 500, "ERROR | error | 500 | 500").await;
    check(Seen::layer, 503, "ERROR | error | 503 | 503").await;
    let quiet = |seen: &Seen| {
        seen.layer().level(|status| match status.as_u16() {
            404 => Level::Debug,
            503 => Level::Critical,
            _ => Level::Info,
        })
    };
    check(quiet, 404, "DEBUG | unset | 404 | -").await;
    check(quiet, 503, "CRITICAL | error | 503 | 503").await;
    check(quiet, 500, "INFO | error | 500 | 500").await;
}

#[tokio::test]
async fn addresses_come_from_the_uri_the_host_and_trusted_proxies() {
    async fn check(
        trusted: usize,
        uri: &str,
        headers: &[(&'static str, &'static str)],
        expected: &str,
    ) {
        let seen = Seen::new();
        let layer = seen
            .layer()
            .scheme("https")
            .trusted_proxies(trusted)
            .peer(|_| Some(SocketAddr::from(([10, 0, 0, 9], 1))));
        let app: Router = Router::new().route("/", on_get(async || ())).layer(layer);
        let mut request = get(uri);
        *request.version_mut() = Version::HTTP_2;
        for &(name, value) in headers {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        call(&app, request).await;
        let keys = [
            "url.scheme",
            "server.address",
            "server.port",
            "client.address",
            "network.peer.address",
            "network.protocol.version",
        ];
        let record = seen.only();
        assert_eq!(keys.map(|key| field(&record, key)).join(" "), expected);
    }
    let forwarded = [("x-forwarded-for", "198.51.100.1, 192.0.2.7"), ("x-forwarded-proto", "http")];
    check(0, "/", &[], "https - - 10.0.0.9 - 2").await;
    check(0, "/", &forwarded, "https - - 10.0.0.9 - 2").await;
    check(1, "/", &forwarded, "http - - 192.0.2.7 10.0.0.9 2").await;
    check(2, "/", &forwarded, "http - - 198.51.100.1 10.0.0.9 2").await;
    check(3, "/", &forwarded, "http - - 10.0.0.9 - 2").await;
    check(0, "http://a.example:81/", &[("host", "b")], "http a.example 81 10.0.0.9 - 2").await;
    check(0, "/", &[("host", "[::1]:3000")], "https ::1 3000 10.0.0.9 - 2").await;
    check(0, "/", &[("host", "no host")], "https - - 10.0.0.9 - 2").await;
}

#[tokio::test]
async fn the_handler_is_in_the_span() {
    let seen = Seen::new();
    let log = seen.log.clone();
    let handler = async move || {
        info!(log, "before");
        tokio::task::yield_now().await;
        info!(log, "after");
        assert!(Context::current().is_some());
    };
    let app: Router = Router::new().route("/", on_get(handler)).layer(seen.layer());
    call(&app, get("/")).await;
    assert_eq!(Context::current(), None);
    let records = seen.records.take();
    assert_eq!(
        records.iter().map(|r| &*r.message).collect::<Vec<_>>(),
        ["before", "after", "GET /"]
    );
    let span = &records[2].context;
    assert!(span.span_id.is_some());
    for record in &records[..2] {
        assert_eq!(
            (record.context.trace_id, record.context.span_id),
            (span.trace_id, span.span_id)
        );
    }
}

#[tokio::test]
async fn unsampled_traces_are_logged_unless_told_otherwise() {
    async fn check(sampler: Sampler, always: bool, header: &'static str, expected: Option<u8>) {
        let mut seen = Seen::new();
        seen.tracer = seen.tracer.clone().sampler(sampler);
        let layer = seen.layer().always(always);
        let app: Router = Router::new().route("/", on_get(async || ())).layer(layer.clone());
        let mut request = get("/");
        if !header.is_empty() {
            request.headers_mut().insert("traceparent", HeaderValue::from_static(header));
        }
        call(&app, request).await;
        let records = seen.records.take();
        let flags: Vec<_> = records.iter().map(|record| record.context.trace_flags).collect();
        assert_eq!(flags, Vec::from_iter(expected), "{always} {header}");
        assert!(records.iter().all(|record| field(record, "url.path") == "/"));
        assert_eq!((layer.stats().responses(2), layer.stats().unlogged()), (1, 0));
    }
    let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    check(Sampler::default(), true, "", Some(1)).await;
    check(Sampler::default(), true, unsampled, Some(0)).await;
    check(Sampler::default(), false, unsampled, None).await;
    check(Sampler::default(), false, TRACEPARENT, Some(1)).await;
    check(Sampler::never(), true, "", Some(0)).await;
    check(Sampler::never(), false, "", None).await;
    check(Sampler::always(), false, unsampled, Some(1)).await;
}

#[tokio::test]
async fn each_request_may_have_an_id() {
    async fn check(brought: &str, taken: bool) {
        let seen = Seen::new();
        let log = seen.log.clone();
        let handler = async move |request: Request<Body>| {
            info!(log, "inside");
            request.headers()["x-request-id"].to_str().unwrap().to_owned()
        };
        let layer = seen.layer().request_id(true);
        let app: Router = Router::new().route("/", on_get(handler)).layer(layer);
        let mut request = get("/");
        if !brought.is_empty() {
            let value = HeaderValue::from_str(brought).unwrap();
            request.headers_mut().insert("x-request-id", value);
        }
        let response = call(&app, request).await;
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id == brought, taken, "{brought}");
        let inside = axum::body::to_bytes(response.into_body(), 1 << 10).await.unwrap();
        assert_eq!(inside, id);
        let records = seen.records.take();
        assert_eq!(records.len(), 2);
        for record in records {
            assert_eq!(record.context.entries.get("request_id"), Some(Value::Str(&id)));
        }
    }
    check("", false).await;
    check("7b1c-ab", true).await;
    check("evil id", false).await;
}

#[tokio::test]
async fn a_handler_may_add_what_it_found_out() {
    #[derive(Clone)]
    struct User(&'static str);
    let seen = Seen::new();
    let layer = seen.layer().enrich(|span, extensions| {
        if let Some(user) = extensions.get::<User>() {
            span.attribute("user.id", user.0);
        }
    });
    let handler = async || axum::Extension(User("u-7"));
    let app: Router = Router::new().route("/", on_get(handler)).layer(layer);
    call(&app, get("/")).await;
    assert_eq!(field(&seen.only(), "user.id"), "u-7");
}

#[tokio::test]
async fn the_layer_fits_into_a_stack_and_asks_the_inner_one_whether_it_is_ready() {
    use std::convert::Infallible;
    use std::task::{Context as Polling, Poll};

    #[derive(Clone)]
    struct Picky {
        ready: bool,
    }
    impl tower::Service<Request<Body>> for Picky {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, polling: &mut Polling<'_>) -> Poll<Result<(), Infallible>> {
            // Not at once.
            if std::mem::replace(&mut self.ready, true) {
                return Poll::Ready(Ok(()));
            }
            polling.waker().wake_by_ref();
            Poll::Pending
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            // The one that was asked, not a clone of it.
            assert!(std::mem::take(&mut self.ready));
            std::future::ready(Ok(http::Response::new(Body::empty())))
        }
    }
    let seen = Seen::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service(Picky { ready: false });
    call(&service, get("/")).await;
    assert_eq!(seen.only().message, "GET");
}

#[tokio::test]
async fn baggage_stays_out_of_records_but_for_what_is_listed() {
    let seen = Seen::new();
    let layer = seen.layer().propagation(Propagation::w3c().baggage_fields(["tenant"]));
    let app: Router = Router::new().route("/", on_get(async || ())).layer(layer);
    let mut request = get("/");
    request.headers_mut().insert("baggage", HeaderValue::from_static("tenant=blue,secret=s3"));
    call(&app, request).await;
    let record = seen.only();
    assert_eq!(record.context.entries.get("baggage.tenant"), Some(Value::Str("blue")));
    assert!(!format!("{record:?}").contains("s3"));
}
