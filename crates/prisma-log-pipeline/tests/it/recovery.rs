//! What one process leaves behind, the next one writes: once, and marked.

use std::sync::atomic::Ordering;

use prisma_log_core::{Filter, Level};
use prisma_log_pipeline::Pipeline;
use prisma_log_testkit::MemorySink;

use crate::support::{
    Found, Lines, MAY_DIE, Place, die, here, kill, killed_by, logger, place, wait,
};

const RECORDS: u64 = 2_000;
/// Of a small queue.
pub(crate) const SMALL: u64 = 300;

fn log_all(place: &Place, sink: Lines) -> Pipeline {
    let pipeline = place.builder().sink("lines", Filter::default(), sink).build().unwrap();
    log_as(&pipeline, "main", RECORDS);
    pipeline
}

fn log_as(pipeline: &Pipeline, who: &str, records: u64) {
    let log = logger(pipeline);
    for n in 0..records {
        slog::info!(log, "work {}", n; "who" => who, "n" => n);
    }
}

pub(crate) fn scene(which: &str) {
    let place = here();
    match which {
        "return" => drop(log_all(&place, place.sink())),
        "forgotten guard" => std::mem::forget(log_all(&place, place.sink())),
        "exit" => {
            let _pipeline = log_all(&place, place.sink());
            std::process::exit(0);
        }
        "_exit" => {
            let _pipeline = log_all(&place, place.sink());
            // SAFETY: takes a number.
            unsafe { libc::_exit(0) };
        }
        "panic" => {
            let _pipeline = log_all(&place, place.sink());
            panic!("unhandled");
        }
        "abort" => {
            let _pipeline = log_all(&place, place.sink());
            std::process::abort();
        }
        "segv" => {
            let _pipeline = log_all(&place, place.sink());
            // SAFETY: none; it is the fault that is wanted.
            let _never = unsafe { std::ptr::without_provenance::<u8>(8).read_volatile() };
        }
        "kill" => {
            let _pipeline = log_all(&place, place.sink());
            die();
        }
        "kill in a batch" => {
            let _pipeline = log_all(&place, place.sink().dying_after(700));
            MAY_DIE.store(true, Ordering::Release);
            std::thread::sleep(crate::support::PATIENCE);
        }
        "hang" => {
            let _pipeline = log_all(&place, place.sink().hanging());
            die();
        }
        "hang small" => {
            let builder = place.builder().queue_bytes(1 << 20).max_record_bytes(4096);
            let sink = place.sink().hanging();
            let pipeline = builder.sink("lines", Filter::default(), sink).build().unwrap();
            log_as(&pipeline, "main", SMALL);
            die();
        }
        "hang and live" => {
            let _pipeline = log_all(&place, place.sink().hanging());
            place.make_file("alive", "");
            std::thread::sleep(crate::support::PATIENCE);
        }
        "recovery" => drop(place.start()),
        "recovery killed" => {
            MAY_DIE.store(true, Ordering::Release);
            let sink = place.sink().dying_after(700);
            drop(place.builder().sink("lines", Filter::default(), sink).build());
        }
        "emergency" => {
            let pipeline = log_all(&place, place.sink().hanging());
            // The worker hangs in its sink by now, or will before it looks at the slots again.
            std::thread::sleep(std::time::Duration::from_millis(50));
            let emergency = pipeline.drain().emergency();
            assert!(emergency.log(Level::Critical, "caught signal 11"));
            assert!(emergency.log(Level::Warning, &"x".repeat(1000)));
            die();
        }
        who => {
            let builder = place.builder().recover(false);
            let sink = place.sink().hanging();
            let pipeline = builder.sink("lines", Filter::default(), sink).build().unwrap();
            log_as(&pipeline, who, RECORDS);
            die();
        }
    }
}

#[test]
fn whatever_ends_the_process_nothing_is_lost_or_written_twice() {
    let check = |scene: &str, signal: Option<i32>, writes_itself: bool| {
        let (_dir, place) = place();
        let status = place.play(&format!("recovery {scene}"));
        assert_eq!(killed_by(status), signal, "{scene}: {status}");
        if writes_itself {
            let found = Found::read(&place.lines());
            found.assert_all("main", RECORDS);
            assert_eq!(found.recovered, 0, "{scene}");
            assert!(place.queues().is_empty(), "{scene}: {:?}", place.queues());
        }
        let pipeline = place.start();
        let report = pipeline.recovery().clone();
        let found = Found::read(&place.lines());
        found.assert_all("main", RECORDS);
        assert_eq!(found.recovered, report.records, "{scene}: {report:?}");
        assert_eq!(report.segments, u64::from(!writes_itself), "{scene}");
        assert_eq!((report.damaged_bytes, report.failed), (0, 0), "{scene}: {report:?}");
        assert!(pipeline.health().sinks[0].ledger.in_flight() == 0);
        drop(pipeline);
        assert!(place.queues().is_empty(), "{scene}: {:?}", place.queues());
    };
    check("return", None, true);
    check("forgotten guard", None, true);
    check("exit", None, true);
    check("panic", None, true);
    check("_exit", None, false);
    check("abort", Some(libc::SIGABRT), false);
    check("segv", Some(libc::SIGSEGV), false);
    check("kill", Some(libc::SIGKILL), false);
    check("kill in a batch", Some(libc::SIGKILL), false);
    check("hang", Some(libc::SIGKILL), false);
}

#[test]
fn a_recovery_that_is_killed_goes_on_where_it_was() {
    let (_dir, place) = place();
    assert_eq!(killed_by(place.play("recovery hang")), Some(libc::SIGKILL));
    for _ in 0..2 {
        assert_eq!(killed_by(place.play("recovery recovery killed")), Some(libc::SIGKILL));
    }
    let pipeline = place.start();
    let found = Found::read(&place.lines());
    found.assert_all("main", RECORDS);
    assert_eq!(found.recovered, RECORDS);
    let report = pipeline.recovery();
    assert_eq!(report.segments, 1);
    assert!(report.already_written > 0 && report.records > 0, "{report:?}");
}

#[test]
fn of_two_starts_at_once_one_recovers_each_queue() {
    let (_dir, place) = place();
    for who in ["a", "b", "c"] {
        assert_eq!(killed_by(place.play(&format!("recovery {who}"))), Some(libc::SIGKILL));
    }
    let mut starts: Vec<_> = (0..4).map(|_| place.spawn("recovery recovery")).collect();
    for start in &mut starts {
        assert!(wait(start, "start").success());
    }
    let found = Found::read(&place.lines());
    for who in ["a", "b", "c"] {
        found.assert_all(who, RECORDS);
    }
    assert!(place.queues().is_empty(), "{:?}", place.queues());
}

#[test]
fn the_queue_of_a_process_that_lives_is_left_alone() {
    let (_dir, place) = place();
    let mut child = place.spawn("recovery hang and live");
    place.await_file("alive");
    let pipeline = place.start();
    assert_eq!(pipeline.recovery().segments, 0);
    drop(pipeline);
    assert_eq!(place.queues().len(), 1);
    kill(child.id());
    wait(&mut child, "hang and live");
    let pipeline = place.start();
    assert_eq!((pipeline.recovery().segments, pipeline.recovery().records), (1, RECORDS));
    Found::read(&place.lines()).assert_all("main", RECORDS);
}

#[test]
fn sinks_may_be_renamed_and_added_in_between() {
    let check = |names: &[&str], expect: &[u64]| {
        let (_dir, place) = place();
        assert_eq!(killed_by(place.play("recovery hang")), Some(libc::SIGKILL));
        let mut builder = place.builder();
        let mut handles = Vec::new();
        for name in names {
            let sink = MemorySink::new();
            handles.push(sink.handle());
            builder = builder.sink(*name, Filter::default(), sink);
        }
        let pipeline = builder.build().unwrap();
        let found: Vec<u64> = handles.iter().map(|handle| handle.len() as u64).collect();
        assert_eq!(found, expect, "{names:?}");
        assert!(handles.iter().flat_map(|handle| handle.records()).all(|record| record.recovered));
        drop(pipeline);
        assert!(place.queues().is_empty(), "{:?}", place.queues());
    };
    check(&["lines"], &[RECORDS]);
    check(&["renamed"], &[RECORDS]);
    check(&["added", "lines"], &[0, RECORDS]);
    check(&["one", "other"], &[RECORDS, RECORDS]);
}

#[test]
fn sinks_that_want_less_get_less_and_recovery_may_be_off() {
    let (_dir, place) = place();
    assert_eq!(killed_by(place.play("recovery hang")), Some(libc::SIGKILL));
    let off = place.builder().recover(false).sink("lines", Filter::default(), place.sink());
    let off = off.build().unwrap();
    assert_eq!(off.recovery().segments, 0);
    drop(off);
    assert_eq!(place.queues().len(), 1);
    let sink = MemorySink::new();
    let handle = sink.handle();
    let less = place.builder().sink("lines", Filter::at_least(Level::Warning), sink).build();
    assert_eq!(less.unwrap().recovery().records, 0);
    assert!(handle.is_empty());
    assert!(place.queues().is_empty(), "{:?}", place.queues());
}

#[test]
fn what_signal_handlers_wrote_is_recovered() {
    let (_dir, place) = place();
    assert_eq!(killed_by(place.play("recovery emergency")), Some(libc::SIGKILL));
    let sink = MemorySink::new();
    let handle = sink.handle();
    let pipeline = place.builder().sink("lines", Filter::default(), sink).build().unwrap();
    let texts: Vec<(Level, String)> = handle
        .records()
        .into_iter()
        .filter(|record| record.logger == "emergency")
        .map(|record| {
            assert!(record.recovered);
            (record.level, record.message)
        })
        .collect();
    let expect = [(Level::Critical, "caught signal 11".into()), (Level::Warning, "x".repeat(480))];
    assert_eq!(texts, expect);
    assert_eq!(pipeline.recovery().records, RECORDS + 2);
}
