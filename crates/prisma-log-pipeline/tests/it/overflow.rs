//! A queue that is full: every policy keeps its promise, and what is reported is what is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log_core::{BatchError, DropReason, Durability, Error, Filter, Record, Sink};
use prisma_log_pipeline::{Memory, Overflow, Pipeline};
use slog::{Logger, o};

use crate::support::PATIENCE;

const THREADS: u64 = 2;
const RECORDS: u64 = 900;
/// So large that a few hundred records fill the queue.
const TEXT: usize = 1_500;

/// What a slow sink was given, in its order: thread, number and level, or the notices' fields.
#[derive(Default)]
struct Taken {
    records: Vec<(u64, u64, slog::Level)>,
    notices: Vec<BTreeMap<String, String>>,
}

/// Takes a millisecond for each record.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Taken>>);

impl Sink for Slow {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            std::thread::sleep(Duration::from_millis(1));
            let field = |key: &str| record.fields.get(key).unwrap().to_string().parse().unwrap();
            let mut taken = self.0.lock().unwrap();
            if record.message == "records dropped" {
                let fields = record.fields.iter().map(|(k, v)| (k.to_owned(), v.to_string()));
                taken.notices.push(fields.collect());
            } else {
                taken.records.push((field("thread"), field("n"), record.level.into()));
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

/// Logs more than there is room for; every 100th record is a warning.
fn flood(overflow: Overflow) -> (Taken, Pipeline) {
    let sink = Slow::default();
    let pipeline = Pipeline::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(1 << 20)
        .max_record_bytes(4096)
        .overflow(overflow)
        .sink("slow", Filter::default(), sink.clone())
        .build()
        .unwrap();
    let text = "x".repeat(TEXT);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
            let text = &*text;
            scope.spawn(move || {
                for n in 0..RECORDS {
                    if n % 100 == 99 {
                        slog::warn!(log, "urgent"; "thread" => thread, "n" => n, "text" => text);
                    } else {
                        slog::info!(log, "work"; "thread" => thread, "n" => n, "text" => text);
                    }
                }
            });
        }
    });
    assert!(pipeline.flush(PATIENCE).is_ok());
    // Drops are told when they are flushed; the notices themselves with the next flush at the latest.
    assert!(pipeline.flush(PATIENCE).is_ok());
    let taken = std::mem::take(&mut *sink.0.lock().unwrap());
    check_accounts(&taken, &pipeline);
    (taken, pipeline)
}

/// What is reported is what is lost, at every place that reports it.
fn check_accounts(taken: &Taken, pipeline: &Pipeline) {
    let health = pipeline.health();
    let lost = THREADS * RECORDS - taken.records.len() as u64;
    let notices = taken.notices.len() as u64;
    assert_eq!(health.in_flight, 0, "{health:?}");
    assert_eq!(health.submitted, health.processed + health.dropped, "{health:?}");
    assert_eq!((health.submitted, health.dropped), (THREADS * RECORDS + notices, lost));
    let ledger = health.sinks[0].ledger;
    assert_eq!(ledger.submitted(), THREADS * RECORDS + notices);
    assert_eq!(ledger.delivered(), taken.records.len() as u64 + notices);
    assert_eq!(ledger.dropped_by(DropReason::QueueFull), lost);
    assert_eq!(ledger.dropped(), lost);
    let sum = |key: &str| -> u64 {
        let values = taken.notices.iter().filter_map(|notice| notice.get(key));
        values.map(|value| value.parse::<u64>().unwrap()).sum()
    };
    assert_eq!(sum("dropped"), lost);
    let warnings = taken.records.iter().filter(|(.., level)| *level == slog::Level::Warning);
    let lost_warnings = THREADS * RECORDS / 100 - warnings.count() as u64;
    assert_eq!(sum("queue_full.warning.shop"), lost_warnings);
    assert_eq!(sum("queue_full.info.shop"), lost - lost_warnings);
    assert_eq!(lost_warnings, 0, "there was room for them in the reserve");
    for notice in &taken.notices {
        let number = |key: &str| notice[key].parse::<u64>().unwrap();
        let (first, last) = (number("first_seq"), number("last_seq"));
        assert!(0 < first && first <= last && last <= health.submitted, "{notice:?}");
        assert!(last - first + 1 >= number("dropped"), "{notice:?}");
    }
    let mut unique = taken.records.iter().map(|(t, n, _)| (t, n)).collect::<Vec<_>>();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), taken.records.len(), "none twice");
    assert!(health.queue_high_water <= health.queue_capacity);
}

/// The numbers of one thread's INFO records, in the order in which they came.
fn infos(taken: &Taken, thread: u64) -> Vec<u64> {
    let records = taken.records.iter();
    let of_it = records.filter(|(t, _, level)| *t == thread && *level == slog::Level::Info);
    of_it.map(|(_, n, _)| *n).collect()
}

#[test]
fn the_newest_are_dropped() {
    let (taken, pipeline) = flood(Overflow::DropNewest);
    assert!(pipeline.health().dropped > RECORDS / 2, "{}", pipeline.health().dropped);
    let kept: Vec<_> = (0..THREADS).map(|thread| infos(&taken, thread)).collect();
    assert!(kept.iter().all(|infos| infos.is_sorted()));
    // Whoever logged first is there with what it logged first.
    assert!(kept.iter().any(|infos| infos.iter().copied().take(50).eq(0..50)));
}

#[test]
fn the_oldest_are_dropped() {
    let (taken, pipeline) = flood(Overflow::DropOldest);
    assert!(pipeline.health().dropped > RECORDS / 2, "{}", pipeline.health().dropped);
    for thread in 0..THREADS {
        assert!(infos(&taken, thread).is_sorted());
    }
    // Whoever logged last is there with what it logged last.
    let kept = (0..THREADS).map(|thread| infos(&taken, thread));
    assert!(kept.into_iter().any(|infos| infos.ends_with(&[RECORDS - 3, RECORDS - 2])));
}

#[test]
fn whoever_waits_loses_nothing() {
    let (taken, pipeline) = flood(Overflow::Block { limit: None });
    assert_eq!((pipeline.health().dropped, taken.notices.len()), (0, 0));
    assert_eq!(taken.records.len() as u64, THREADS * RECORDS);
}

#[test]
fn whoever_waits_in_vain_drops() {
    let (taken, pipeline) = flood(Overflow::Block { limit: Some(Duration::from_millis(5)) });
    assert!(pipeline.health().dropped > 0);
    assert!(!taken.notices.is_empty());
}

#[test]
fn what_is_spilled_is_not_lost_and_its_file_goes() {
    let dir = tempfile::tempdir().unwrap();
    let spill = Overflow::Spill { dir: dir.path().to_owned(), max_bytes: 64 << 20 };
    let (taken, pipeline) = flood(spill);
    assert_eq!((pipeline.health().dropped, taken.notices.len()), (0, 0));
    assert_eq!(taken.records.len() as u64, THREADS * RECORDS);
    assert!(pipeline.health().queue_high_water > 1 << 20, "it did spill");
    assert_eq!(files(dir.path()), 1);
    drop(pipeline);
    assert_eq!(files(dir.path()), 0);
}

/// How many files lie below a folder.
fn files(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn a_spill_file_that_is_full_too_waits_and_drops() {
    let dir = tempfile::tempdir().unwrap();
    let spill = Overflow::Spill { dir: dir.path().to_owned(), max_bytes: 256 << 10 };
    let (taken, pipeline) = flood(spill);
    let health = pipeline.health();
    assert_eq!(taken.records.len() as u64 + health.dropped, THREADS * RECORDS);
}

#[test]
fn settings_out_of_range_are_refused() {
    let check = |builder: prisma_log_pipeline::PipelineBuilder, told: &str| {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    };
    let builder = || Pipeline::builder().memory(Memory::Anonymous);
    check(builder().queue_bytes(1000), "queue_bytes is 1000");
    check(builder().max_record_bytes(2 << 20), "max_record_bytes is 2097152");
    check(builder().queue_bytes(1 << 20).max_record_bytes(1 << 20), "for records of up to");
    check(builder().latency(Duration::ZERO), "latency is 0ns");
    let spill = Overflow::Spill { dir: "/tmp".into(), max_bytes: 1 };
    check(builder().overflow(spill), "max_bytes to spill is 1");
    let twice = builder().sink("a", Filter::default(), Slow::default());
    check(twice.sink("a", Filter::default(), Slow::default()), "two sinks are called `a`");
    check(builder().sink("", Filter::default(), Slow::default()), "expected 1 to 84 bytes");
    let missing = Pipeline::builder().memory(Memory::Dir("/no/such/folder".into()));
    check(missing, "/no/such/folder");
}
