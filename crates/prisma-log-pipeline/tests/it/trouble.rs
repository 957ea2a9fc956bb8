//! Sinks that ask to be given records again: nothing is lost, doubled or out of order, and nobody
//! else waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prisma_log_core::{DropReason, Filter, LedgerSnapshot};
use prisma_log_pipeline::{Memory, Overflow, Pipeline, PipelineBuilder, SinkState};
use prisma_log_testkit::{Fault, FaultySink, MemoryHandle, MemorySink};

use crate::support::{PATIENCE, logger};

/// Soon enough for tests.
pub(crate) const SOON: Duration = Duration::from_millis(1);

/// Trouble that begins and ends.
#[derive(Clone)]
pub(crate) struct Trouble(Arc<AtomicBool>);

impl Trouble {
    pub(crate) fn now() -> Self {
        Trouble(Arc::new(AtomicBool::new(true)))
    }

    pub(crate) fn ends(&self) {
        self.0.store(false, Ordering::Release);
    }

    pub(crate) fn begins(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// A sink that takes so many records of a batch at a time, and nothing more while there is
    /// trouble.
    pub(crate) fn sink(
        &self,
        taken: usize,
        wait: Duration,
    ) -> (FaultySink<MemorySink>, MemoryHandle) {
        let memory = MemorySink::new();
        let handle = memory.handle();
        let on = Arc::clone(&self.0);
        let faults = std::iter::from_fn(move || {
            let on = on.load(Ordering::Acquire);
            Some(if on { Fault::RetryAfter(taken, wait) } else { Fault::None })
        });
        (FaultySink::new(memory).schedule(faults), handle)
    }
}

pub(crate) fn builder() -> PipelineBuilder {
    Pipeline::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(1 << 20)
        .max_record_bytes(4096)
        .overflow(Overflow::Block { limit: None })
}

pub(crate) fn add(
    builder: PipelineBuilder,
    is_blocking: bool,
    name: &str,
    sink: FaultySink<MemorySink>,
) -> PipelineBuilder {
    if is_blocking {
        builder.blocking_sink(name, Filter::default(), sink)
    } else {
        builder.sink(name, Filter::default(), sink)
    }
}

pub(crate) fn log_numbers(pipeline: &Pipeline, numbers: std::ops::Range<u64>) {
    let log = logger(pipeline);
    for n in numbers {
        slog::info!(log, "work"; "n" => n, "text" => "some more text, so that the queue fills");
    }
}

/// The numbers that a sink was given, as they came.
pub(crate) fn numbers(handle: &MemoryHandle) -> Vec<u64> {
    let records = handle.records().into_iter().filter(|record| record.message == "work");
    records.map(|record| field(&record, "n").parse().unwrap()).collect()
}

pub(crate) fn field(record: &prisma_log_testkit::OwnedRecord, key: &str) -> String {
    record.fields.get(key).map(|value| value.to_string()).unwrap_or_default()
}

pub(crate) fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn ledger(pipeline: &Pipeline, sink: usize) -> LedgerSnapshot {
    pipeline.health().sinks[sink].ledger
}

/// How many records the notices of this message count, by the field.
pub(crate) fn told(handle: &MemoryHandle, message: &str, key: &str, sink: &str) -> u64 {
    let records = handle.records().into_iter();
    let told = records.filter(|r| r.message == message && field(r, "sink") == sink);
    told.map(|record| field(&record, key).parse::<u64>().unwrap()).sum()
}

const RECORDS: u64 = 20_000;

#[test]
fn what_a_sink_asks_for_again_comes_again_once_and_in_order() {
    let check = |is_blocking: bool, schedule: &[usize]| {
        let memory = MemorySink::new();
        let handle = memory.handle();
        let pattern: Vec<Fault> = schedule.iter().map(|&n| Fault::RetryAfter(n, SOON)).collect();
        let pattern = pattern.into_iter().chain([Fault::None]).cycle();
        let other = MemorySink::new();
        let others = other.handle();
        let sink = FaultySink::new(memory).schedule(pattern);
        let pipeline = add(builder(), is_blocking, "trouble", sink)
            .sink("other", Filter::default(), other)
            .build()
            .unwrap();
        log_numbers(&pipeline, 0..RECORDS);
        let report = pipeline.flush(PATIENCE);
        assert!(report.is_ok(), "{schedule:?}: {report:?}");
        for handle in [&handle, &others] {
            assert!(numbers(handle).into_iter().eq(0..RECORDS), "{schedule:?}");
        }
        for sink in 0..2 {
            let ledger = ledger(&pipeline, sink);
            let counts = (ledger.submitted(), ledger.delivered(), ledger.dropped());
            assert_eq!(counts, (RECORDS, RECORDS, 0), "{schedule:?}");
        }
        assert_eq!(pipeline.health().sinks[0].waiting, 0);
    };
    for is_blocking in [false, true] {
        check(is_blocking, &[0]);
        check(is_blocking, &[1, 0, 0]);
        check(is_blocking, &[500, 3, 0, 2048, 1, 9999]);
    }
}

#[test]
fn records_for_several_loggers_and_levels_keep_their_places() {
    // Only a part of each batch is the sink's: what is left is counted from the right one.
    let memory = MemorySink::new();
    let handle = memory.handle();
    let faults = [0, 5, 1, 40].map(|n| Fault::RetryAfter(n, SOON)).into_iter().cycle();
    let filter = Filter::at_least(prisma_log_core::Level::Warning);
    let sink = FaultySink::new(memory).schedule(faults.take(400));
    let pipeline = builder().sink("trouble", filter, sink).build().unwrap();
    let log = logger(&pipeline);
    for n in 0..RECORDS {
        match n % 3 {
            0 => slog::warn!(log, "work"; "n" => n / 3),
            _ => slog::info!(log, "not for it"; "n" => n),
        }
    }
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(numbers(&handle).into_iter().eq(0..RECORDS.div_ceil(3)));
    assert_eq!(ledger(&pipeline, 0).delivered(), RECORDS.div_ceil(3));
}

#[test]
fn a_sink_in_trouble_says_so_and_nobody_waits_with_it() {
    for is_blocking in [false, true] {
        let trouble = Trouble::now();
        // It is not tried again by itself while the test lasts.
        let (sink, handle) = trouble.sink(3, Duration::from_secs(600));
        let other = MemorySink::new();
        let others = other.handle();
        let pipeline = add(builder(), is_blocking, "trouble", sink)
            .sink("other", Filter::default(), other)
            .build()
            .unwrap();
        log_numbers(&pipeline, 0..1000);
        let report = pipeline.flush(Duration::from_millis(300));
        let [troubled, other] = &report.sinks[..] else { panic!("{report:?}") };
        assert!(!report.complete && other.error.is_none(), "{report:?}");
        let error = troubled.error.as_deref().unwrap();
        assert!(error.contains("wait") && error.contains("told to fail"), "{error}");
        assert!(numbers(&others).into_iter().eq(0..1000));
        let health = pipeline.health();
        let sink = &health.sinks[0];
        assert_eq!(sink.state, SinkState::Failing);
        assert!(sink.last_error.as_ref().unwrap().contains("told to fail"));
        let taken = handle.len() as u64;
        assert!(0 < taken && taken < 1000, "{taken}");
        assert_eq!((sink.waiting, sink.ledger.delivered()), (1000 - taken, taken));
        assert_eq!((troubled.pending, troubled.written), (1000 - taken, taken));
        assert_eq!(health.sinks[1].waiting, 0);

        trouble.ends();
        // A flush is reason enough to try.
        assert!(pipeline.flush(PATIENCE).is_ok());
        assert!(numbers(&handle).into_iter().eq(0..1000));
        let health = pipeline.health();
        assert_eq!((health.sinks[0].waiting, health.sinks[0].state), (0, SinkState::Ok));
    }
}

#[test]
fn trouble_that_comes_and_goes_costs_nothing() {
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(1, SOON);
    let pipeline = add(builder(), false, "trouble", sink).build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                std::thread::sleep(Duration::from_millis(3));
                trouble.ends();
                std::thread::sleep(Duration::from_millis(3));
                trouble.begins();
            }
            trouble.ends();
        });
        log_numbers(&pipeline, 0..RECORDS);
    });
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(numbers(&handle).into_iter().eq(0..RECORDS));
}

/// Logs more than a troubled sink's share while it is in trouble, then ends the trouble; the sink in
/// trouble, the other one, and the pipeline. The sink asks for `wait` before it is tried again.
fn overfill(overflow: Overflow, wait: Duration) -> (MemoryHandle, MemoryHandle, Pipeline) {
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(0, wait);
    let other = MemorySink::new();
    let others = other.handle();
    let pipeline = add(builder().overflow(overflow), false, "trouble", sink)
        .sink("other", Filter::default(), other)
        .build()
        .unwrap();
    // So slowly that the other sink keeps up: only the one in trouble is short of room.
    for n in 0..RECORDS / 100 {
        log_numbers(&pipeline, n * 100..(n + 1) * 100);
        await_that("the other sink has it", || numbers_of(&others) >= (n + 1) * 100);
    }
    trouble.ends();
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(pipeline.flush(PATIENCE).is_ok(), "what the first had to tell is told");
    assert!(numbers(&others).into_iter().eq(0..RECORDS), "the other one has everything");
    let (own, all) = (ledger(&pipeline, 0), ledger(&pipeline, 1));
    assert_eq!((all.in_flight(), all.dropped()), (0, 0));
    assert_eq!(own.in_flight(), 0);
    assert_eq!(own.submitted(), all.submitted());
    assert_eq!(own.delivered(), handle.len() as u64);
    assert_eq!(own.dropped(), own.dropped_by(DropReason::QueueFull));
    assert!(own.dropped() > 0);
    assert_eq!(told(&others, "records dropped", "dropped", "trouble"), own.dropped());
    assert!(numbers(&handle).is_sorted(), "in order");
    (handle, others, pipeline)
}

fn numbers_of(handle: &MemoryHandle) -> u64 {
    handle.records().iter().filter(|record| record.message == "work").count() as u64
}

#[test]
fn the_newest_are_dropped_for_a_sink_in_trouble() {
    for overflow in [Overflow::DropNewest, Overflow::Block { limit: Some(PATIENCE) }] {
        let (handle, ..) = overfill(overflow, SOON);
        let kept = numbers(&handle);
        assert!(kept.iter().copied().take(100).eq(0..100), "the oldest are there");
    }
}

#[test]
fn the_oldest_are_dropped_for_a_sink_in_trouble() {
    // It is not tried before the flush at the end: what is being tried can't be dropped, and is older
    // than what is dropped instead.
    let (handle, ..) = overfill(Overflow::DropOldest, PATIENCE);
    let kept = numbers(&handle);
    assert!(kept[0] > 0, "{}", kept[0]);
    let first = RECORDS - kept.len() as u64;
    assert!(kept.into_iter().eq(first..RECORDS), "the newest are there");
}

#[test]
fn whoever_waits_without_limit_waits_for_a_sink_in_trouble() {
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(0, SOON);
    let pipeline = add(builder(), false, "trouble", sink).build().unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            log_numbers(&pipeline, 0..RECORDS);
            is_done.store(true, Ordering::Release);
        });
        await_that("the queue is full", || {
            let health = pipeline.health();
            health.queue_bytes > health.queue_capacity * 3 / 4
        });
        let waiting = pipeline.health().sinks[0].waiting;
        std::thread::sleep(Duration::from_millis(300));
        assert!(!is_done.load(Ordering::Acquire), "the callers wait");
        assert!(waiting > 0 && handle.is_empty());
        assert!(!pipeline.flush(SOON).complete);
        trouble.ends();
    });
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(numbers(&handle).into_iter().eq(0..RECORDS));
    assert_eq!((ledger(&pipeline, 0).dropped(), pipeline.health().dropped), (0, 0));
}

#[test]
fn what_is_spilled_waits_for_a_sink_in_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let overflow = Overflow::Spill { dir: dir.path().to_owned(), max_bytes: 64 << 20 };
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(0, SOON);
    let pipeline = add(builder().overflow(overflow), false, "trouble", sink).build().unwrap();
    log_numbers(&pipeline, 0..RECORDS);
    assert!(pipeline.health().queue_high_water > 1 << 20, "it did spill");
    trouble.ends();
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(numbers(&handle).into_iter().eq(0..RECORDS));
    assert_eq!((ledger(&pipeline, 0).dropped(), pipeline.health().dropped), (0, 0));
}

#[test]
fn few_records_now_and_then_wait_for_hours() {
    // Each is a batch of its own: their number is not what uses a share up.
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(0, Duration::from_millis(50));
    let builder = builder().overflow(Overflow::DropNewest).latency(Duration::from_micros(100));
    let pipeline = add(builder, false, "trouble", sink).build().unwrap();
    for n in 0..3000 {
        log_numbers(&pipeline, n..n + 1);
        std::thread::sleep(Duration::from_micros(150));
    }
    trouble.ends();
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(numbers(&handle).into_iter().eq(0..3000));
}

#[test]
fn calls_that_write_themselves_do_not_wait_either() {
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(0, SOON);
    let other = MemorySink::new();
    let others = other.handle();
    let pipeline = add(builder().inline(true), false, "trouble", sink)
        .sink("other", Filter::default(), other)
        .build()
        .unwrap();
    log_numbers(&pipeline, 0..50);
    assert!(numbers(&others).into_iter().eq(0..50));
    assert!(handle.is_empty());
    trouble.ends();
    log_numbers(&pipeline, 50..100);
    assert!(pipeline.flush(PATIENCE).is_ok());
    for handle in [handle, others] {
        assert!(numbers(&handle).into_iter().eq(0..100));
    }
}
