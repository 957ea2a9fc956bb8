//! Scripted failures under a real pipeline: what the collector has is what was logged, and what it
//! has not is counted, exactly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_context::Context;
use prisma_log_core::{DropReason, Filter, LedgerSnapshot};
use prisma_log_otlp::{OtlpSink, OtlpSinkBuilder, Protocol};
use prisma_log_pipeline::{Memory, Pipeline};
use slog::{info, o};

use crate::collector::{Collector, Reply};
use crate::support::{LONG, builder, sorted};

const RECORDS: usize = 3_000;

struct Outcome {
    logged: Vec<String>,
    ledger: LedgerSnapshot,
    errors: Vec<String>,
}

/// Logs records and spans through a pipeline, until the sink is through with all of them.
fn run(sink: OtlpSink) -> Outcome {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&errors);
    let pipeline = Pipeline::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(16 << 20)
        .on_error(move |what, error| told.lock().unwrap().push(format!("{what}: {error}")))
        .blocking_sink("otlp", Filter::default(), sink)
        .build()
        .unwrap();
    let log = slog::Logger::root_typed(pipeline.drain().named("shop"), o!("version" => 1));
    let mut logged = Vec::new();
    for number in 0..RECORDS {
        let id = format!("record {number}");
        let context = Context::new();
        let _scope = context.enter();
        if number % 3 == 0 {
            info!(log, # "span", "{}", id; "span.kind" => "client", "duration_ms" => 0.25, "n" => number);
        } else {
            info!(log, "{}", id; "n" => number);
        }
        logged.push(id);
    }
    let ledger = || pipeline.health().sinks[0].ledger;
    let begun = Instant::now();
    while ledger().delivered() + ledger().dropped() < RECORDS as u64 {
        assert!(begun.elapsed() < LONG, "{:?} {:?}", ledger(), errors.lock().unwrap().last());
        let _report = pipeline.flush(Duration::from_millis(50));
    }
    let ledger = ledger();
    drop((log, pipeline));
    let errors = errors.lock().unwrap().clone();
    Outcome { logged, ledger, errors }
}

/// Runs with this script, in both forms; then what is stored must be all of it, once each.
fn nothing_is_lost(script: fn(usize) -> Reply, set: fn(OtlpSinkBuilder) -> OtlpSinkBuilder) {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let count = AtomicUsize::new(0);
        let collector = Collector::scripted(move |_| script(count.fetch_add(1, Ordering::Relaxed)));
        let sink = set(builder(&collector)).protocol(protocol).build().unwrap();
        let outcome = run(sink);
        assert_eq!(sorted(collector.stored()), sorted(outcome.logged), "{:?}", outcome.errors);
        let ledger = outcome.ledger;
        let counts = (ledger.submitted(), ledger.delivered(), ledger.dropped());
        assert_eq!(counts, (RECORDS as u64, RECORDS as u64, 0));
        assert!(!outcome.errors.is_empty(), "the script did nothing");
    }
}

/// Fails the first two of every three requests.
fn mostly(count: usize, reply: Reply) -> Reply {
    if count % 3 < 2 { reply } else { Reply::Take }
}

#[test]
fn asked_to_come_later() {
    nothing_is_lost(|n| mostly(n, Reply::Status(429, "retry-after: 0\r\n", "")), |b| b);
    // With a date that is over.
    nothing_is_lost(
        |n| {
            let over = "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
            if n < 2 { Reply::Status(429, over, "") } else { Reply::Take }
        },
        |b| b,
    );
}

#[test]
fn asked_to_come_in_a_second() {
    nothing_is_lost(
        |n| if n == 1 { Reply::Status(503, "retry-after: 1\r\n", "") } else { Reply::Take },
        |b| b,
    );
}

#[test]
fn unavailable() {
    nothing_is_lost(|n| mostly(n, Reply::Status(503, "", "down")), |b| b);
    nothing_is_lost(|n| mostly(n, Reply::Status(502, "", "")), |b| b.max_records(2000));
}

#[test]
fn too_large() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let collector = Collector::scripted(|request| {
            if request.ids().len() > 50 { Reply::Status(413, "", "") } else { Reply::Take }
        });
        let outcome = run(builder(&collector).protocol(protocol).build().unwrap());
        assert_eq!(sorted(collector.stored()), sorted(outcome.logged));
        assert_eq!(outcome.ledger.delivered(), RECORDS as u64);
        assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    }
}

#[test]
fn reset_without_an_answer() {
    nothing_is_lost(|n| mostly(n, Reply::Reset), |b| b);
}

#[test]
fn reset_in_the_middle_of_a_request() {
    let collector = Collector::new();
    // Large enough that a part of it is still on its way.
    let sink = builder(&collector)
        .header("x-test", "reset in the middle")
        .compression(prisma_log_otlp::Compression::None)
        .build()
        .unwrap();
    let outcome = run(sink);
    assert_eq!(sorted(collector.stored()), sorted(outcome.logged));
    assert_eq!(outcome.ledger.delivered(), RECORDS as u64);
    assert!(outcome.errors[0].contains("no answer from http://"), "{:?}", outcome.errors);
}

#[test]
fn reset_in_the_middle_of_an_answer_brings_records_twice_and_loses_none() {
    let collector = Collector::planned([Reply::ResetAnswer]);
    let outcome = run(builder(&collector).build().unwrap());
    let mut stored = sorted(collector.stored());
    let all = stored.len();
    stored.dedup();
    assert_eq!(stored, sorted(outcome.logged));
    assert!(all > stored.len(), "the first request was not repeated");
    assert_eq!(outcome.ledger.delivered(), RECORDS as u64);
}

#[test]
fn no_answer_in_time() {
    nothing_is_lost(
        |n| if n == 1 || n == 2 { Reply::Hang(LONG) } else { Reply::Take },
        |b| b.timeout(Duration::from_secs(1)),
    );
}

#[test]
fn refused_for_good() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        // Whatever has a 7 in it is bad.
        let bad = |id: &String| id.contains('7');
        let collector = Collector::scripted(move |request| {
            if request.ids().iter().any(bad) { Reply::Status(400, "", "bad") } else { Reply::Take }
        });
        let sink = builder(&collector).protocol(protocol).max_records(3).build().unwrap();
        let outcome = run(sink);
        let stored = collector.stored();
        let refused: Vec<_> = collector
            .requests()
            .iter()
            .map(crate::collector::Request::ids)
            .filter(|ids| ids.iter().any(bad))
            .flatten()
            .collect();
        assert!(stored.len() > 300 && refused.len() > 300, "{} {}", stored.len(), refused.len());
        // What was refused is exactly what is missing, and was sent once.
        assert_eq!(sorted([&stored[..], &refused].concat()), sorted(outcome.logged));
        let ledger = outcome.ledger;
        assert_eq!(ledger.delivered(), stored.len() as u64);
        assert_eq!(ledger.dropped_by(DropReason::SinkFailed), refused.len() as u64);
        assert!(
            outcome.errors[0].contains("answered 400 Bad Request: bad"),
            "{:?}",
            outcome.errors[0]
        );
    }
}

#[test]
fn taken_in_part() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let collector = Collector::scripted(|request| Reply::Partial(request.ids().len() / 4));
        let sink = builder(&collector).protocol(protocol).max_records(100).build().unwrap();
        let outcome = run(sink);
        let stored = collector.stored();
        let refused: usize =
            collector.requests().iter().map(|request| request.ids().len() / 4).sum();
        assert!(refused > 100);
        let ledger = outcome.ledger;
        assert_eq!(stored.len() + refused, RECORDS);
        assert_eq!(ledger.delivered(), stored.len() as u64);
        assert_eq!(ledger.dropped_by(DropReason::SinkFailed), refused as u64);
        // Everything was sent, once.
        let sent = collector.requests().iter().flat_map(crate::collector::Request::ids).collect();
        assert_eq!(sorted(sent), sorted(outcome.logged));
        assert!(outcome.errors[0].contains("too old"), "{:?}", outcome.errors[0]);
    }
}
