//! Files that are deleted, truncated, or can't be renamed or removed, and all faults together.

use std::fs::{self, File};
use std::time::Duration;

use prisma_log_core::{Level, Record, Sink as _, SinkCommand, Timestamp};

use super::{Bench, Step, write};
use crate::{Retention, Rotation};

#[test]
fn what_a_deleted_file_took_is_written_again() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| plan.writes = [Step::Deleted, Step::Deleted].into());
    assert_eq!(write(&mut sink, &["one", "two"]), (2, None));
    assert_eq!(bench.text("app.log"), "one\ntwo\n");

    // And where that fails, it counts as lost.
    bench.os.plan(|plan| plan.writes = [Step::Deleted, Step::Fails(libc::ENOSPC)].into());
    assert_eq!(write(&mut sink, &["three"]).0, 0);
    assert_eq!(bench.text("app.log"), "");
}

#[test]
fn a_position_never_lies_ahead_of_a_truncated_file() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    assert_eq!(write(&mut sink, &["one", "two"]), (2, None));
    let offset = |sink: &crate::FileSink| sink.position().unwrap().0[2];
    assert_eq!(offset(&sink), 8);
    File::options().write(true).open(bench.path("app.log")).unwrap().set_len(4).unwrap();
    bench.os.plan(|plan| plan.writes = [Step::Fails(libc::ENOSPC)].into());
    assert_eq!(write(&mut sink, &["three"]).0, 0);
    assert_eq!(offset(&sink), 4);
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    assert_eq!(bench.lines(), ["one", "three"]);
}

#[test]
fn a_failing_rotation_loses_nothing_and_is_tried_again_later() {
    let bench = Bench::new();
    let mut sink = bench.sized(5).build().unwrap();
    bench.os.plan(|plan| plan.rename = Some(libc::EACCES));
    let big = "x".repeat(1000);
    for _ in 0..5 {
        assert_eq!(write(&mut sink, &[&big]), (1, None));
    }
    assert_eq!(bench.lines().len(), 5);
    assert_eq!(bench.os.plan(|plan| plan.renames), 1, "one attempt until the wait is over");
    let errors = bench.errors();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("cannot rotate") && errors[0].contains("app.log.2"), "{errors:?}");

    bench.os.plan(|plan| plan.now += Duration::from_secs(1));
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!(bench.os.plan(|plan| plan.renames), 2);
    assert_eq!(bench.errors().len(), 1);

    bench.os.plan(|plan| {
        plan.rename = None;
        plan.now += Duration::from_secs(2);
    });
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    let archives = bench.archives();
    assert_eq!(archives.len(), 1);
    assert_eq!(bench.text(&archives[0]).lines().count(), 6);
    assert_eq!(bench.text("app.log").lines().count(), 1);
    assert_eq!(bench.errors(), [""; 0]);
}

#[test]
fn a_name_that_is_taken_is_passed_over_and_never_overwritten() {
    let bench = Bench::new();
    let mut sink = bench.builder().build().unwrap();
    let moment = Timestamp::from_unix_seconds(1_795_507_200);
    let rotate = |sink: &mut crate::FileSink, text: &str| {
        assert_eq!(write(sink, &[text]), (1, None));
        let file = File::options().write(true).open(bench.path("app.log")).unwrap();
        file.set_modified(moment.into()).unwrap();
        sink.command(SinkCommand::Rotate).unwrap();
    };
    // A folder, a file that is compressed, and a rotation in the same second.
    fs::create_dir(bench.path("app.log.2026-11-24T08-00-00Z")).unwrap();
    rotate(&mut sink, "one");
    assert_eq!(bench.text("app.log.2026-11-24T08-00-00Z.2"), "one\n");
    fs::write(bench.path("app.log.2026-11-24T08-00-00Z.3.gz"), "packed").unwrap();
    rotate(&mut sink, "two");
    assert_eq!(bench.text("app.log.2026-11-24T08-00-00Z.4"), "two\n");
    // And one that the clock says is long before.
    let file = File::options().write(true).open(bench.path("app.log")).unwrap();
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    sink.command(SinkCommand::Rotate).unwrap();
    assert_eq!(bench.text("app.log.2026-11-24T08-00-00Z.5"), "three\n");
    assert_eq!(bench.text("app.log.2026-11-24T08-00-00Z.3.gz"), "packed");
    assert!(bench.path("app.log.2026-11-24T08-00-00Z").is_dir());
    assert_eq!(bench.errors(), [""; 0]);
}

#[test]
fn an_old_file_that_cannot_be_deleted_is_reported_and_tried_again() {
    let bench = Bench::new();
    let mut sink = bench.sized(1).build().unwrap();
    let big = "x".repeat(1000);
    bench.os.plan(|plan| plan.remove = Some(libc::EPERM));
    for _ in 0..4 {
        assert_eq!(write(&mut sink, &[&big]), (1, None));
    }
    assert_eq!(bench.archives().len(), 3);
    // At each rotation.
    assert_eq!(bench.errors().len(), 2);
    bench.os.plan(|plan| plan.remove = None);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!(bench.archives().len(), 1);
    // And without one.
    bench.os.plan(|plan| plan.remove = Some(libc::EPERM));
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    bench.os.plan(|plan| plan.remove = None);
    assert_eq!(bench.archives().len(), 2);
    bench.os.plan(|plan| plan.now += Duration::from_secs(60));
    assert_eq!(write(&mut sink, &["small"]), (1, None));
    assert_eq!(bench.archives().len(), 1);
}

#[test]
fn who_looks_back_waits_once_for_a_process_that_was_stopped_while_it_rotates() {
    let bench = Bench::new();
    let mut sink = bench.sized(5).build().unwrap();
    let since = sink.position().unwrap();
    let big = "x".repeat(1000);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    let lock = File::create(bench.path(".app.log.lock")).unwrap();
    lock.lock().unwrap();
    let record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", &big);
    for _ in 0..3 {
        assert_eq!(sink.written_since(&since, &[record; 2]).unwrap(), [true, false]);
    }
    assert_eq!(bench.errors().len(), 1);
    drop(lock);
    // Nobody knows how long that process stays as it is: rotation rests as well.
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!(bench.os.plan(|plan| plan.renames), 0);
    bench.os.plan(|plan| plan.now += Duration::from_secs(1));
    assert_eq!(sink.written_since(&since, &[record; 3]).unwrap(), [true, true, false]);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!(bench.os.plan(|plan| plan.renames), 1);
    assert_eq!(sink.written_since(&since, &[record; 3]).unwrap(), [true; 3]);
}

#[test]
fn a_child_that_cannot_open_the_file_anew_never_writes_through_the_parents() {
    let bench = Bench::new();
    let mut sink = bench.builder().sync_on_flush(true).build().unwrap();
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    sink.flush().unwrap_err();
    let (path, moved) = (bench.path("app.log"), bench.path("moved"));
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(sink.after_fork().is_err());
    for _ in 0..2 {
        let (delivered, error) = write(&mut sink, &["two"]);
        assert!(delivered == 0 && error.unwrap().contains("a directory"));
    }
    assert_eq!(bench.text("moved"), "one\n");
    fs::remove_dir(&path).unwrap();
    // Nor where the file is the same one.
    fs::rename(&moved, &path).unwrap();
    let parents = bench.os.plan(|plan| plan.written);
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    assert_ne!(bench.os.plan(|plan| plan.written), parents);
    assert_eq!(bench.lines(), ["one", "three"]);
    // The parent's failure to synchronise is the parent's to tell.
    bench.os.plan(|plan| plan.sync = None);
    sink.flush().unwrap();
}

#[test]
fn random_faults_cost_nothing_that_was_delivered() {
    // Random faults of all kinds, with one or two sinks: what was said to be delivered is there.
    let mut random = fastrand::Rng::with_seed(7);
    let (mut told, mut failures) = (0, 0);
    for round in 0..60 {
        let bench = Bench::new();
        let limit = 1024 + random.u64(..8000);
        let open = || {
            let builder = bench.builder().rotation(Rotation::new().max_bytes(limit));
            builder.retention(Retention::new().archives(1000)).build().unwrap()
        };
        let mut sinks = vec![open()];
        if round % 2 == 1 {
            sinks.push(open());
        }
        let mut delivered: Vec<String> = Vec::new();
        for number in 0..300 {
            bench.os.plan(|plan| {
                plan.writes = (0..random.usize(..4))
                    .map(|_| match random.usize(..8) {
                        0 => Step::Fails(libc::ENOSPC),
                        1 => Step::Fails(libc::EIO),
                        2 => Step::Fails(libc::EINTR),
                        3 => Step::Real,
                        4 => Step::Overtaken(random.usize(1..400)),
                        _ => Step::Short(random.usize(1..400)),
                    })
                    .collect();
                plan.rename = (random.usize(..3) == 0).then_some(libc::EACCES);
                plan.cut = (random.usize(..3) == 0).then_some(libc::EIO);
                plan.now += Duration::from_millis(random.u64(..3000));
            });
            let messages: Vec<String> = (0..random.usize(..6))
                .map(|i| format!("{number}.{i}:{}.", "x".repeat(random.usize(..300))))
                .collect();
            let views: Vec<_> = messages.iter().map(String::as_str).collect();
            let which = random.usize(..sinks.len());
            let (count, error) = write(&mut sinks[which], &views);
            failures += usize::from(error.is_some());
            assert!(error.is_some() || count == messages.len());
            delivered.extend_from_slice(&messages[..count]);
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(bench.folder.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name != ".app.log.lock" && name != "app.log.torn" {
                found.extend(bench.text(&name).lines().map(str::to_owned));
            }
        }
        found.retain(|line| !line.trim().is_empty() && line != "another");
        let key = |line: &String| {
            let (number, rest) = line.split_once('.').unwrap_or_else(|| panic!("torn: {line}"));
            let (index, _) = rest.split_once(':').unwrap();
            (number.parse::<usize>().unwrap(), index.parse::<usize>().unwrap())
        };
        found.sort_by_key(key);
        delivered.sort_by_key(key);
        told += delivered.len();
        assert_eq!(found, delivered, "round {round}");
    }
    assert!(failures > 1000 && told > 10_000, "{failures} failed batches, {told} records");
}
