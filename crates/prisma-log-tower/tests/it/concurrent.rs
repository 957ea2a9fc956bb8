//! Many requests at once, on several threads.

use std::collections::HashMap;

use axum::Router;
use axum::extract::Path;
use axum::routing::get as on_get;
use http::HeaderValue;
use prisma_log_context::InContext;
use prisma_log_core::SpanRecord;
use prisma_log_tower::ClientLayer;
use slog::info;
use tower::Layer;

use crate::support::{Seen, call, get};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_record_belongs_to_its_own_request() {
    const REQUESTS: u64 = 2_000;
    let seen = Seen::new();
    let log = seen.log.clone();
    let stock = {
        let log = log.clone();
        Router::new()
            .route(
                "/stock/{id}",
                on_get(async move |Path(id): Path<u64>| {
                    info!(log, "in stock"; "request" => id);
                    tokio::task::yield_now().await;
                    info!(log, "still in stock"; "request" => id);
                }),
            )
            .layer(seen.layer())
    };
    let client = ClientLayer::new(seen.tracer.clone()).layer(stock);
    let handler = async move |Path(id): Path<u64>| {
        info!(log, "asked"; "request" => id);
        for _ in 0..id % 4 {
            tokio::task::yield_now().await;
        }
        let (client, inner) = (client.clone(), log.clone());
        let work = async move {
            info!(inner, "in a task"; "request" => id);
            call(&client, get(&format!("/stock/{id}"))).await;
        };
        tokio::spawn(work.in_current_context()).await.unwrap();
        info!(log, "answered"; "request" => id);
    };
    let layer = seen.layer();
    let shop: Router = Router::new().route("/orders/{id}", on_get(handler)).layer(layer.clone());
    let tasks: Vec<_> = (1..=REQUESTS)
        .map(|id| {
            let shop = shop.clone();
            tokio::spawn(async move {
                let mut request = get(&format!("/orders/{id}"));
                let parent = format!("00-{id:032x}-{id:016x}-01");
                let parent = HeaderValue::from_str(&parent).unwrap();
                request.headers_mut().insert("traceparent", parent);
                call(&shop, request).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    let records = seen.records.take();
    assert_eq!(records.len() as u64, REQUESTS * 8);
    let mut spans: HashMap<u64, Vec<_>> = HashMap::new();
    for record in &records {
        let id = record.context.trace_id.unwrap().get() as u64;
        if SpanRecord::of(&record.view()).is_some() {
            let message = record.message.as_str();
            let context = &record.context;
            spans.entry(id).or_default().push((message, context.span_id, context.parent_span_id));
        } else {
            assert_eq!(record.fields.get("request"), Some(id.into()), "{}", record.message);
        }
    }
    assert_eq!(spans.len() as u64, REQUESTS);
    for (id, spans) in spans {
        // The innermost ends first.
        let names: Vec<_> = spans.iter().map(|span| span.0).collect();
        assert_eq!(names, ["GET /stock/{id}", "GET", "GET /orders/{id}"]);
        assert_eq!(spans[0].2, spans[1].1);
        assert_eq!(spans[1].2, spans[2].1);
        assert_eq!(spans[2].2.unwrap().get(), id);
    }
    assert_eq!((layer.stats().in_flight(), layer.stats().responses(2)), (0, REQUESTS));
}
