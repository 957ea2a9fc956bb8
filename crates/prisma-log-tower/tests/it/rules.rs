//! Which requests leave a record.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get as on_get;
use prisma_log_context::{Sampler, Tracer};
use prisma_log_tower::ServerLayer;

use crate::support::{Seen, call, get, line};

/// Answers with the status that stands in the path.
fn app(layer: ServerLayer) -> Router {
    let answer = async |uri: http::Uri| {
        let digits: String = uri.path().chars().filter(char::is_ascii_digit).collect();
        digits.parse().map_or(StatusCode::OK, |code| StatusCode::from_u16(code).unwrap())
    };
    Router::new().fallback(on_get(answer)).layer(layer)
}

#[tokio::test]
async fn skipped_paths_are_logged_only_when_they_fail() {
    async fn check(path: &str, logged: bool) {
        let seen = Seen::new();
        let layer = seen.layer().skip("/livez").skip("/readyz").skip_prefix("/static/");
        let stats = layer.stats();
        call(&app(layer), get(path)).await;
        assert_eq!(seen.records.len(), usize::from(logged), "{path}");
        assert_eq!((stats.ended(), stats.unlogged()), (1, u64::from(!logged)), "{path}");
    }
    check("/livez", false).await;
    check("/livez?full=1", false).await;
    check("/readyz", false).await;
    check("/static/a.css", false).await;
    check("/static/404", false).await;
    check("/static/500", true).await;
    check("/livez/", true).await;
    check("/static", true).await;
    check("/", true).await;
}

#[tokio::test]
async fn slow_requests_are_warnings_that_say_so() {
    async fn check(threshold: Option<Duration>, path: &str, expected: &str) {
        let seen = Seen::new();
        let mut layer = seen.layer();
        if let Some(threshold) = threshold {
            layer = layer.slow(threshold);
        }
        call(&app(layer), get(path)).await;
        assert_eq!(line(&seen.only(), &["slow"]), expected);
    }
    let hour = Some(Duration::from_secs(3600));
    check(None, "/", "GET | INFO | unset | -").await;
    check(hour, "/", "GET | INFO | unset | -").await;
    check(Some(Duration::ZERO), "/", "GET | WARNING | unset | true").await;
    check(Some(Duration::ZERO), "/500", "GET | ERROR | error | true").await;
}

#[tokio::test]
async fn of_successes_one_in_n_is_kept_and_of_failures_all() {
    async fn check(layer: impl Fn(&Seen) -> ServerLayer, path: &str, kept: u64) {
        let seen = Seen::new();
        let layer = layer(&seen);
        let stats = layer.stats();
        let app = app(layer);
        for _ in 0..1000 {
            call(&app, get(path)).await;
        }
        assert_eq!(seen.records.len() as u64, kept, "{path}");
        assert_eq!((stats.ended(), stats.unlogged()), (1000, 1000 - kept), "{path}");
    }
    let one_in = |n| move |seen: &Seen| seen.layer().keep_one_in(n);
    check(one_in(0), "/", 1000).await;
    check(one_in(1), "/", 1000).await;
    check(one_in(10), "/", 100).await;
    check(one_in(3), "/", 334).await;
    check(one_in(10), "/404", 1000).await;
    check(one_in(10), "/500", 1000).await;
    let slow = |seen: &Seen| seen.layer().keep_one_in(10).slow(Duration::ZERO);
    check(slow, "/", 1000).await;
    let whole_traces = |seen: &Seen| seen.layer().keep_one_in(10).keep_sampled(true);
    check(whole_traces, "/", 1000).await;
    let unsampled = |seen: &Seen| {
        let tracer = Tracer::new(&seen.log).sampler(Sampler::never());
        ServerLayer::new(tracer).keep_one_in(10).keep_sampled(true)
    };
    check(unsampled, "/", 100).await;
}
