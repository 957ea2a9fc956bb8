//! What begins a new file: start, calendar, operator.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{
    Clock as _, Level, ManualClock, Record, Sink as _, SinkCommand, SinkDrain, SystemClock,
    Timestamp,
};
use prisma_log_file::{Every, FileSinkBuilder, Retention, Rotation};
use tempfile::TempDir;

use crate::support::{files, line, lines, parse, quiet, write};

const HOUR: Duration = Duration::from_secs(3600);

/// How many lines each file holds, oldest first.
fn counts(folder: &Path) -> Vec<usize> {
    files(folder).iter().map(|path| lines(&[path]).len()).collect()
}

/// A builder with a rotation by the calendar, and the clock that it goes by.
fn timed(path: &Path, every: Every) -> (FileSinkBuilder, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let builder = quiet(path).rotation(Rotation::new().every(every)).clock(Arc::clone(&clock));
    (builder, clock)
}

#[test]
fn on_start_a_file_that_holds_records_is_rotated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let open = || quiet(&path).rotation(Rotation::new().on_start(true)).build().unwrap();
    for _ in 0..3 {
        write(&mut open(), &["one", "two"]).unwrap();
    }
    assert_eq!(counts(folder.path()), [2, 2, 2]);
    // An empty file is not, however often.
    drop(open());
    drop(open());
    assert_eq!(counts(folder.path()), [2, 2, 2, 0]);
    assert!(path.exists());
    // Five archives are kept where nothing else is said.
    for _ in 0..6 {
        write(&mut open(), &["one", "two"]).unwrap();
    }
    assert_eq!(counts(folder.path()).len(), 6);
}

#[test]
fn by_the_calendar_before_a_record_and_while_idle() {
    for (every, period) in [
        (Every::Hour, HOUR),
        (Every::Day, 24 * HOUR),
        (Every::Cron("0 * * * *".parse().unwrap()), HOUR),
    ] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("app.log");
        let (builder, clock) = timed(&path, every.clone());
        let mut sink = builder.build().unwrap();
        assert_eq!(sink.due(), None, "an empty file is not rotated");
        write(&mut sink, &["one", "two"]).unwrap();
        assert!(sink.due().is_some());
        sink.maintain().unwrap();
        assert_eq!(counts(folder.path()), [2], "{every:?}");

        clock.advance(period);
        write(&mut sink, &["three"]).unwrap();
        assert_eq!(counts(folder.path()), [2, 1], "{every:?}");
        write(&mut sink, &["four"]).unwrap();
        clock.advance(period);
        assert!(sink.due().unwrap() <= std::time::Instant::now());
        sink.maintain().unwrap();
        // The new file is there at once.
        assert_eq!(counts(folder.path()), [2, 2, 0], "{every:?}");
        assert_eq!(sink.due(), None);
        clock.advance(10 * period);
        sink.maintain().unwrap();
        write(&mut sink, &["five"]).unwrap();
        sink.maintain().unwrap();
        assert_eq!(counts(folder.path()), [2, 2, 1], "{every:?}");
    }
}

#[test]
fn a_file_of_yesterday_is_rotated_by_the_first_record_of_today() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let check = |age: Duration, expect: &[usize]| {
        fs::write(&path, "old\n").unwrap();
        let modified = SystemClock.now().saturating_sub(age);
        File::options().write(true).open(&path).unwrap().set_modified(modified.into()).unwrap();
        let (builder, _) = timed(&path, Every::Day);
        write(&mut builder.build().unwrap(), &["new"]).unwrap();
        assert_eq!(counts(folder.path()), expect, "{age:?}");
        files(folder.path()).iter().for_each(|path| fs::remove_file(path).unwrap());
    };
    check(24 * HOUR, &[1, 1]);
    check(Duration::from_secs(0), &[2]);
}

#[test]
fn a_clock_that_is_put_back_begins_the_time_anew() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let (builder, clock) = timed(&path, Every::Day);
    let mut sink = builder.build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    clock.set(clock.now().saturating_sub(1000 * HOUR));
    write(&mut sink, &["two"]).unwrap();
    assert_eq!(counts(folder.path()), [2]);
    clock.advance(24 * HOUR);
    write(&mut sink, &["three"]).unwrap();
    assert_eq!(counts(folder.path()), [2, 1], "a day by the new clock");
    for moment in [i64::MIN, i64::MAX, 0] {
        clock.set(Timestamp::from_unix_nanos(moment));
        write(&mut sink, &["four"]).unwrap();
        sink.maintain().unwrap();
    }
    let all: usize = counts(folder.path()).iter().sum();
    assert_eq!(all, 6);
}

#[test]
fn both_size_and_calendar_and_all_names_in_order() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let rotation = Rotation::new().every(Every::Hour).max_bytes(2000);
    let builder = quiet(&path).rotation(rotation).retention(Retention::new().archives(1000));
    let mut sink = builder.clock(Arc::clone(&clock)).build().unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    for number in 0..400 {
        write(&mut sink, &[line(0, number, random.usize(..1000))]).unwrap();
        match random.usize(..10) {
            0 => clock.advance(HOUR),
            1 => clock.set(clock.now().saturating_sub(30 * HOUR)),
            _ => {}
        }
    }
    let found = files(folder.path());
    assert!(found.len() > 100, "{}", found.len());
    // Hundreds in the same second: each has a name of its own, and their order is that of time.
    let numbers = lines(&found).into_iter().map(|line| parse(&line).unwrap().1);
    assert!(numbers.eq(0..400));
}

#[test]
fn on_demand_through_a_drain() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let drain = SinkDrain::new(quiet(&path).build().unwrap());
    let log = slog::Logger::root(drain.clone(), slog::o!());
    drain.command_sinks(SinkCommand::Rotate).unwrap();
    slog::info!(log, "one");
    drain.command_sinks(SinkCommand::Rotate).unwrap();
    drain.command_sinks(SinkCommand::Rotate).unwrap();
    assert_eq!(counts(folder.path()), [1, 0]);
    slog::info!(log, "two");
    drain.command_sinks(SinkCommand::Reopen).unwrap();
    slog::info!(log, "three");
    assert_eq!(counts(folder.path()), [1, 2]);

    // What SIGHUP is for: the file was moved, and the new one is to be there at once.
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    drain.command_sinks(SinkCommand::Reopen).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    slog::info!(log, "four");
    assert_eq!((lines(&[&moved]).len(), counts(folder.path())), (2, vec![1, 1]));

    // What can't be done is told, and the sink goes on as before.
    fs::rename(&path, folder.path().join("moved again")).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(drain.command_sinks(SinkCommand::Reopen).is_err());
    assert_eq!(drain.ledgers()[0].1.in_flight(), 0);
}

#[test]
fn a_time_that_cannot_be_kept_is_not_tried_all_the_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let (builder, clock) = timed(&path, Every::Hour);
    let mut sink = builder.build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    clock.advance(HOUR);
    fs::rename(&path, folder.path().join("moved")).unwrap();
    fs::create_dir(&path).unwrap();
    for _ in 0..3 {
        let _told_or_not = sink.maintain();
        assert!(sink.due().is_none_or(|due| due > std::time::Instant::now()));
    }
    write(&mut sink, &["two"]).unwrap();
    assert_eq!(lines(&[folder.path().join("moved")]), ["one", "two"]);
}

#[test]
fn two_sinks_keep_one_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let (builder, clock) = timed(&path, Every::Day);
    let mut first = builder.build().unwrap();
    let rotation = Rotation::new().every(Every::Day);
    let mut second = quiet(&path).rotation(rotation).clock(Arc::clone(&clock)).build().unwrap();
    for _ in 0..4 {
        write(&mut first, &["a"]).unwrap();
        write(&mut second, &["b"]).unwrap();
        clock.advance(24 * HOUR);
        first.maintain().unwrap();
        second.maintain().unwrap();
    }
    assert_eq!(counts(folder.path()), [2, 2, 2, 2, 0]);
}

#[test]
fn what_was_written_before_a_rotation_is_found_after_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let (builder, clock) = timed(&path, Every::Hour);
    let mut sink = builder.build().unwrap();
    let since = sink.position().unwrap();
    let mut batch = Vec::new();
    for name in ["one", "two", "three"] {
        write(&mut sink, &[name]).unwrap();
        batch.push(Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", name));
        clock.advance(HOUR);
    }
    sink.maintain().unwrap();
    batch.push(Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", "never"));
    assert_eq!(sink.written_since(&since, &batch).unwrap(), [true, true, true, false]);
}
