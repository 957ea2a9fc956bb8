//! A request through an HTTP layer, to a service that answers at once.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use prisma_log_context::Tracer;
use prisma_log_tower::ServerLayer;
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tower_layer::Layer as _;
use tower_service::Service;
use tracing::Level;

use super::subject::{Running, Subject};
use super::target::{self, Written};

pub(super) const REQUESTS: [Subject; 3] = [
    Subject::new("http: prisma-log", "prisma-log-tower's ServerLayer", ours),
    Subject::new("http: tower-http", "TraceLayer: span, on_response at INFO", tower_http),
    Subject::new("http: no layer", "and so no line", no_layer),
];

type Body = Full<&'static [u8]>;

const ANSWER: &[u8] = br#"{"order":4711,"state":"shipped","pieces":3}"#;

/// What a router knows of a request.
#[derive(Clone)]
struct Route(&'static str);

/// As a browser's, behind a proxy that began the trace.
fn request() -> Request<Body> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = http::Uri::from_static("/orders/4711?expand=items");
    let headers = [
        (header::HOST, "shop.example:8080"),
        (
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        ),
        (header::ACCEPT, "application/json"),
        (header::ACCEPT_ENCODING, "gzip, deflate, br"),
        (header::ACCEPT_LANGUAGE, "en-GB,en;q=0.5"),
        (
            header::HeaderName::from_static("traceparent"),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    for (name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    request.extensions_mut().insert(Route("/orders/{id}"));
    request
}

/// The service itself.
#[derive(Clone)]
struct Answers;

impl Service<Request<Body>> for Answers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        drop(black_box(request));
        let mut response = Response::new(Full::new(ANSWER));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(ANSWER.len()));
        ready(Ok(response))
    }
}

fn no_layer() -> Result<Running, String> {
    Ok(Running::silent(serve(Answers)).in_short_bursts())
}

fn ours() -> Result<Running, String> {
    let written = Written::default();
    let logging = target::logging(&written)?;
    let layer = ServerLayer::new(Tracer::new(&logging.logger("http")))
        .route(|extensions| extensions.get::<Route>().map(|route| route.0));
    let settle = move || target::flush(&logging);
    Ok(Running::logging(&written, settle, serve(layer.layer(Answers))))
}

fn tower_http() -> Result<Running, String> {
    let written = Written::default();
    target::start_tracing(&written);
    let layer = TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    Ok(Running::logging(&written, || Ok(()), serve(layer.layer(Answers))))
}

/// Sends a service as many requests as it is asked for, and reads the answers to their ends.
fn serve<S, B>(mut service: S) -> impl FnMut(u64)
where
    S: Service<Request<Body>, Response = Response<B>>,
    B: BodyExt,
{
    let request = request();
    move |times| {
        for _ in 0..times {
            let response = at_once(service.call(request.clone()));
            if let Some(Ok(response)) = response {
                black_box(at_once(response.into_body().collect()).is_some());
            }
        }
    }
}

/// What the future has when it is polled once: nothing here ever waits.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
