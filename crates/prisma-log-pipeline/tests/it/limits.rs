//! Limits of call sites, panics, and signals.

use prisma_log_context::Context;
use prisma_log_core::{Clock, Filter, Level, SystemClock};
use prisma_log_pipeline::{Limit, Memory, Pipeline, Verdict};
use prisma_log_testkit::{MemorySink, OwnedRecord};

use crate::support::{Found, PATIENCE, here, killed_by, logger, place, signal_self};

pub(crate) fn scene(which: &str) {
    if which == "told" {
        return limits_are_told();
    }
    let place = here();
    let builder = place.builder().flush_on_signals(true);
    let pipeline = builder.sink("lines", Filter::default(), place.sink()).build().unwrap();
    let log = logger(&pipeline);
    for n in 0..2_000 {
        slog::info!(log, "work"; "who" => "main", "n" => n);
    }
    signal_self(if which == "term" { libc::SIGTERM } else { libc::SIGINT });
}

/// The time as the facade's macros tell it to a limit.
fn now_nanos() -> u64 {
    u64::try_from(SystemClock.now().unix_nanos()).unwrap()
}

#[test]
fn signals_flush_before_they_end_the_process() {
    for (which, signal) in [("term", libc::SIGTERM), ("int", libc::SIGINT)] {
        let (_dir, place) = place();
        let status = place.play(&format!("limits {which}"));
        assert_eq!(killed_by(status), Some(signal), "{which}: {status}");
        let found = Found::read(&place.lines());
        found.assert_all("main", 2_000);
        assert_eq!(found.recovered, 0);
        let pipeline = place.start();
        assert_eq!(pipeline.recovery().records, 0);
        drop(pipeline);
        assert!(place.queues().is_empty());
    }
}

fn field(record: &OwnedRecord, key: &str) -> String {
    record.fields.get(key).map_or_else(String::new, |value| value.to_string())
}

#[test]
fn what_limits_keep_back_is_told_by_the_worker_and_by_flushes() {
    // In a process without other pipelines: they would tell it as well.
    let (_dir, place) = place();
    let status = place.play("limits told");
    assert!(status.success(), "{status}");
}

fn limits_are_told() {
    static LIMIT: Limit = Limit::new("a.rs", 7, "shop::cart", Level::Debug).every("1ms");
    static LONG: Limit = Limit::new("b.rs", 8, "shop", Level::Info).every("1h").first(2);
    let sink = MemorySink::new();
    let handle = sink.handle();
    let builder = Pipeline::builder().memory(Memory::Anonymous);
    let pipeline = builder.sink("memory", Filter::default(), sink).build().unwrap();
    let admit = |limit: &'static Limit, calls: u64| -> (u64, u64) {
        let (mut admitted, mut told) = (0, 0);
        for _ in 0..calls {
            if let Verdict::Admit { suppressed } = limit.admit(now_nanos(), 0) {
                admitted += 1;
                told += suppressed;
            }
        }
        (admitted, told)
    };
    let (admitted, told) = admit(&LIMIT, 10_000);
    let (long, nothing) = admit(&LONG, 100);
    assert_eq!((long, nothing), (2, 0));
    let sum = |site: &str| -> u64 {
        let told = handle.records().into_iter().filter(|record| field(record, "site") == site);
        told.map(|record| {
            assert_eq!(record.message, "records suppressed");
            field(&record, "suppressed").parse::<u64>().unwrap()
        })
        .sum()
    };
    // The worker tells what is due.
    let until = std::time::Instant::now() + PATIENCE;
    while sum("a.rs:7") < 10_000 - admitted - told {
        assert!(std::time::Instant::now() < until, "the worker does not tell");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(sum("b.rs:8"), 0, "not due for an hour");
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert_eq!(sum("a.rs:7"), 10_000 - admitted - told);
    assert_eq!(sum("b.rs:8"), 98);
    let record = handle.records().into_iter().find(|record| field(record, "site") == "a.rs:7");
    let record = record.unwrap();
    assert_eq!((record.level, record.logger.as_str()), (Level::Debug, "shop::cart"));
    assert_eq!(pipeline.health().in_flight, 0);
}

#[test]
fn panics_become_records() {
    let sink = MemorySink::new();
    let handle = sink.handle();
    let builder = Pipeline::builder().memory(Memory::Anonymous).capture_panics(true);
    let pipeline = builder.sink("memory", Filter::default(), sink).build().unwrap();
    let context = Context::new().request_id("r-7");
    let request = context.clone();
    let line = line!() + 3;
    let panics = std::thread::Builder::new().name("doomed".into()).spawn(move || {
        let _scope = request.enter();
        panic!("no {}", "way");
    });
    assert!(panics.unwrap().join().is_err());
    assert!(pipeline.flush(PATIENCE).is_ok());
    // Other tests of this process panic on purpose as well.
    let records = handle.records();
    let mine = records.iter().filter(|record| field(record, "thread") == "doomed");
    let [record] = mine.collect::<Vec<_>>()[..] else { panic!("{records:?}") };
    assert_eq!((record.level, record.logger.as_str()), (Level::Critical, "panic"));
    assert_eq!(record.message, "no way");
    assert_eq!(field(record, "location"), format!("{}:{line}:9", file!()));
    assert_eq!(record.context.trace_id, context.trace_id());
    assert_eq!(record.context.span_id, context.span_id());
    assert_eq!(record.context.entries, *context.fields());
    assert!(field(record, "backtrace").contains("limits"), "{}", field(record, "backtrace"));
    drop(pipeline);
    let ignored = std::thread::spawn(|| panic!("after the end")).join();
    assert!(ignored.is_err());
    assert!(!handle.messages().contains(&"after the end".to_owned()));
}
