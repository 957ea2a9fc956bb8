//! Files that are deleted, can't be rotated or synchronised, and all faults together.

use std::fs::{self, File};
use std::time::Duration;

use prisma_log_core::{Durability, Level, Record, Sink as _, SinkCommand, Timestamp};

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
fn a_failed_sync_is_told_once_and_never_taken_back() {
    let bench = Bench::new();
    let mut sink = bench.sized(10).sync_on_flush(true).build().unwrap();
    assert_eq!(sink.durability(), Durability::Synced);
    assert_eq!(bench.sink().durability(), Durability::PageCache);
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    sink.flush().unwrap();
    assert_eq!(write(&mut sink, &["two"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert!(sink.flush().unwrap_err().is_io());
    let syncs = bench.os.plan(|plan| {
        plan.sync = None;
        plan.syncs
    });
    // The kernel would say yes now, though the page is gone: it isn't asked.
    sink.flush().unwrap();
    assert_eq!(bench.os.plan(|plan| plan.syncs), syncs);

    // What comes next goes to a new file.
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    sink.flush().unwrap();
    assert_eq!(bench.text("app.log"), "three\n");
    assert_eq!(bench.text(&bench.archives()[0]), "one\ntwo\n");

    // A file that is rotated away is synchronised first, and the next flush says how that went.
    assert_eq!(write(&mut sink, &["four"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert_eq!(write(&mut sink, &[&"x".repeat(1020)]), (1, None));
    bench.os.plan(|plan| plan.sync = None);
    assert!(sink.flush().is_err());
    sink.flush().unwrap();
    assert_eq!(bench.errors(), [""; 0]);
}

#[test]
fn a_disk_that_never_synchronises_makes_one_archive_only() {
    let bench = Bench::new();
    let mut sink = bench.builder().sync_on_flush(true).build().unwrap();
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    for number in 0..20 {
        assert_eq!(write(&mut sink, &[&format!("{number}")]), (1, None));
        assert!(sink.flush().is_err(), "{number}");
    }
    assert_eq!(bench.archives().len(), 1);
    assert_eq!(bench.lines().len(), 20);
    bench.os.plan(|plan| plan.sync = None);
    assert_eq!(write(&mut sink, &["safe"]), (1, None));
    sink.flush().unwrap();
    // Over: the next fault is another one.
    assert_eq!(write(&mut sink, &["doubtful"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert!(sink.flush().is_err());
    assert_eq!(write(&mut sink, &["last"]), (1, None));
    assert_eq!(bench.archives().len(), 2);
    assert_eq!(bench.text("app.log"), "last\n");
}

#[test]
fn names_that_cannot_be_made_safe_are_told_once() {
    let bench = Bench::new();
    let mut sink = bench.builder().sync_on_flush(true).build().unwrap();
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    bench.os.plan(|plan| plan.sync_folder = Some(libc::EIO));
    assert!(sink.flush().unwrap_err().to_string().contains("the folder"));
    sink.flush().unwrap();
    // Some file systems have no such call.
    bench.os.plan(|plan| plan.sync_folder = Some(libc::EINVAL));
    sink.command(SinkCommand::Rotate).unwrap();
    sink.flush().unwrap();
}

#[test]
fn an_input_output_error_moves_the_file_aside() {
    let bench = Bench::new();
    let mut sink = bench.builder().build().unwrap();
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    bench.os.plan(|plan| plan.then = Step::Fails(libc::EIO));
    for _ in 0..20 {
        assert_eq!(write(&mut sink, &["two"]).0, 0);
    }
    bench.os.plan(|plan| plan.then = Step::Real);
    assert_eq!(write(&mut sink, &["two"]), (1, None));
    let archives = bench.archives();
    assert_eq!(archives.len(), 1, "one, however often it fails");
    assert_eq!(bench.text(&archives[0]), "one\n");
    assert_eq!(bench.text("app.log"), "two\n");

    // Where it can't be moved, the same file is opened anew.
    bench.os.plan(|plan| {
        plan.writes = [Step::Fails(libc::EIO)].into();
        plan.rename = Some(libc::EROFS);
    });
    let handles = bench.os.plan(|plan| plan.handles);
    assert_eq!(write(&mut sink, &["three"]).0, 0);
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    assert!(bench.os.plan(|plan| plan.handles) > handles);
    assert_eq!(bench.text("app.log"), "two\nthree\n");
    assert_eq!(bench.errors().len(), 1);
}

#[test]
fn a_stale_handle_is_replaced_and_a_file_of_the_largest_size_is_rotated() {
    let bench = Bench::new();
    let mut sink = bench.builder().build().unwrap();
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    bench.os.plan(|plan| plan.writes = [Step::Fails(libc::ESTALE)].into());
    assert_eq!(write(&mut sink, &["two"]).0, 0);
    assert_eq!(write(&mut sink, &["two"]), (1, None));
    assert_eq!(bench.text("app.log"), "one\ntwo\n");
    bench.os.plan(|plan| plan.writes = [Step::Fails(libc::EFBIG)].into());
    assert_eq!(write(&mut sink, &["three"]).0, 0);
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    assert_eq!(bench.text("app.log"), "three\n");
    assert_eq!(bench.archives().len(), 1);
}

#[test]
fn a_full_disk_costs_archives_only_where_that_is_allowed() {
    let big = "x".repeat(1000);
    let check = |keep: Option<usize>, code: i32, fails: usize, delivered: usize, left: usize| {
        let bench = Bench::new();
        let builder = bench.sized(100);
        let mut sink = match keep {
            Some(keep) => builder.delete_when_full(keep),
            None => builder,
        }
        .build()
        .unwrap();
        assert_eq!(write(&mut sink, &[big.as_str(); 6]), (6, None));
        assert_eq!(bench.archives().len(), 5);
        let oldest = bench.archives();
        bench.os.plan(|plan| plan.writes = vec![Step::Fails(code); fails].into());
        assert_eq!(write(&mut sink, &["small"]).0, delivered, "{keep:?} {code} {fails}");
        let archives = bench.archives();
        assert_eq!(archives.len(), left, "{keep:?} {code} {fails}");
        assert_eq!(archives, oldest[5 - left..]);
        assert_eq!(bench.errors(), [""; 0]);
    };
    check(None, libc::ENOSPC, 1, 0, 5);
    check(Some(2), libc::ENOSPC, 1, 1, 4);
    check(Some(2), libc::EDQUOT, 3, 1, 2);
    check(Some(2), libc::ENOSPC, 4, 0, 2);
    check(Some(0), libc::ENOSPC, 5, 1, 0);
    check(Some(5), libc::ENOSPC, 1, 0, 5);
    check(Some(0), libc::EACCES, 1, 0, 5);
}

#[test]
fn archives_make_room_while_others_fill_the_disk() {
    let bench = Bench::new();
    let retention = Retention::new().free_space(10_000);
    let builder = bench.builder().rotation(Rotation::new().max_bytes(1024));
    let mut sink = builder.retention(retention).build().unwrap();
    let big = "x".repeat(900);
    let space = |available: u64| {
        bench.os.plan(|plan| {
            plan.available = Some(available);
            plan.now += Duration::from_secs(1);
        });
    };
    space(1_000_000);
    assert_eq!(write(&mut sink, &[big.as_str(); 6]), (6, None));
    assert_eq!(bench.archives().len(), 5);
    space(10_000);
    assert_eq!(write(&mut sink, &["a"]), (1, None));
    assert_eq!(bench.archives().len(), 5);
    let newest = bench.archives()[2..].to_vec();
    space(8_500);
    assert_eq!(write(&mut sink, &["b"]), (1, None));
    assert_eq!(bench.archives(), newest, "two give back what is missing");
    // Though the file system takes its time to tell so.
    assert_eq!(write(&mut sink, &["b"]), (1, None));
    assert_eq!(bench.archives(), newest);
    space(10_000 + 10);
    assert_eq!(write(&mut sink, &["c"]), (1, None));
    assert_eq!(bench.archives(), newest);
    // What is written counts before the file system is asked again.
    bench.os.plan(|plan| plan.available = Some(9_500));
    assert_eq!(write(&mut sink, &["d: about twenty bytes"]), (1, None));
    assert_eq!(write(&mut sink, &["e"]), (1, None));
    assert_eq!(bench.archives(), newest[1..]);
    space(0);
    assert_eq!(write(&mut sink, &["f"]), (1, None));
    assert_eq!(bench.archives().len(), 0);
    assert_eq!(write(&mut sink, &["g"]), (1, None));
    assert_eq!(bench.errors(), [""; 0]);
}

#[test]
fn a_batch_that_fails_is_to_be_tried_again_soon() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    let record = [Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", "text"); 2];
    let mut waits = |steps: &[Step]| {
        bench.os.plan(|plan| plan.writes = steps.to_vec().into());
        let failed = sink.write(&record);
        failed.err().map(|failed| failed.retry_after.unwrap().as_millis())
    };
    let codes = [libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::EACCES, libc::EAGAIN];
    let told: Vec<_> = codes.iter().map(|&code| waits(&[Step::Fails(code)]).unwrap()).collect();
    assert_eq!(told, [50, 100, 200, 400, 500]);
    assert_eq!(waits(&[Step::Zero]), Some(500));
    assert_eq!(waits(&[]), None);
    assert_eq!(waits(&[Step::Fails(libc::ENOSPC)]), Some(50));
    assert_eq!(waits(&[Step::Fails(libc::ENOSPC)]), Some(100));
    // Part of it went in.
    assert_eq!(waits(&[Step::Short(7), Step::Fails(libc::ENOSPC)]), Some(50));
}

#[test]
fn no_more_descriptors_stop_nothing_but_the_rotation() {
    let bench = Bench::new();
    let mut sink = bench.sized(5).build().unwrap();
    let big = "x".repeat(1000);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    bench.os.plan(|plan| plan.open = Some(libc::EMFILE));
    assert_eq!(write(&mut sink, &[&big, "more"]), (2, None));
    assert_eq!(bench.text("app.log").lines().count(), 3);
    // A deleted file is no place to write to.
    fs::remove_file(bench.path("app.log")).unwrap();
    assert_eq!(write(&mut sink, &["lost?"]).0, 0);
    bench.os.plan(|plan| plan.open = None);
    assert_eq!(write(&mut sink, &["not lost"]), (1, None));
    assert_eq!(bench.text("app.log"), "not lost\n");
}

#[test]
fn groups_are_synchronised_by_number_and_by_time() {
    let bench = Bench::new();
    let interval = Duration::from_secs(10);
    let sync = crate::Sync::Every { interval, records: 5 };
    let mut sink = bench.builder().sync(sync).build().unwrap();
    assert_eq!(sink.durability(), Durability::Synced);
    assert_eq!(sink.due(), None);
    let syncs = || bench.os.plan(|plan| plan.syncs);
    let begin = bench.os.plan(|plan| plan.now);
    assert_eq!(write(&mut sink, &["1", "2"]), (2, None));
    assert_eq!((syncs(), sink.due()), (0, Some(begin + interval)));
    assert_eq!(write(&mut sink, &["3", "4"]), (2, None));
    assert_eq!(syncs(), 0);
    assert_eq!(write(&mut sink, &["5", "6"]), (2, None));
    assert_eq!((syncs(), sink.due()), (1, None));

    bench.os.plan(|plan| plan.now += interval);
    assert_eq!(write(&mut sink, &["7"]), (1, None));
    bench.os.plan(|plan| plan.now += interval - Duration::from_nanos(1));
    sink.maintain().unwrap();
    assert_eq!(syncs(), 1, "too early");
    bench.os.plan(|plan| plan.now += Duration::from_nanos(1));
    sink.maintain().unwrap();
    assert_eq!((syncs(), sink.due()), (2, None));
    sink.maintain().unwrap();
    sink.flush().unwrap();
    assert_eq!(syncs(), 2, "nothing to do");

    // Time passes while records come.
    assert_eq!(write(&mut sink, &["8"]), (1, None));
    bench.os.plan(|plan| plan.now += interval);
    assert_eq!(write(&mut sink, &["9"]), (1, None));
    assert_eq!((syncs(), sink.due()), (3, None));
    assert_eq!(write(&mut sink, &["10"]), (1, None));
    sink.flush().unwrap();
    assert_eq!((syncs(), sink.due()), (4, None));
    assert_eq!(bench.errors(), [""; 0]);

    // What is in doubt is told at once, and by one flush.
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert_eq!(write(&mut sink, &["a", "b", "c", "d", "e"]), (5, None));
    bench.os.plan(|plan| plan.sync = None);
    assert_eq!(bench.errors().len(), 1);
    assert_eq!(write(&mut sink, &["f"]), (1, None));
    assert!(sink.flush().unwrap_err().to_string().contains("earlier"));
    sink.flush().unwrap();
    assert_eq!(write(&mut sink, &["g"]), (1, None));
    bench.os.plan(|plan| {
        plan.now += interval;
        plan.sync = Some(libc::EIO);
    });
    assert!(sink.maintain().is_err());
    assert_eq!(sink.due(), None);
    bench.os.plan(|plan| plan.sync = None);
    assert!(sink.flush().is_err());
    sink.flush().unwrap();
    assert_eq!(bench.lines().len(), 17);
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
