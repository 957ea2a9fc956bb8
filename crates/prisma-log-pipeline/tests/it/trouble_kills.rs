//! Processes that end while a sink is in trouble: the next start finds each record, once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use prisma_log_core::{Durability, Filter};
use prisma_log_pipeline::{Overflow, Pipeline, SinkState};
use prisma_log_testkit::{Fault, FaultySink};

use crate::killing::{Oracle, log_until_killed};
use crate::portions::Portions;
use crate::support::{Found, Lines, Place, here, kill, killed_by, logger, place, wait};
use crate::trouble::{SOON, await_that};

const THREADS: usize = 2;
const RECORDS: u64 = 5_000;

/// Takes some records of each batch, and asks for the rest again, in a pattern of its own for each
/// seed; now and then nothing for some time.
fn faults(seed: u64) -> impl Iterator<Item = Fault> + Send {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(match state % 8 {
            0 => Fault::None,
            1 => Fault::RetryAfter(0, Duration::from_millis(5)),
            _ => Fault::RetryAfter((state >> 8) as usize % 300, SOON),
        })
    })
}

fn for_ever(taken: usize) -> impl Iterator<Item = Fault> + Send {
    std::iter::repeat(Fault::RetryAfter(taken, Duration::from_millis(20)))
}

fn troubled(
    place: &Place,
    faults: impl Iterator<Item = Fault> + Send + 'static,
) -> FaultySink<Lines> {
    FaultySink::new(place.sink()).schedule(faults)
}

fn others(place: &Place) -> Lines {
    Lines::open(&place.0.join("others"))
}

pub(crate) fn scene(which: &str) {
    let place = here();
    let (kind, seed) = which.rsplit_once(' ').unwrap_or((which, "0"));
    match kind {
        "kill" => kill_scene(&place, seed.parse().unwrap()),
        "end" => {
            let builder = place.builder().queue_bytes(8 << 20);
            let sink = Portions::new(place.sink(), [(7, SOON)]);
            let pipeline = builder
                .sink("lines", Filter::default(), sink)
                .sink("others", Filter::default(), others(&place))
                .build()
                .unwrap();
            log_all(&pipeline);
            drop(pipeline);
        }
        "stuck" => {
            // Once, for longer than the test lasts; or again and again.
            let (portions, taken): (&[_], _) = match seed {
                "0" => (&[(1 + 7, Duration::from_secs(600)), (usize::MAX, SOON)], 1 + 7),
                _ => (&[(1 + 7, SOON), (11, SOON)], 1 + 7 + 11),
            };
            let sink = Portions::new(place.sink().blind(), portions.iter().copied());
            let pipeline = place
                .builder()
                .sink("others", Filter::default(), others(&place).blind())
                .sink("lines", Filter::default(), sink)
                .build()
                .unwrap();
            slog::info!(logger(&pipeline), "work"; "who" => "first", "n" => 0);
            assert!(pipeline.flush(crate::support::PATIENCE).is_ok());
            // Two threads: what is left is in several chunks.
            std::thread::scope(|scope| {
                scope.spawn(|| log_all(&pipeline));
                let log = logger(&pipeline);
                (0..RECORDS).for_each(|n| slog::info!(log, "work"; "who" => "second", "n" => n));
            });
            await_that("it is stuck", || {
                let sinks = pipeline.health().sinks;
                sinks[0].ledger.delivered() == 1 + 2 * RECORDS
                    && sinks[1].ledger.submitted() == 1 + 2 * RECORDS
                    && sinks[1].ledger.delivered() == taken
            });
            // Whatever it is tried again in the meantime, it takes nothing more.
            std::thread::sleep(Duration::from_millis(50));
            crate::support::die();
        }
        "recover for ever" => {
            let sink =
                FaultySink::new(place.sink().blind()).schedule(for_ever(seed.parse().unwrap()));
            let pipeline = place.builder().sink("lines", Filter::default(), sink);
            let pipeline =
                pipeline.sink("others", Filter::default(), others(&place)).build().unwrap();
            let report = pipeline.recovery();
            let left = report.left.join("\n");
            let state = pipeline.health().sinks[0].state == SinkState::Failing;
            let ledger = pipeline.health().sinks[0].ledger;
            let counts = format!(
                "{} {} {} {} {left}",
                report.records,
                report.kept,
                state,
                ledger.in_flight()
            );
            place.make_file("report", &counts);
            crate::support::die();
        }
        _ => panic!("no scene {which:?}"),
    }
}

fn log_all(pipeline: &Pipeline) {
    let log = logger(pipeline);
    (0..RECORDS).for_each(|n| slog::info!(log, "work"; "who" => "main", "n" => n));
}

fn kill_scene(place: &Place, seed: u64) {
    let oracle = Oracle::open(&place.0.join("oracle"));
    let pipeline = place
        .builder()
        .sink("lines", Filter::default(), troubled(place, faults(seed)))
        .sink("others", Filter::default(), others(place))
        .build()
        .unwrap();
    log_until_killed(&pipeline, &oracle, THREADS, |n| {
        if n % 50 == 49 {
            std::thread::sleep(Duration::from_micros(100));
        }
    });
}

fn start(place: &Place) -> Pipeline {
    let builder = place.builder().sink("lines", Filter::default(), place.sink());
    builder.sink("others", Filter::default(), others(place)).build().unwrap()
}

#[test]
fn a_kill_in_the_middle_of_trouble_loses_nothing_and_repeats_nothing() {
    let rounds = std::env::var("PRISMA_LOG_KILLS").map_or(20, |rounds| rounds.parse().unwrap());
    let mut recovered = 0;
    for round in 0..rounds {
        let (_dir, place) = place();
        let oracle = Oracle::open(&place.0.join("oracle"));
        let mut child = place.spawn(&format!("trouble kill {round}"));
        while oracle.of(0).load(Ordering::Acquire) == 0 {
            assert_eq!(child.try_wait().unwrap(), None);
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(3_000 + round * 7_919 % 60_000));
        kill(child.id());
        wait(&mut child, "killing");
        let pipeline = start(&place);
        for (what, path) in [("lines", place.lines()), ("others", place.0.join("others"))] {
            let found = Found::read(&path);
            for thread in 0..THREADS {
                let acknowledged = oracle.of(thread).load(Ordering::Acquire);
                let numbers = found.numbers.get(&thread.to_string()).map_or(0, Vec::len) as u64;
                found.assert_all(&thread.to_string(), numbers);
                assert!(
                    acknowledged <= numbers && numbers <= acknowledged + 1,
                    "round {round}, {what}: {numbers} of {acknowledged}"
                );
            }
            assert_eq!(found.others, [""; 0]);
        }
        recovered += pipeline.recovery().records;
    }
    assert!(recovered > 0, "no round left anything to recover");
}

#[test]
fn what_a_sink_in_trouble_has_not_taken_at_the_end_the_next_start_writes() {
    let (_dir, place) = place();
    let status = place.play("trouble end");
    assert!(status.success(), "{status}");
    assert_eq!(Found::read(&place.lines()).numbers["main"].len(), 7);
    Found::read(&place.0.join("others")).assert_all("main", RECORDS);
    assert_eq!(place.queues().len(), 1, "it stays");
    let pipeline = start(&place);
    assert_eq!((pipeline.recovery().records, pipeline.recovery().failed), (RECORDS - 7, 0));
    Found::read(&place.lines()).assert_all("main", RECORDS);
    Found::read(&place.0.join("others")).assert_all("main", RECORDS);
    drop(pipeline);
    assert!(place.queues().is_empty(), "{:?}", place.queues());
}

#[test]
fn a_sink_that_can_not_look_back_gets_nothing_twice_either() {
    for (which, taken) in [(0, 7), (1, 7 + 11)] {
        let (_dir, place) = place();
        let status = place.play(&format!("trouble stuck {which}"));
        assert!(killed_by(status).is_some(), "{status}");
        let builder = place.builder().sink("lines", Filter::default(), place.sink().blind());
        let pipeline = builder.sink("others", Filter::default(), others(&place).blind());
        let pipeline = pipeline.build().unwrap();
        for path in [place.lines(), place.0.join("others")] {
            let found = Found::read(&path);
            found.assert_all("first", 1);
            found.assert_all("main", RECORDS);
            found.assert_all("second", RECORDS);
        }
        assert_eq!(pipeline.recovery().records, 2 * RECORDS - taken);
    }
}

/// Leaves a queue with records that neither sink has.
fn leave_all(place: &Place) {
    let status = place.play("recovery hang");
    assert!(killed_by(status).is_some());
}

/// How many those are.
const LEFT: u64 = 2_000;

#[test]
fn a_start_whose_sink_is_in_trouble_leaves_the_rest_to_the_next() {
    for taken in [0, 13] {
        let (_dir, place) = place();
        leave_all(&place);
        let status = place.play(&format!("trouble recover for ever {taken}"));
        assert!(killed_by(status).is_some(), "{status}");
        let report = std::fs::read_to_string(place.0.join("report")).unwrap();
        let mut words = report.splitn(5, ' ');
        let mut number = || words.next().unwrap().to_owned();
        let (records, kept) = (number().parse::<u64>().unwrap(), number().parse::<u64>().unwrap());
        assert_eq!((number(), number()), ("true".into(), "0".into()), "failing, none in flight");
        let left = number();
        assert_eq!(records + kept, LEFT, "{report}");
        assert!(kept > 0 && (records > 0) == (taken > 0), "{report}");
        assert!(
            left.contains(&format!("{kept} records wait for sinks in trouble (lines: ")),
            "{left}"
        );
        assert!(left.contains("told to fail"), "{left}");
        assert_eq!(place.queues().len(), 2, "the old one, and that of the start that was killed");
        let before = Found::read(&place.lines()).numbers.get("main").map_or(0, Vec::len) as u64;
        assert_eq!(before, records);

        let builder = place.builder().sink("lines", Filter::default(), place.sink().blind());
        let pipeline = builder.sink("others", Filter::default(), others(&place)).build().unwrap();
        Found::read(&place.lines()).assert_all("main", LEFT);
        let report = pipeline.recovery();
        assert_eq!((report.records, report.kept, report.left.len()), (kept, 0, 0), "{report:?}");
        drop(pipeline);
        assert!(place.queues().is_empty(), "{:?}", place.queues());
    }
}

#[test]
fn a_start_waits_for_trouble_that_passes() {
    let (_dir, place) = place();
    leave_all(&place);
    let faults = [Fault::RetryAfter(3, Duration::from_millis(30)); 5];
    let sink = troubled(&place, faults.into_iter());
    let pipeline = place.builder().sink("lines", Filter::default(), sink).build().unwrap();
    let report = pipeline.recovery();
    assert_eq!((report.records, report.kept, report.left.len()), (LEFT, 0, 0), "{report:?}");
    Found::read(&place.lines()).assert_all("main", LEFT);
    drop(pipeline);
    assert!(place.queues().is_empty());
}

#[test]
fn what_is_kept_for_one_sink_is_not_written_to_the_others_again() {
    let (_dir, place) = place();
    let status = place.play("trouble end");
    assert!(status.success());
    // In the next start the one is in trouble still, the other has everything.
    let status = place.play("trouble recover for ever 0");
    assert!(killed_by(status).is_some());
    Found::read(&place.0.join("others")).assert_all("main", RECORDS);
    let pipeline = start(&place);
    Found::read(&place.0.join("others")).assert_all("main", RECORDS);
    Found::read(&place.lines()).assert_all("main", RECORDS);
    assert_eq!(pipeline.recovery().kept, 0);
}

#[test]
fn what_one_of_two_heirs_could_not_take_is_kept_for_it() {
    // Both are new: they share what the dead process's sink had not taken.
    let (_dir, place) = place();
    leave_all(&place);
    let (first, second) = (place.0.join("first"), place.0.join("second"));
    let sink = FaultySink::new(Lines::open(&first).blind()).schedule(for_ever(0));
    let builder = place.builder().sink("first", Filter::default(), sink);
    let builder = builder.sink("second", Filter::default(), Lines::open(&second).blind());
    let pipeline = builder.build().unwrap();
    assert_eq!((pipeline.recovery().records, pipeline.recovery().kept), (LEFT, LEFT));
    Found::read(&second).assert_all("main", LEFT);
    drop(pipeline);
    let builder = place.builder().sink("first", Filter::default(), Lines::open(&first));
    let builder = builder.sink("second", Filter::default(), Lines::open(&second));
    let pipeline = builder.build().unwrap();
    Found::read(&first).assert_all("main", LEFT);
    drop(pipeline);
    assert!(place.queues().is_empty());
}

#[test]
fn a_replay_by_hand_says_what_was_not_taken() {
    let (_dir, place) = place();
    leave_all(&place);
    let queue = prisma_log_pipeline::QueueFile::find(&place.0).unwrap().remove(0);
    let taken = queue.take().unwrap();
    let mut sink = troubled(&place, for_ever(1));
    let sinks = &mut [prisma_log_pipeline::ReplaySink::named("lines", &mut sink)];
    let error = taken.replay(sinks).unwrap_err().to_string();
    assert!(error.contains("records were not taken: this sink was told to fail"), "{error}");
    drop(taken);
    assert_eq!(place.queues().len(), 1);
}

#[test]
fn a_pipeline_that_is_dropped_in_trouble_leaves_its_queue_at_once() {
    // Within one process: nothing of the first pipeline keeps the queue locked.
    let (_dir, place) = place();
    let builder = place.builder().overflow(Overflow::DropNewest);
    let pipeline = builder.sink("lines", Filter::default(), troubled(&place, for_ever(0)));
    let pipeline = pipeline.build().unwrap();
    log_all(&pipeline);
    await_that("it is in trouble", || pipeline.health().sinks[0].state == SinkState::Failing);
    let report = pipeline.flush(Duration::from_millis(100));
    assert_eq!(report.sinks[0].durability, Durability::CrashRing, "safe in the queue");
    drop(pipeline);
    let pipeline = place.start();
    assert_eq!(pipeline.recovery().records, RECORDS);
    Found::read(&place.lines()).assert_all("main", RECORDS);
}
