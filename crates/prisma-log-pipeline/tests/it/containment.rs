//! What sinks and handlers do wrong stays with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prisma_log_core::{
    BatchError, DropReason, Durability, Error, Filter, Level, Record, Sink, SinkPosition,
};
use prisma_log_pipeline::{Memory, Pipeline, PipelineBuilder, PipelineDrain, WorkerState};
use prisma_log_testkit::MemorySink;
use slog::{Logger, o};

use crate::support::{PATIENCE, here, killed_by, logger, place};

type Slot = Arc<OnceLock<Logger<PipelineDrain>>>;

fn builder() -> PipelineBuilder {
    Pipeline::builder().memory(Memory::Anonymous)
}

pub(crate) fn scene(which: &str) {
    assert_eq!(which, "no threads");
    let place = here();
    // The user nobody, and no thread more than this one: as root the limit would not count.
    // SAFETY: takes numbers and a valid struct.
    unsafe {
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit), 0);
        let _not_root = libc::setuid(65_534);
    }
    assert!(std::thread::Builder::new().spawn(|| {}).is_err());
    let sink = MemorySink::new();
    let handle = sink.handle();
    let pipeline = builder().sink("memory", Filter::default(), sink).build().unwrap();
    assert_eq!(pipeline.health().worker, WorkerState::Inline);
    let log = logger(&pipeline);
    for n in 0..1_000 {
        slog::info!(log, "work"; "n" => n);
        assert_eq!(handle.len(), n + 1, "written before the call returns");
    }
    assert!(pipeline.flush(PATIENCE).is_ok());
    let health = pipeline.health();
    assert_eq!((health.submitted, health.processed, health.failures), (1_000, 1_000, 1));
    // SAFETY: takes a number. (The place belongs to another user.)
    unsafe { libc::_exit(i32::from(place.0.as_os_str().is_empty())) };
}

#[test]
fn where_no_thread_can_be_started_calls_write_themselves() {
    let (_dir, place) = place();
    let status = place.play("containment no threads");
    assert_eq!((status.code(), killed_by(status)), (Some(0), None));
}

#[test]
fn a_sink_that_logs_is_told_and_counted() {
    /// Logs two records for each that it is given.
    struct Logs(Slot, Arc<AtomicU64>);
    impl Sink for Logs {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            for record in batch {
                if record.message != "records dropped" {
                    for _ in 0..2 {
                        slog::info!(self.0.get().unwrap(), "from the sink");
                        self.1.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Ok(())
        }
        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn durability(&self) -> Durability {
            Durability::Memory
        }
    }
    for (blocking, inline) in [(false, false), (true, false), (false, true)] {
        let (slot, count) = (Slot::default(), Arc::new(AtomicU64::new(0)));
        let sink = Logs(Arc::clone(&slot), Arc::clone(&count));
        let memory = MemorySink::new();
        let handle = memory.handle();
        let builder = builder().inline(inline).sink("memory", Filter::default(), memory);
        let builder = if blocking {
            builder.blocking_sink("logs", Filter::default(), sink)
        } else {
            builder.sink("logs", Filter::default(), sink)
        };
        let pipeline = builder.build().unwrap();
        let log = logger(&pipeline);
        slot.set(log.clone()).unwrap();
        for n in 0..300 {
            slog::info!(log, "work"; "n" => n);
        }
        for _ in 0..2 {
            assert!(pipeline.flush(PATIENCE).is_ok());
        }
        let health = pipeline.health();
        assert_eq!(count.load(Ordering::Relaxed), 600, "{blocking} {inline}");
        assert_eq!((health.dropped, health.in_flight), (600, 0), "{health:?}");
        for sink in &health.sinks {
            assert_eq!(sink.ledger.dropped_by(DropReason::Reentrant), 600, "{health:?}");
            assert_eq!(sink.ledger.in_flight(), 0);
        }
        let records = handle.records();
        assert!(!records.iter().any(|record| record.message == "from the sink"));
        let told: u64 = records
            .iter()
            .filter_map(|record| record.fields.get("reentrant.info.shop"))
            .map(|value| value.to_string().parse::<u64>().unwrap())
            .sum();
        assert_eq!(told, 600);
    }
}

#[test]
fn an_error_handler_that_logs_or_panics_does_no_harm() {
    struct Fails;
    impl Sink for Fails {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            Err(BatchError::new(batch.len() / 2, Error::state("half")))
        }
        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn durability(&self) -> Durability {
            Durability::Memory
        }
    }
    let (slot, calls) = (Slot::default(), Arc::new(AtomicU64::new(0)));
    let (its_slot, its_calls) = (Arc::clone(&slot), Arc::clone(&calls));
    let memory = MemorySink::new();
    let handle = memory.handle();
    let pipeline = builder()
        .sink("fails", Filter::default(), Fails)
        .sink("memory", Filter::default(), memory)
        .on_error(move |_, _| {
            slog::error!(its_slot.get().unwrap(), "in the handler");
            assert!(its_calls.fetch_add(1, Ordering::Relaxed) % 2 == 0, "every other time");
        })
        .build()
        .unwrap();
    let log = logger(&pipeline);
    slot.set(log.clone()).unwrap();
    for n in 0..100 {
        slog::info!(log, "work"; "n" => n);
    }
    for _ in 0..2 {
        let _report = pipeline.flush(PATIENCE);
    }
    let health = pipeline.health();
    assert!(calls.load(Ordering::Relaxed) > 0);
    assert_eq!((health.dropped, health.in_flight), (calls.load(Ordering::Relaxed), 0));
    let works = handle.messages().iter().filter(|message| *message == "work").count();
    assert_eq!(works, 100, "the other sink has everything");
    let ledger = health.sinks[0].ledger;
    assert_eq!(ledger.in_flight(), 0, "{health:?}");
    assert!(ledger.dropped_by(DropReason::SinkFailed) > 0);
}

#[test]
fn a_sink_that_panics_anywhere_costs_its_own_records_only() {
    struct Panics;
    impl Sink for Panics {
        fn write(&mut self, _: &[Record<'_>]) -> Result<(), BatchError> {
            panic!("in write");
        }
        fn flush(&mut self) -> Result<(), Error> {
            panic!("in flush");
        }
        fn durability(&self) -> Durability {
            panic!("in durability");
        }
        fn position(&self) -> Option<SinkPosition> {
            panic!("in position");
        }
    }
    for blocking in [false, true] {
        let memory = MemorySink::new();
        let handle = memory.handle();
        let builder = builder().sink("memory", Filter::default(), memory);
        let builder = if blocking {
            builder.blocking_sink("panics", Filter::default(), Panics)
        } else {
            builder.sink("panics", Filter::default(), Panics)
        };
        let pipeline = builder.build().unwrap();
        let log = logger(&pipeline);
        for _ in 0..3 {
            (0..100).for_each(|n| slog::info!(log, "work"; "n" => n));
            let report = pipeline.flush(PATIENCE);
            assert!(report.complete, "{report:?}");
            assert_eq!(report.sinks[1].error.as_deref(), Some("the sink panicked: in flush"));
        }
        let ledger = pipeline.health().sinks[1].ledger;
        assert_eq!(ledger.dropped_by(DropReason::SinkPanicked), 300);
        assert_eq!(handle.len(), 300);
    }
}

#[test]
fn what_signal_handlers_log_becomes_records() {
    let memory = MemorySink::new();
    let handle = memory.handle();
    let pipeline = builder().sink("memory", Filter::default(), memory).build().unwrap();
    let emergency = pipeline.drain().emergency();
    let mut taken = 0_u64;
    for n in 0..500 {
        taken += u64::from(emergency.log(Level::Warning, &format!("signal {n}")));
    }
    // By the worker, in its own time.
    let until = std::time::Instant::now() + PATIENCE;
    while (handle.len() as u64) < taken {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..2 {
        assert!(pipeline.flush(PATIENCE).is_ok());
    }
    let health = pipeline.health();
    assert_eq!((health.dropped, health.in_flight), (500 - taken, 0), "{health:?}");
    let records = handle.records();
    let texts: Vec<_> = records.iter().filter(|record| record.logger == "emergency").collect();
    assert_eq!(texts.len() as u64, taken);
    assert_eq!(texts[0].message, "signal 0");
}

#[test]
fn a_sinks_level_can_be_changed_while_the_program_runs() {
    let [one, other] = [(); 2].map(|()| MemorySink::new());
    let handles = [one.handle(), other.handle()];
    let pipeline = builder()
        .sink("one", Filter::at_least(Level::Warning), one)
        .sink("other", Filter::at_least(Level::Warning), other)
        .build()
        .unwrap();
    let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
    slog::info!(log, "too early");
    assert!(pipeline.flush(PATIENCE).is_ok());
    pipeline.set_sink_filter("one", "warning,shop=debug".parse().unwrap()).unwrap();
    slog::debug!(log, "for one");
    slog::warn!(log, "for both");
    assert!(pipeline.flush(PATIENCE).is_ok());
    pipeline.set_sink_filter("one", Filter::off()).unwrap();
    slog::error!(log, "for the other");
    assert!(pipeline.flush(PATIENCE).is_ok());
    let messages = handles.map(|handle| handle.messages());
    assert_eq!(messages[0], ["for one", "for both"]);
    assert_eq!(messages[1], ["for both", "for the other"]);
    let error = pipeline.set_sink_filter("none", Filter::off()).unwrap_err().to_string();
    assert_eq!(error, "no sink `none`; there are: one, other");
}

#[test]
fn a_sink_that_knows_how_many_it_refuses_gets_all_others() {
    /// Refuses up to five records at the front, takes the next two, and so on.
    struct Picky(Arc<AtomicU64>);
    impl Sink for Picky {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            let seen = batch.len().min(7);
            let refused = seen.min(5);
            self.0.fetch_add(seen as u64, Ordering::Relaxed);
            let error = Error::state("not these");
            Err(BatchError::new(seen - refused, error).rejected(refused))
        }
        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn durability(&self) -> Durability {
            Durability::Memory
        }
    }
    let seen = Arc::new(AtomicU64::new(0));
    let sink = Picky(Arc::clone(&seen));
    let pipeline = builder().sink("picky", Filter::default(), sink).build().unwrap();
    let log = logger(&pipeline);
    for n in 0..1_000 {
        slog::info!(log, "work"; "n" => n);
    }
    let _failed = pipeline.flush(PATIENCE);
    let ledger = pipeline.health().sinks[0].ledger;
    // None was given up that the sink had not looked at.
    assert_eq!(seen.load(Ordering::Relaxed), 1_000);
    assert_eq!(ledger.delivered() + ledger.dropped_by(DropReason::SinkFailed), 1_000);
    assert!(ledger.dropped() >= 5 * (1_000 / 7), "{ledger:?}");
}
