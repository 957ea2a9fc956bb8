//! Sinks that do not come back: they delay nobody, and what they miss is counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use prisma_log_core::{BatchError, DropReason, Durability, Error, Filter, Record, Sink};
use prisma_log_pipeline::{Memory, Overflow, Pipeline, PipelineBuilder, SinkState};
use prisma_log_testkit::MemorySink;

use crate::support::{PATIENCE, logger};

/// Does not come back from a write as long as the gate is shut.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>, Arc<Mutex<u64>>, Arc<AtomicBool>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn taken(&self) -> u64 {
        *self.1.lock().unwrap()
    }

    fn await_entry(&self) {
        let until = std::time::Instant::now() + PATIENCE;
        while !self.2.load(Ordering::Acquire) {
            assert!(std::time::Instant::now() < until);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Sink for Gate {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.2.store(true, Ordering::Release);
        let mut is_open = self.0.0.lock().unwrap();
        while !*is_open {
            is_open = self.0.1.wait(is_open).unwrap();
        }
        *self.1.lock().unwrap() += batch.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PeerAcknowledged
    }
}

fn builder() -> PipelineBuilder {
    Pipeline::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(1 << 20)
        .max_record_bytes(4096)
        .overflow(Overflow::Block { limit: None })
}

const RECORDS: u64 = 30_000;

#[test]
fn a_sink_that_hangs_delays_nobody_and_what_it_misses_is_counted() {
    let (gate, memory) = (Gate::default(), MemorySink::new());
    let handle = memory.handle();
    let pipeline = builder()
        .blocking_sink("hung", Filter::default(), gate.clone())
        .sink("memory", Filter::default(), memory)
        .build()
        .unwrap();
    let log = logger(&pipeline);
    for n in 0..RECORDS {
        slog::info!(log, "work"; "n" => n, "text" => "some more text to fill the queue with");
    }
    let report = pipeline.flush(Duration::from_millis(300));
    assert!(!report.complete && !report.is_ok());
    let [hung, memory] = &report.sinks[..] else { panic!("{report:?}") };
    assert!(hung.error.as_ref().unwrap().contains("not come back in time"), "{report:?}");
    assert_eq!((hung.written, memory.error.as_ref()), (0, None), "{report:?}");
    assert!(hung.durability < Durability::PeerAcknowledged);
    let work = |records: &[prisma_log_testkit::OwnedRecord]| {
        records.iter().filter(|record| record.message == "work").count() as u64
    };
    assert_eq!(work(&handle.records()), RECORDS, "the other sink has everything");
    let health = pipeline.health();
    assert_eq!(health.sinks[0].state, SinkState::Stalled, "{health:?}");
    assert!(health.sinks[0].ledger.dropped() > 0);
    assert_eq!((health.in_flight, health.dropped), (0, 0), "{health:?}");

    gate.open();
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(pipeline.flush(PATIENCE).is_ok(), "what the first flush had to tell is told");
    let health = pipeline.health();
    let ledger = health.sinks[0].ledger;
    assert_eq!(ledger.in_flight(), 0, "{health:?}");
    assert_eq!(ledger.delivered(), gate.taken());
    assert_eq!(ledger.dropped(), ledger.dropped_by(DropReason::QueueFull));
    let told = |record: &prisma_log_testkit::OwnedRecord| {
        let field = |key| record.fields.get(key).map(|value| value.to_string());
        assert_eq!(field("sink").as_deref(), Some("hung"));
        field("dropped").unwrap().parse::<u64>().unwrap()
    };
    let notices = handle.records().into_iter().filter(|record| record.message == "records dropped");
    assert_eq!(notices.map(|record| told(&record)).sum::<u64>(), ledger.dropped());
    assert_eq!(ledger.submitted(), health.submitted, "every record was for both sinks");
    assert_eq!(health.sinks[0].state, SinkState::Ok);
}

#[test]
fn a_healthy_sink_of_its_own_thread_loses_nothing_with_many_threads_logging() {
    let (gate, memory) = (Gate::default(), MemorySink::new());
    gate.open();
    let pipeline = Pipeline::builder()
        .memory(Memory::Anonymous)
        .overflow(Overflow::Block { limit: None })
        .blocking_sink("gate", Filter::default(), gate.clone())
        .sink("memory", Filter::default(), memory)
        .build()
        .unwrap();
    let log = logger(&pipeline);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| (0..100).for_each(|n| slog::info!(log, "work"; "n" => n)));
        }
    });
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert_eq!(gate.taken(), 5_000);
    assert_eq!(pipeline.health().sinks[0].ledger.dropped(), 0);
}

#[test]
fn the_worker_goes_on_while_a_flush_waits_for_a_sink() {
    let (gate, memory) = (Gate::default(), MemorySink::new());
    let handle = memory.handle();
    let pipeline = builder()
        .blocking_sink("hung", Filter::default(), gate.clone())
        .sink("memory", Filter::default(), memory)
        .build()
        .unwrap();
    let log = logger(&pipeline);
    slog::info!(log, "first");
    gate.await_entry();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pipeline.flush(PATIENCE));
        while handle.flushes() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        slog::info!(log, "second");
        let until = std::time::Instant::now() + PATIENCE / 2;
        while !handle.messages().contains(&"second".to_owned()) {
            assert!(std::time::Instant::now() < until, "the other sink waits as well");
            std::thread::sleep(Duration::from_millis(1));
        }
        gate.open();
        assert!(waiting.join().unwrap().is_ok());
    });
}

#[test]
fn a_sink_of_the_worker_that_hangs_is_named_by_the_flush() {
    let (gate, memory) = (Gate::default(), MemorySink::new());
    let pipeline = builder()
        .sink("hung", Filter::default(), gate.clone())
        .sink("memory", Filter::default(), memory)
        .build()
        .unwrap();
    let log = logger(&pipeline);
    slog::info!(log, "work");
    gate.await_entry();
    let report = pipeline.flush(Duration::from_millis(100));
    let [hung, memory] = &report.sinks[..] else { panic!("{report:?}") };
    assert!(!report.complete);
    assert_eq!(hung.error.as_deref(), Some("the sink has not come back in time"), "{report:?}");
    assert!(memory.error.as_ref().unwrap().contains("another sink"), "{report:?}");
    assert_eq!((hung.pending, hung.written), (1, 0));
    gate.open();
    assert!(pipeline.flush(PATIENCE).is_ok());
}

#[test]
fn a_pipeline_with_a_hung_sink_closes_all_the_same() {
    for blocking in [false, true] {
        let gate = Gate::default();
        let builder = builder();
        let builder = if blocking {
            builder.blocking_sink("hung", Filter::default(), gate.clone())
        } else {
            builder.sink("hung", Filter::default(), gate.clone())
        };
        let pipeline = builder.build().unwrap();
        let log = logger(&pipeline);
        slog::info!(log, "work");
        gate.await_entry();
        let (closed, is_closed) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(pipeline);
            closed.send(()).unwrap();
        });
        is_closed.recv_timeout(PATIENCE).unwrap();
        // Calls after that do not hang either.
        slog::info!(log, "after the end");
        gate.open();
    }
}
