//! Bridges both ways at once: everything is there once, on both sides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log_bridge::{LogBridge, TracingBridge, TracingSink};
use prisma_log_context::{Context, Tracer};
use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Sink};
use prisma_log_pipeline::{Memory, Pipeline};
use prisma_log_testkit::MemorySink;
use slog::{Logger, o};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Written, keep};

/// The bridge needs the pipeline, whose sink needs the subscriber, which has the bridge: it comes later.
#[derive(Clone, Default)]
struct Late(Arc<Mutex<Option<TracingSink>>>);

impl Sink for Late {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.0.lock().unwrap().as_mut().unwrap().write(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// What a sink of the pipeline and a layer of `tracing` saw.
fn run(bridged: bool, handed_on: bool, spans: bool) -> (Vec<String>, Vec<String>) {
    log::set_max_level(log::LevelFilter::Trace);
    let written = Written::default();
    let memory = MemorySink::new();
    let handle = memory.handle();
    let theirs = tracing_subscriber::fmt::layer().json().with_writer(written.clone());
    let late = Late::default();
    let all = Filter::default;
    let mut builder = Pipeline::builder().memory(Memory::Anonymous).sink("memory", all(), memory);
    if handed_on {
        builder = builder.blocking_sink("tracing", all(), late.clone());
    }
    let pipeline = builder.build().unwrap();
    let bridge = bridged.then(|| TracingBridge::new(pipeline.drain()).layer());
    let subscriber = tracing_subscriber::registry().with(bridge).with(theirs);
    tracing::subscriber::with_default(subscriber, || {
        let sink = TracingSink::to_current_subscriber().spans(spans);
        *late.0.lock().unwrap() = Some(sink);
        let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
        let bridge = LogBridge::new(pipeline.drain());
        for number in 0..10 {
            slog::warn!(log, "slog {}", number; "n" => number);
            log::info!(logger: bridge, "log {number}");
            tracing::info!(n = number, "tracing {number}");
        }
        Tracer::new(&log).span("span").start().end();
        assert!(pipeline.flush(Duration::from_secs(30)).is_ok());
        // Not even tried: the pipeline would refuse it, and count it.
        assert_eq!(pipeline.health().dropped, 0);
    });
    let theirs = written.lines();
    let theirs = theirs.iter().map(|line| line["fields"]["message"].as_str().unwrap().to_owned());
    (handle.messages(), theirs.collect())
}

#[test]
fn everything_once_whatever_is_installed() {
    for (bridged, handed_on, spans) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, true, true),
    ] {
        let (mut ours, mut theirs) = run(bridged, handed_on, spans);
        let of = |api: &str| (0..10).map(|number| format!("{api} {number}")).collect::<Vec<_>>();
        let mut expect_ours = [of("slog"), of("log"), vec!["span".to_owned()]].concat();
        let mut expect_theirs = of("tracing");
        if bridged {
            expect_ours.extend(of("tracing"));
        }
        if handed_on {
            expect_theirs.extend(of("slog"));
        }
        if spans {
            expect_theirs.push("span".to_owned());
        }
        for list in [&mut ours, &mut theirs, &mut expect_ours, &mut expect_theirs] {
            list.sort();
        }
        let case = format!("bridged {bridged}, handed on {handed_on}, spans {spans}");
        assert_eq!((ours, theirs), (expect_ours, expect_theirs), "{case}");
    }
}

#[test]
fn what_an_event_of_ours_says() {
    let written = Written::default();
    let theirs = tracing_subscriber::fmt::layer().json().with_writer(written.clone());
    let filter = tracing_subscriber::filter::Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("shop", tracing::Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(filter).with(theirs);
    let context = Context::new().user_id("u1");
    let pipeline = tracing::subscriber::with_default(subscriber, || {
        Pipeline::builder()
            .memory(Memory::Anonymous)
            .sink("tracing", Filter::default(), TracingSink::to_current_subscriber())
            .build()
            .unwrap()
    });
    let log = Logger::root_typed(pipeline.drain(), o!());
    let shop = Logger::root_typed(pipeline.drain().named("shop"), o!());
    context.run(|| slog::crit!(shop, "order {}", 7; "amount" => 99.9, "note" => "two words"));
    slog::debug!(shop, "no fields");
    slog::info!(log, "not wanted");
    assert!(pipeline.flush(Duration::from_secs(30)).is_ok());
    let lines = written.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        (lines[0]["level"].as_str(), lines[0]["target"].as_str()),
        (Some("ERROR"), Some("prisma_log"))
    );
    let expect = serde_json::json!({
        "message": "order 7",
        "logger": "shop",
        "trace_id": context.trace_id().unwrap().to_string(),
        "span_id": context.span_id().unwrap().to_string(),
        "fields": "amount=99.9 note=\"two words\" user_id=u1",
    });
    assert_eq!(lines[0]["fields"], expect);
    let expect = serde_json::json!({ "message": "no fields", "logger": "shop" });
    assert_eq!(lines[1]["fields"], expect);
}

#[test]
fn a_subscriber_that_panics_costs_its_records_and_is_reported() {
    struct Panics;
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Panics {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            panic!("in a subscriber");
        }
    }
    let kept = keep("trace");
    let subscriber = tracing_subscriber::registry().with(Panics);
    let pipeline = tracing::subscriber::with_default(subscriber, || {
        Pipeline::builder()
            .memory(Memory::Anonymous)
            .sink("tracing", Filter::default(), TracingSink::to_current_subscriber())
            .build()
            .unwrap()
    });
    let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
    slog::info!(log, "one");
    let _report = pipeline.flush(Duration::from_secs(30));
    let health = pipeline.health();
    let ledger = &health.sinks[0].ledger;
    assert_eq!((ledger.submitted(), ledger.delivered() + ledger.dropped()), (1, 1));
    assert_eq!(kept.take().len(), 0);
}
