//! Flush and the end: everything gets through, whoever goes on logging.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Sink};
use prisma_log_pipeline::{Memory, Overflow, Pipeline, PipelineDrain, WorkerState};
use prisma_log_testkit::MemorySink;
use slog::{Drain as _, Logger};

use crate::support::{Found, PATIENCE, here, killed_by, logger, place};

pub(crate) fn scene(which: &str) {
    let place = here();
    let pipeline = place.start();
    let log = logger(&pipeline);
    for n in 0..500 {
        slog::info!(log, "work"; "who" => "main", "n" => n);
    }
    match which {
        "exit in a sink" => {
            struct Exits;
            impl Sink for Exits {
                fn write(&mut self, _: &[Record<'_>]) -> Result<(), BatchError> {
                    std::process::exit(7);
                }
                fn flush(&mut self) -> Result<(), Error> {
                    Ok(())
                }
                fn durability(&self) -> Durability {
                    Durability::Memory
                }
            }
            let other = Pipeline::builder()
                .memory(Memory::Anonymous)
                .sink("exits", Filter::default(), Exits)
                .build()
                .unwrap();
            slog::info!(logger(&other), "the end");
            std::thread::sleep(PATIENCE);
        }
        "log in exit hooks" => {
            static LOG: OnceLock<Logger<PipelineDrain>> = OnceLock::new();
            extern "C" fn hook() {
                slog::info!(LOG.get().unwrap(), "work"; "who" => "hook", "n" => 0);
            }
            LOG.set(log).unwrap_or_else(|_| unreachable!());
            // SAFETY: the hook lives as long as the process.
            unsafe { libc::atexit(hook) };
            std::mem::forget(pipeline);
            std::process::exit(0);
        }
        "exit while others log" => {
            for who in 0..3 {
                let log = log.clone();
                std::thread::spawn(move || {
                    for n in 0_u64.. {
                        slog::info!(log, "work"; "who" => who, "n" => n);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(20));
            std::process::exit(0);
        }
        _ => panic!("no scene {which:?}"),
    }
}

#[test]
fn a_flush_gets_through_while_others_log_without_end() {
    struct Counts(Arc<AtomicU64>);
    impl Sink for Counts {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
            Ok(())
        }
        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn durability(&self) -> Durability {
            Durability::Synced
        }
    }
    let count = Arc::new(AtomicU64::new(0));
    let pipeline = Pipeline::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(1 << 20)
        .max_record_bytes(4096)
        .overflow(Overflow::Block { limit: None })
        .sink("counts", Filter::default(), Counts(Arc::clone(&count)))
        .build()
        .unwrap();
    let log = logger(&pipeline);
    let (logged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    slog::info!(log, "work"; "text" => "whatever");
                    logged.fetch_add(1, Ordering::Release);
                }
            });
        }
        for _ in 0..20 {
            let before = logged.load(Ordering::Acquire);
            let report = pipeline.flush(PATIENCE);
            // Not after the assertions: a test that fails must not hang.
            let stops = !report.is_ok() || report.sinks[0].written < before;
            stop.store(stops, Ordering::Relaxed);
            assert!(report.is_ok(), "{report:?}");
            let sink = &report.sinks[0];
            assert!(sink.written >= before, "{} of {before}", sink.written);
            assert_eq!((sink.failed, sink.durability), (0, Durability::Synced));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let report = pipeline.flush(PATIENCE);
    let all = logged.load(Ordering::Relaxed);
    assert_eq!((report.sinks[0].written, report.sinks[0].pending), (all, 0));
    assert_eq!(count.load(Ordering::Relaxed), all);
}

#[test]
fn several_may_flush_at_once() {
    let sink = MemorySink::new();
    let handle = sink.handle();
    let builder = Pipeline::builder().memory(Memory::Anonymous);
    let pipeline = builder.sink("memory", Filter::default(), sink).build().unwrap();
    let log = logger(&pipeline);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (log, handle, pipeline) = (&log, &handle, &pipeline);
            scope.spawn(move || {
                let drain = pipeline.drain();
                for n in 0..20 {
                    let mine = format!("{thread}: {n}");
                    slog::info!(log, "{}", mine);
                    if n % 2 == 0 {
                        assert!(pipeline.flush(PATIENCE).is_ok());
                    } else {
                        drain.flush().unwrap();
                    }
                    assert!(handle.messages().contains(&mine));
                }
            });
        }
    });
}

#[test]
fn a_sink_that_flushes_its_pipeline_does_not_wait_for_itself() {
    struct Flushes(Arc<OnceLock<PipelineDrain>>, Arc<AtomicU64>);
    impl Sink for Flushes {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            if let Some(drain) = self.0.get() {
                let refused = drain.flush().is_err();
                self.1.fetch_add(u64::from(refused) * batch.len() as u64, Ordering::Relaxed);
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
    for blocking in [false, true] {
        let (drain, refused) = (Arc::default(), Arc::new(AtomicU64::new(0)));
        let sink = Flushes(Arc::clone(&drain), Arc::clone(&refused));
        let builder = Pipeline::builder().memory(Memory::Anonymous);
        let builder = if blocking {
            builder.blocking_sink("flushes", Filter::default(), sink)
        } else {
            builder.sink("flushes", Filter::default(), sink)
        };
        let pipeline = builder.build().unwrap();
        drain.set(pipeline.drain()).unwrap();
        slog::info!(logger(&pipeline), "work");
        // Would take five seconds each, and fail, if it waited.
        assert!(pipeline.flush(Duration::from_secs(4)).is_ok());
        assert_eq!(refused.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn sinks_that_fail_are_told_by_the_flush() {
    struct Fails;
    impl Sink for Fails {
        fn write(&mut self, _: &[Record<'_>]) -> Result<(), BatchError> {
            Err(BatchError::none_delivered(Error::state("disk full")))
        }
        fn flush(&mut self) -> Result<(), Error> {
            Err(Error::state("still full"))
        }
        fn durability(&self) -> Durability {
            Durability::Synced
        }
    }
    for blocking in [false, true] {
        let builder = Pipeline::builder().memory(Memory::Anonymous);
        let builder = if blocking {
            builder.blocking_sink("fails", Filter::default(), Fails)
        } else {
            builder.sink("fails", Filter::default(), Fails)
        };
        let pipeline = builder.build().unwrap();
        let log = logger(&pipeline);
        (0..100).for_each(|n| slog::info!(log, "work"; "n" => n));
        let report = pipeline.flush(PATIENCE);
        assert!(report.complete && !report.is_ok());
        let sink = &report.sinks[0];
        assert_eq!((sink.written, sink.pending, sink.failed), (0, 0, 100));
        assert_eq!(sink.error.as_deref(), Some("still full"));
        assert!(sink.durability < Durability::Synced);
        assert!(pipeline.drain().flush().is_err());
    }
}

#[test]
fn after_the_end_calls_write_themselves() {
    let sink = MemorySink::new();
    let handle = sink.handle();
    let builder = Pipeline::builder().memory(Memory::Anonymous);
    let pipeline = builder.sink("memory", Filter::default(), sink).build().unwrap();
    let (log, drain) = (logger(&pipeline), pipeline.drain());
    slog::info!(log, "before");
    assert_eq!(pipeline.health().worker, WorkerState::Thread);
    drop(pipeline);
    assert_eq!(handle.messages(), ["before"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| slog::info!(log, "after")));
        }
    });
    // A call may leave its record to another one that writes already: they are all there at rest.
    drain.flush().unwrap();
    assert_eq!(handle.len(), 401);
}

#[test]
fn exits_from_anywhere_end_the_process() {
    let check = |scene: &str, code: i32, who: &str, count: u64| {
        let (_dir, place) = place();
        let status = place.play(&format!("flushing {scene}"));
        assert_eq!((status.code(), killed_by(status)), (Some(code), None), "{scene}");
        let found = Found::read(&place.lines());
        found.assert_all("main", 500);
        found.assert_all(who, count);
    };
    check("exit in a sink", 7, "main", 500);
    check("log in exit hooks", 0, "hook", 1);
    let (_dir, place) = place();
    assert!(place.play("flushing exit while others log").success());
    drop(place.start());
    let found = Found::read(&place.lines());
    for (who, numbers) in &found.numbers {
        found.assert_all(who, numbers.len() as u64);
    }
    assert_eq!(found.numbers["main"].len(), 500);
    assert!(place.queues().is_empty(), "{:?}", place.queues());
}
