//! Files that are deleted, can't be rotated or synchronised, and all faults together.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::{Durability, Level, Record, Sink as _, Timestamp};

use super::{Bench, FaultyOs, Step, write};
use crate::os::Os;

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
fn a_failing_rotation_loses_nothing_and_is_tried_again_later() {
    let bench = Bench::new();
    let mut sink = bench.builder().max_file_bytes(1024).build().unwrap();
    bench.os.plan(|plan| plan.rename = Some(libc::EACCES));
    let big = "x".repeat(1000);
    for _ in 0..5 {
        assert_eq!(write(&mut sink, &[&big]), (1, None));
    }
    assert_eq!(bench.lines().len(), 5);
    assert_eq!(bench.os.plan(|plan| plan.renames), 1, "one attempt until the wait is over");
    let errors = bench.errors();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("cannot rotate") && errors[0].contains("app.log.1"), "{errors:?}");

    bench.os.plan(|plan| plan.now += Duration::from_secs(1));
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!(bench.os.plan(|plan| plan.renames), 2);
    assert_eq!(bench.errors().len(), 1);

    bench.os.plan(|plan| {
        plan.rename = None;
        plan.now += Duration::from_secs(2);
    });
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!((bench.lines().len(), bench.text("app.log.1").lines().count()), (1, 6));
    assert_eq!(bench.errors(), [""; 0]);
}

#[test]
fn a_rotation_that_fails_half_way_is_completed_by_the_next() {
    struct SecondRenameFails(FaultyOs);
    impl Os for SecondRenameFails {
        fn now(&self) -> Instant {
            self.0.now()
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            let fails = self.0.plan(|plan| plan.rename.is_some() && plan.renames == 1);
            self.0.plan(|plan| plan.renames += 1);
            if fails { Err(io::Error::from_raw_os_error(libc::EIO)) } else { fs::rename(from, to) }
        }
    }
    let bench = Bench::new();
    let os = SecondRenameFails(bench.os.clone());
    let mut sink = bench.builder().os(os).max_file_bytes(1024).build().unwrap();
    let message = |n: usize| format!("{n}{}", "x".repeat(1000));
    for n in 1..=3 {
        assert_eq!(write(&mut sink, &[&message(n)]), (1, None));
    }
    bench.os.plan(|plan| (plan.rename, plan.renames) = (Some(1), 0));
    assert_eq!(write(&mut sink, &[&message(4)]), (1, None));
    assert!(!bench.path("app.log.1").exists() || !bench.path("app.log.2").exists(), "a gap");
    assert_eq!(bench.errors().len(), 1);
    bench.os.plan(|plan| {
        plan.rename = None;
        plan.now += Duration::from_secs(1);
    });
    assert_eq!(write(&mut sink, &[&message(5)]), (1, None));
    let first =
        |name: &str| bench.text(name).lines().map(|l| l[..1].to_owned()).collect::<String>();
    let names = ["app.log", "app.log.1", "app.log.2", "app.log.3"];
    assert_eq!(names.map(first), ["5", "34", "2", "1"].map(String::from));
}

#[test]
fn a_file_that_appears_during_a_rotation_is_not_overwritten() {
    /// After the first rename somebody takes the name that became free.
    struct NameTaken(FaultyOs);
    impl Os for NameTaken {
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            fs::rename(from, to)?;
            let first = self.0.plan(|plan| std::mem::replace(&mut plan.renames, 1)) == 0;
            if first { fs::write(from, "somebody's\n") } else { Ok(()) }
        }
    }
    let bench = Bench::new();
    fs::write(bench.path("app.log.1"), "older\n").unwrap();
    let os = NameTaken(bench.os.clone());
    let mut sink = bench.builder().os(os).max_file_bytes(1024).build().unwrap();
    let big = "x".repeat(1000);
    assert_eq!(write(&mut sink, &[&big, &big]), (2, None));
    assert_eq!(bench.text("app.log.1"), "somebody's\n");
    assert_eq!(bench.text("app.log.2"), "older\n");
    assert_eq!(bench.lines().len(), 2);
    assert!(bench.errors()[0].contains("appeared in between"));
}

#[test]
fn an_old_file_that_cannot_be_deleted_is_reported_and_tried_again() {
    let bench = Bench::new();
    let mut sink = bench.builder().max_file_bytes(1024).max_backups(1).build().unwrap();
    let big = "x".repeat(1000);
    bench.os.plan(|plan| plan.remove = Some(libc::EPERM));
    for _ in 0..4 {
        assert_eq!(write(&mut sink, &[&big]), (1, None));
    }
    assert!(bench.path("app.log.3").exists());
    assert_eq!(bench.errors().len(), 2);
    bench.os.plan(|plan| plan.remove = None);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert!(bench.path("app.log.1").exists() && !bench.path("app.log.2").exists());
    assert!(!bench.path("app.log.3").exists() && !bench.path("app.log.4").exists());
}

#[test]
fn a_failed_sync_is_never_taken_back() {
    let bench = Bench::new();
    let mut sink = bench.builder().sync_on_flush(true).max_file_bytes(1024).build().unwrap();
    assert_eq!(sink.durability(), Durability::Synced);
    assert_eq!(bench.sink().durability(), Durability::PageCache);
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    sink.flush().unwrap();
    assert_eq!(write(&mut sink, &["two"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert!(sink.flush().unwrap_err().is_io());
    bench.os.plan(|plan| plan.sync = None);
    // The kernel would say yes now, though the page is gone.
    assert!(sink.flush().unwrap_err().is_state());

    // The next file starts afresh; that the old one is not safe is said once more.
    let big = "x".repeat(1020);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert!(sink.flush().is_err());
    sink.flush().unwrap();

    // A file that is rotated away is synchronised first.
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    bench.os.plan(|plan| plan.sync = None);
    assert!(sink.flush().is_err());
    sink.flush().unwrap();
}

#[test]
fn who_looks_back_waits_once_for_a_process_that_was_stopped_while_it_rotates() {
    let bench = Bench::new();
    let mut sink = bench.builder().max_file_bytes(1024).build().unwrap();
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
        let open = || bench.builder().max_file_bytes(limit).max_backups(1000).build().unwrap();
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
