//! Every way in which a request can end, but with a response.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Polling, Poll, Waker};

use axum::body::Body;
use http::{Request, Response};
use prisma_log_core::BatchError;
use prisma_log_tower::ServerLayer;
use slog::info;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Seen, call, field, get, line};

const KEYS: [&str; 4] =
    ["error.type", "exception.message", "http.response.status_code", "url.path"];

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Polling::from_waker(Waker::noop()))
}

/// Logs when it goes.
struct Held(slog::Logger<prisma_log_core::SinkDrain>);

impl Drop for Held {
    fn drop(&mut self) {
        info!(self.0, "held is dropped");
    }
}

#[tokio::test]
async fn a_panic_is_recorded_and_goes_on() {
    async fn check(handler: fn(), expected: &str) {
        let seen = Seen::new();
        let layer = seen.layer().skip("/p");
        let (stats, log) = (layer.stats(), seen.log.clone());
        let service = layer.layer(service_fn(move |_: Request<Body>| {
            let held = Held(log.clone());
            async move {
                let _held = held;
                tokio::task::yield_now().await;
                handler();
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        }));
        let task = tokio::spawn(async move { call(&service, get("/p")).await });
        let payload = task.await.unwrap_err().into_panic();
        assert!(payload.is::<&str>() || payload.is::<String>() || payload.is::<u8>());
        let records = seen.records.take();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].message, "held is dropped");
        assert_eq!(records[0].context.span_id, records[1].context.span_id);
        assert_eq!(line(&records[1], &KEYS), format!("GET | ERROR | error panicked | {expected}"));
        assert_eq!((stats.panics(), stats.in_flight(), stats.ended()), (1, 0, 1));
    }
    check(|| panic!("out of cheese"), "panic | out of cheese | - | /p").await;
    check(|| panic!("no {}", 7), "panic | no 7 | - | /p").await;
    check(|| std::panic::panic_any(7_u8), "panic | - | - | /p").await;
}

#[test]
fn a_panic_before_there_is_a_future_is_recorded_too() {
    #[derive(Clone)]
    struct Hasty;
    impl Service<Request<Body>> for Hasty {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Polling<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            panic!("hasty")
        }
    }
    let seen = Seen::new();
    let layer = seen.layer();
    let mut service = layer.layer(Hasty);
    let panicked = catch_unwind(AssertUnwindSafe(|| drop(service.call(get("/p")))));
    assert!(panicked.is_err());
    let found = line(&seen.only(), &KEYS);
    assert_eq!(found, "GET | ERROR | error panicked | panic | hasty | - | /p");
    assert_eq!((layer.stats().panics(), layer.stats().in_flight()), (1, 0));
    assert_eq!(prisma_log_context::Context::current(), None);
}

#[test]
fn a_request_that_is_given_up_is_recorded() {
    let seen = Seen::new();
    let layer = seen.layer();
    let (stats, log) = (layer.stats(), seen.log.clone());
    let service = layer.layer(service_fn(move |_: Request<Body>| {
        let held = Held(log.clone());
        async move {
            let _held = held;
            std::future::pending::<Result<Response<Body>, Infallible>>().await
        }
    }));
    {
        let mut future = pin!(service.clone().oneshot(get("/a")));
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!((stats.in_flight(), stats.ended()), (1, 0));
        assert!(seen.records.is_empty());
    }
    let records = seen.records.take();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].message, "held is dropped");
    assert_eq!(records[0].context.span_id, records[1].context.span_id);
    let expected = "GET | WARNING | error cancelled | cancelled | - | - | /a";
    assert_eq!(line(&records[1], &KEYS), expected);
    assert_eq!((stats.in_flight(), stats.cancelled(), stats.ended()), (0, 1, 1));

    // Never polled at all.
    let mut service = service;
    drop(service.call(get("/b")));
    assert_eq!(stats.cancelled(), 2);
    assert_eq!(field(seen.records.take().last().unwrap(), "url.path"), "/b");
}

#[tokio::test]
async fn an_error_of_the_service_is_recorded_and_handed_on() {
    async fn check<E>(error: impl Fn() -> E + Clone, expected: &str)
    where
        E: std::fmt::Display + std::fmt::Debug,
    {
        let seen = Seen::new();
        let layer = seen.layer();
        let failing = move |_: Request<Body>| {
            let error = error();
            async move { Err::<Response<Body>, E>(error) }
        };
        let service = layer.layer(service_fn(failing));
        let error = service.oneshot(get("/p")).await.unwrap_err();
        let found = line(&seen.only(), &["error.type"]);
        assert_eq!(found, format!("GET | ERROR | error {error} | {expected}"));
        let stats = layer.stats();
        assert_eq!((stats.errors(), stats.in_flight(), stats.ended()), (1, 0, 1));
    }
    check(|| std::fmt::Error, "core::fmt::Error").await;
    check(|| Box::<dyn std::error::Error + Send + Sync>::from("no more"), "_OTHER").await;
    check(
        || BatchError::new(0, prisma_log_core::Error::state("x")).error,
        "prisma_log_core::error::Error",
    )
    .await;
}

#[tokio::test]
async fn every_request_ends_in_exactly_one_way() {
    let seen = Seen::new();
    let layer = ServerLayer::new(seen.tracer.clone()).skip("/quiet");
    let stats = layer.stats();
    let service = layer.layer(service_fn(|request: Request<Body>| async move {
        match request.uri().path() {
            "/panic" => panic!("as asked"),
            "/error" => return Err(std::fmt::Error),
            "/hang" => std::future::pending().await,
            _ => {}
        }
        Ok(Response::new(Body::empty()))
    }));
    let mut tasks = Vec::new();
    for round in 0..500 {
        let path = ["/", "/panic", "/error", "/hang", "/quiet"][round % 5];
        let service = service.clone();
        tasks.push(tokio::spawn(async move { service.oneshot(get(path)).await.is_ok() }));
    }
    while stats.ended() < 400 {
        tokio::task::yield_now().await;
    }
    assert_eq!((stats.in_flight(), stats.cancelled()), (100, 0));
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    for task in tasks {
        let _ = task.await;
    }
    assert_eq!(stats.in_flight(), 0);
    let counts = (stats.responses(2), stats.panics(), stats.errors(), stats.cancelled());
    assert_eq!(counts, (200, 100, 100, 100));
    assert_eq!(stats.unlogged(), 100);
    assert_eq!(seen.records.len(), 400);
}

#[tokio::test]
async fn a_hook_that_panics_loses_no_record_and_no_count() {
    let seen = Seen::new();
    let layer = Arc::new(seen.layer().enrich(|_, _| panic!("in the hook")));
    let service = layer.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let task = tokio::spawn(async move { call(&service, get("/")).await });
    assert!(task.await.unwrap_err().is_panic());
    let stats = layer.stats();
    assert_eq!((stats.in_flight(), stats.responses(2), stats.ended()), (0, 1, 1));
    let record = seen.only();
    assert_eq!(line(&record, &[]), "GET | INFO | error panicked");
}
