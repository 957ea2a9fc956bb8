//! Threads that come and go: what they took is given back.

use std::cell::RefCell;
use std::sync::{Arc, Barrier, OnceLock};

use prisma_log_core::Filter;
use prisma_log_pipeline::{Memory, Overflow, Pipeline, PipelineDrain};
use prisma_log_testkit::{MemoryHandle, MemorySink};
use slog::Logger;

use crate::support::{PATIENCE, logger};

fn start() -> (Pipeline, MemoryHandle, Logger<PipelineDrain>) {
    let sink = MemorySink::new();
    let handle = sink.handle();
    let builder = Pipeline::builder().memory(Memory::Anonymous);
    let builder = builder.overflow(Overflow::Block { limit: None });
    let pipeline = builder.sink("memory", Filter::default(), sink).build().unwrap();
    let log = logger(&pipeline);
    (pipeline, handle, log)
}

/// Everything is there, and the queue is as empty as it can be.
fn assert_at_rest(pipeline: &Pipeline, handle: &MemoryHandle, records: u64) {
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert_eq!(handle.len() as u64, records);
    let health = pipeline.health();
    assert_eq!((health.submitted, health.in_flight, health.dropped), (records, 0, 0));
    // The shared streams and this thread may each have a chunk. A scope does not wait for the
    // destructors of its threads.
    let until = std::time::Instant::now() + PATIENCE;
    while pipeline.health().queue_bytes > 4 * (132 << 10) {
        assert!(std::time::Instant::now() < until, "{:?}", pipeline.health());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn ten_thousand_short_threads() {
    let (pipeline, handle, log) = start();
    for _ in 0..2_500 {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let log = &log;
                scope.spawn(move || slog::info!(log, "work"; "thread" => thread));
            }
        });
    }
    assert_at_rest(&pipeline, &handle, 10_000);
}

#[test]
fn three_hundred_threads_at_once() {
    let (pipeline, handle, log) = start();
    let barrier = Barrier::new(300);
    std::thread::scope(|scope| {
        for thread in 0..300 {
            let (log, barrier) = (&log, &barrier);
            scope.spawn(move || {
                slog::info!(log, "first"; "thread" => thread);
                barrier.wait();
                for n in 0..30 {
                    slog::info!(log, "work"; "thread" => thread, "n" => n);
                }
                barrier.wait();
            });
        }
    });
    assert_at_rest(&pipeline, &handle, 300 * 31);
}

#[test]
fn thread_local_destructors_log_whatever_their_order() {
    static LOG: OnceLock<Logger<PipelineDrain>> = OnceLock::new();
    struct Logs(&'static str);
    impl Drop for Logs {
        fn drop(&mut self) {
            slog::info!(LOG.get().unwrap(), "{}", self.0);
        }
    }
    thread_local! {
        static FIRST: RefCell<Option<Logs>> = const { RefCell::new(None) };
        static LAST: RefCell<Option<Logs>> = const { RefCell::new(None) };
    }
    let (pipeline, handle, log) = start();
    LOG.set(log).unwrap_or_else(|_| unreachable!());
    for _ in 0..50 {
        std::thread::spawn(|| {
            // One before the thread's first record, one after: destructors run in either order.
            FIRST.set(Some(Logs("dropped")));
            slog::info!(LOG.get().unwrap(), "alive");
            LAST.set(Some(Logs("dropped")));
        })
        .join()
        .unwrap();
    }
    assert_at_rest(&pipeline, &handle, 150);
}

#[test]
fn one_thread_serves_several_pipelines_by_turns() {
    let pipelines: Vec<_> = (0..5).map(|_| start()).collect();
    for n in 0..1_000 {
        for (_, _, log) in &pipelines {
            slog::info!(log, "work"; "n" => n);
        }
    }
    for (pipeline, handle, _) in &pipelines {
        assert_at_rest(pipeline, handle, 1_000);
        let numbers = handle.records().into_iter().map(|record| record.fields);
        let numbers = numbers.map(|fields| fields.get("n").unwrap().to_string());
        assert!(numbers.eq((0..1_000).map(|n: u64| n.to_string())));
    }
}

#[test]
fn pipelines_that_come_and_go_leave_nothing_to_the_threads() {
    let barrier = Arc::new(Barrier::new(2));
    let (sender, logs) = std::sync::mpsc::channel::<Logger<PipelineDrain>>();
    let theirs = Arc::clone(&barrier);
    let thread = std::thread::spawn(move || {
        for log in logs {
            slog::info!(log, "work");
            drop(log);
            theirs.wait();
        }
    });
    for _ in 0..200 {
        let (pipeline, handle, log) = start();
        sender.send(log).unwrap();
        barrier.wait();
        assert!(pipeline.flush(PATIENCE).is_ok());
        assert_eq!(handle.len(), 1);
    }
    drop(sender);
    thread.join().unwrap();
}
