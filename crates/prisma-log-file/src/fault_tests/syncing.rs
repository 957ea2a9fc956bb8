//! Synchronisations that fail, and groups of records that are synchronised together.

use std::time::Duration;

use prisma_log_core::{Durability, Sink as _, SinkCommand};

use super::{Bench, write};

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
fn a_disk_that_does_not_synchronise_makes_one_archive_and_one_more_when_it_does() {
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
    // The disk works again, but what the file system could not write of this file it may not write
    // later either, whatever it answers: only the next file is safe.
    assert_eq!(write(&mut sink, &["doubtful"]), (1, None));
    let error = sink.flush().unwrap_err();
    assert!(error.to_string().contains("an earlier synchronisation"), "{error}");
    assert_eq!(write(&mut sink, &["safe"]), (1, None));
    sink.flush().unwrap();
    assert_eq!(bench.archives().len(), 2);
    assert_eq!(bench.text("app.log"), "safe\n");
    // Over: the next fault is another one.
    assert_eq!(write(&mut sink, &["doubtful"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert!(sink.flush().is_err());
    assert_eq!(write(&mut sink, &["last"]), (1, None));
    assert_eq!(bench.archives().len(), 3);
    assert_eq!(bench.text("app.log"), "last\n");
}

#[test]
fn a_flush_fails_as_long_as_names_cannot_be_made_safe() {
    let bench = Bench::new();
    let mut sink = bench.builder().sync_on_flush(true).build().unwrap();
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    bench.os.plan(|plan| plan.sync_folder = Some(libc::EIO));
    for _ in 0..2 {
        assert!(sink.flush().unwrap_err().to_string().contains("the folder"));
    }
    bench.os.plan(|plan| plan.sync_folder = None);
    sink.flush().unwrap();
    // Some file systems have no such call.
    bench.os.plan(|plan| plan.sync_folder = Some(libc::EINVAL));
    sink.command(SinkCommand::Rotate).unwrap();
    sink.flush().unwrap();
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
