//! Forks: each process has its own queue and worker, nothing hangs, nothing is lost or double.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prisma_log_context::Context;
use prisma_log_core::Filter;
use prisma_log_pipeline::PipelineDrain;
use prisma_log_testkit::{Fault, FaultySink};
use slog::Logger;

use crate::support::{Found, Place, die, here, kill, killed_by, logger, place};

const FORKS: u64 = 50;
const RECORDS: u64 = 20;

/// Runs `f` in a forked child, which a watchdog ends if it hangs; its process.
pub(crate) fn fork(f: impl FnOnce()) -> i32 {
    // SAFETY: the child does what a test of forks has to, and never returns from here.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // SAFETY: takes a number.
        unsafe { libc::alarm(30) };
        f();
        // SAFETY: takes a number.
        unsafe { libc::_exit(0) };
    }
    child
}

/// Its wait status must be that of a good end.
pub(crate) fn reap(child: i32) {
    let mut status = 0;
    // SAFETY: there is room for one status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "a child hung or failed: wait status {status:#x}");
}

pub(crate) fn exit() -> ! {
    // SAFETY: runs the hooks of a process that has one thread.
    unsafe { libc::exit(0) }
}

fn log_some(log: &Logger<PipelineDrain>, who: &str) {
    for n in 0..RECORDS {
        slog::info!(log, "work"; "who" => who, "n" => n);
    }
}

pub(crate) fn scene(which: &str) {
    let place = here();
    match which {
        "under load" => under_load(&place),
        "with a sink of its own thread" | "with a sink in trouble" => {
            let builder = place.builder();
            let builder = if which == "with a sink in trouble" {
                let fault = Fault::RetryAfter(3, Duration::from_millis(1));
                let faults = [fault, fault, Fault::None].into_iter().cycle();
                let sink = FaultySink::new(place.sink()).schedule(faults);
                builder.sink("lines", Filter::default(), sink)
            } else {
                builder.blocking_sink("lines", Filter::default(), place.sink())
            };
            let pipeline = builder.build().unwrap();
            let log = logger(&pipeline);
            for round in 0..20 {
                log_some(&log, &format!("before-{round}"));
                reap(fork(|| {
                    log_some(&log, &format!("child-{round}"));
                    exit();
                }));
            }
        }
        "silent child" => {
            let pipeline = place.builder().sink("lines", Filter::default(), place.sink().hanging());
            let pipeline = pipeline.build().unwrap();
            log_some(&logger(&pipeline), "parent");
            fork(|| {
                place.make_file("child", &std::process::id().to_string());
                std::thread::sleep(Duration::from_secs(25));
            });
            place.await_file("child");
            die();
        }
        "changes" => changes(&place),
        "ids" => ids(&place),
        _ => panic!("no scene {which:?}"),
    }
}

fn under_load(place: &Place) {
    let pipeline = place.start();
    let log = logger(&pipeline);
    let stop = AtomicBool::new(false);
    let mut counts = [0; 4];
    std::thread::scope(|scope| {
        for (thread, count) in counts.iter_mut().enumerate() {
            let (log, stop) = (&log, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    slog::info!(log, "work"; "who" => format!("parent-{thread}"), "n" => *count);
                    *count += 1;
                    if *count % 64 == 0 {
                        std::thread::sleep(Duration::from_micros(500));
                    }
                }
            });
        }
        for round in 0..FORKS {
            let child = fork(|| match round % 4 {
                0 => {
                    log_some(&log, &format!("child-{round}"));
                    exit();
                }
                // Its queue stays behind.
                1 => log_some(&log, &format!("child-{round}")),
                // Never logs.
                2 => exit(),
                _ => {
                    reap(fork(|| {
                        log_some(&log, &format!("grandchild-{round}"));
                        exit();
                    }));
                    log_some(&log, &format!("child-{round}"));
                    reap(fork(|| {
                        log_some(&log, &format!("second-{round}"));
                        exit();
                    }));
                    assert!(pipeline.flush(Duration::from_secs(20)).is_ok());
                }
            });
            reap(child);
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(pipeline);
    place.make_file("counts", &counts.map(|count| count.to_string()).join(" "));
}

/// Draws trace ids before, in and after forks; whoever draws writes them to a file of its own.
fn ids(place: &Place) {
    let draw = |who: &str| {
        let ids = (0..50).map(|_| Context::new().trace_id().unwrap().to_string());
        place.make_file(who, &ids.collect::<Vec<_>>().join("\n"));
    };
    // Before anybody tells of forks, too.
    draw("ids-early");
    let _pipeline = place.start();
    draw("ids-before");
    for round in 0..5 {
        reap(fork(|| {
            draw(&format!("ids-child-{round}"));
            reap(fork(|| draw(&format!("ids-grandchild-{round}"))));
        }));
        draw(&format!("ids-parent-{round}"));
    }
}

/// Levels are changed and drops counted all the time: no lock of theirs may be stuck in a child.
fn changes(place: &Place) {
    let pipeline = place.start();
    let log = logger(&pipeline);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                pipeline.set_filter("debug,other=info".parse().unwrap());
                let _name = pipeline.drain().named("new");
                let _health = pipeline.health();
            }
        });
        for round in 0..100 {
            reap(fork(|| {
                pipeline.set_filter("debug,other=warning".parse().unwrap());
                log_some(&Logger::root_typed(pipeline.drain().named("mine"), slog::o!()), "x");
                slog::info!(log, "work"; "who" => format!("child-{round}"), "n" => 0);
                let _health = pipeline.health();
                exit();
            }));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn children_log_and_end_under_load() {
    let (_dir, place) = place();
    let status = place.play("forking under load");
    assert!(status.success(), "{status}");
    drop(place.start());
    let found = Found::read(&place.lines());
    for round in (0..FORKS).filter(|round| round % 4 != 2) {
        found.assert_all(&format!("child-{round}"), RECORDS);
    }
    for round in (3..FORKS).step_by(4) {
        found.assert_all(&format!("grandchild-{round}"), RECORDS);
        found.assert_all(&format!("second-{round}"), RECORDS);
    }
    let counts = std::fs::read_to_string(place.0.join("counts")).unwrap();
    for (thread, count) in counts.split(' ').enumerate() {
        found.assert_all(&format!("parent-{thread}"), count.parse().unwrap());
    }
    assert!(place.queues().is_empty(), "{:?}", place.queues());
}

#[test]
fn a_child_has_its_sinks_own_threads_anew() {
    for which in ["with a sink of its own thread", "with a sink in trouble"] {
        let (_dir, place) = place();
        let status = place.play(&format!("forking {which}"));
        assert!(status.success(), "{which}: {status}");
        drop(place.start());
        let found = Found::read(&place.lines());
        for round in 0..20 {
            found.assert_all(&format!("before-{round}"), RECORDS);
            found.assert_all(&format!("child-{round}"), RECORDS);
        }
    }
}

#[test]
fn a_child_that_lives_does_not_keep_its_dead_parents_queue() {
    let (_dir, place) = place();
    let status = place.play("forking silent child");
    assert_eq!(killed_by(status), Some(libc::SIGKILL));
    let pipeline = place.start();
    assert_eq!((pipeline.recovery().segments, pipeline.recovery().records), (1, RECORDS));
    let child: u32 = std::fs::read_to_string(place.0.join("child")).unwrap().parse().unwrap();
    // SAFETY: takes numbers; signal 0 only asks.
    assert_eq!(unsafe { libc::kill(child as i32, 0) }, 0, "it lived all the time");
    kill(child);
    Found::read(&place.lines()).assert_all("parent", RECORDS);
}

#[test]
fn no_child_repeats_its_parents_ids() {
    let (_dir, place) = place();
    assert!(place.play("forking ids").success());
    let files = std::fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().path());
    let files =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("ids-"));
    let mut ids = Vec::new();
    for file in files {
        ids.extend(std::fs::read_to_string(file).unwrap().lines().map(str::to_owned));
    }
    assert_eq!(ids.len(), 50 * 17);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50 * 17, "ids were drawn twice");
}

#[test]
fn levels_and_health_are_usable_in_every_child() {
    let (_dir, place) = place();
    let status = place.play("forking changes");
    assert!(status.success(), "{status}");
    let found = Found::read(&place.lines());
    for round in 0..100 {
        found.assert_all(&format!("child-{round}"), 1);
    }
}
