//! `#[instrument]`, with and without `async`.

use std::time::Duration;

use prisma_log_context::Context;
use prisma_log_core::{Level, SpanStatus, Value};
use tracing::{Instrument, info, info_span, instrument};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{find, keep, with_span};

#[instrument(target = "shop::orders", skip(secret), fields(otel.kind = "server", total = total * 2, later))]
fn order(id: u32, total: u64, secret: &str) -> usize {
    tracing::Span::current().record("later", "known now");
    info!("in order");
    secret.len()
}

#[instrument(err, ret)]
async fn pay(amount: u64) -> Result<u64, String> {
    info!("asking the bank");
    tokio::time::sleep(Duration::from_millis(2)).await;
    info!("the bank has answered");
    if amount > 100 { Err(format!("{amount} is too much")) } else { Ok(amount + 1) }
}

#[instrument(level = "debug", name = "request")]
async fn request(number: u64) {
    let paid = pay(number * 90).await;
    let child = async move {
        tokio::task::yield_now().await;
        info!(number, ok = paid.is_ok(), "in the child");
    };
    tokio::spawn(child.instrument(info_span!("child", number))).await.unwrap();
    info!(number, "done");
}

#[test]
fn a_function() {
    let records = keep("trace").under(|| assert_eq!(order(7, 21, "hush"), 4));
    let order = find(&records, "order");
    assert_eq!(order.logger, "shop::orders");
    assert_eq!(find(&records, "in order").context.span_id, order.context.span_id);
    with_span(&records, "order", |span| {
        assert_eq!(span.kind().as_str(), "server");
        let attributes: Vec<_> = span.attributes().collect();
        let expect =
            [("id", Value::U64(7)), ("total", Value::U64(42)), ("later", Value::Str("known now"))];
        assert_eq!(attributes.len(), expect.len(), "{attributes:?}");
        assert!(expect.iter().all(|pair| attributes.contains(pair)), "{attributes:?}");
    });
}

#[test]
fn tasks_that_move_between_threads() {
    const REQUESTS: u64 = 100;
    let kept = keep("trace");
    let subscriber = tracing_subscriber::registry().with(kept.bridge().layer());
    let dispatch = tracing::Dispatch::new(subscriber);
    let in_threads = dispatch.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .on_thread_start(move || {
            // For as long as the thread lives.
            std::mem::forget(tracing::dispatcher::set_default(&in_threads));
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (1..=REQUESTS).map(|number| tokio::spawn(request(number))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        // Nobody is left in a span.
        let left = tokio::spawn(async { Context::current() });
        assert_eq!(left.await.unwrap(), None);
    });
    let records = kept.take();
    let of = |message: &'static str| records.iter().filter(move |r| r.message == message);
    for (message, count) in [
        ("request", REQUESTS),
        ("pay", REQUESTS),
        ("child", REQUESTS),
        ("asking the bank", REQUESTS),
        ("the bank has answered", REQUESTS),
        ("in the child", REQUESTS),
        ("done", REQUESTS),
    ] {
        assert_eq!(of(message).count() as u64, count, "{message}");
    }
    for request in of("request") {
        let number = request.fields.get("number");
        let trace = request.context.trace_id;
        let mine: Vec<_> = records.iter().filter(|r| r.context.trace_id == trace).collect();
        assert_eq!(mine.len(), 8, "{number:?}: {mine:?}");
        let one = |message| *mine.iter().find(|r| r.message == message).unwrap();
        let span = |message| one(message).context.span_id;
        assert_eq!(request.level, Level::Debug);
        assert_eq!(one("pay").context.parent_span_id, request.context.span_id);
        assert_eq!(one("child").context.parent_span_id, request.context.span_id);
        assert_eq!(span("done"), request.context.span_id);
        assert_eq!(span("asking the bank"), span("pay"));
        assert_eq!(span("the bank has answered"), span("pay"));
        assert_eq!(span("in the child"), span("child"));
        assert_eq!(one("in the child").fields.get("number"), number);
        let outcome = mine.iter().find(|r| r.message.is_empty()).unwrap();
        assert_eq!(outcome.context.span_id, span("pay"));
        with_span(std::slice::from_ref(one("pay")), "pay", |pay| {
            if number == Some(Value::U64(1)) {
                assert_eq!(pay.status(), SpanStatus::Unset);
                assert_eq!(outcome.fields.get("return"), Some(Value::Str("91")));
            } else {
                assert_eq!(outcome.level, Level::Error);
                assert_eq!(outcome.fields.get("error"), Some(Value::Str(pay.status_message())));
                assert!(pay.status_message().ends_with("is too much"));
            }
        });
    }
}
