//! Which archives are kept, and what is left alone.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use prisma_log_core::{Clock as _, Sink as _, SystemClock};
use prisma_log_file::{Retention, Rotation};
use tempfile::TempDir;

use crate::support::{files, line, lines, parse, quiet, sized, write};

fn total(folder: &Path) -> u64 {
    files(folder).iter().map(|path| fs::metadata(path).unwrap().len()).sum()
}

#[test]
fn the_total_is_kept_at_all_times() {
    for (total_bytes, max_bytes) in [(20_000, Some(4000)), (20_000, Some(20_000)), (9000, None)] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("app.log");
        let retention = Retention::new().total_bytes(total_bytes);
        let builder = quiet(&path).retention(retention);
        let mut sink = match max_bytes {
            Some(bytes) => builder.rotation(Rotation::new().max_bytes(bytes)),
            None => builder,
        }
        .build()
        .unwrap();
        let mut random = fastrand::Rng::with_seed(2);
        for number in 0..500 {
            write(&mut sink, &[line(0, number, random.usize(..900))]).unwrap();
            let total = total(folder.path());
            assert!(total <= total_bytes, "{total} of {total_bytes} after {number}");
        }
        // What is left is the newest, without a gap, and not much less than allowed.
        let numbers: Vec<_> =
            lines(&files(folder.path())).iter().map(|line| parse(line).unwrap().1).collect();
        assert!(numbers.iter().copied().eq(numbers[0]..500));
        if max_bytes == Some(4000) {
            assert!(total(folder.path()) > total_bytes - 4000 - 1000);
        }
    }
}

#[test]
fn old_archives_go_before_a_record_and_while_idle() {
    let hour = Duration::from_secs(3600);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let clock = std::sync::Arc::new(prisma_log_core::ManualClock::new(SystemClock.now()));
    let retention = Retention::new().age(5 * hour);
    let rotation = Rotation::new().max_bytes(1024);
    let builder = quiet(&path).rotation(rotation).retention(retention);
    let mut sink = builder.clock(std::sync::Arc::clone(&clock)).build().unwrap();
    for number in 0..4 {
        write(&mut sink, &[line(0, number, 900)]).unwrap();
    }
    assert_eq!(files(folder.path()).len(), 4);
    let make_older = |path: &Path, by: Duration| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemClock.now().saturating_sub(by).into()).unwrap();
    };
    let found = files(folder.path());
    make_older(&found[0], 4 * hour);
    make_older(&found[1], 3 * hour);
    // A new sink sees it.
    drop(sink);
    let builder = quiet(&path).rotation(Rotation::new().max_bytes(1024));
    let builder = builder.retention(Retention::new().age(5 * hour));
    let mut sink = builder.clock(std::sync::Arc::clone(&clock)).build().unwrap();
    assert_eq!(files(folder.path()).len(), 4);
    assert!(sink.due().is_some());
    clock.advance(hour + hour / 2);
    sink.maintain().unwrap();
    assert_eq!(files(folder.path()), found[1..]);
    clock.advance(hour);
    write(&mut sink, &["small"]).unwrap();
    assert_eq!(files(folder.path()), found[2..]);
    clock.advance(100 * hour);
    sink.maintain().unwrap();
    assert_eq!(files(folder.path()), [path]);
    assert_eq!(sink.due(), None);
}

#[test]
fn a_limit_that_was_lowered_holds_from_the_start() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let open = |retention: Retention| {
        quiet(&path).rotation(Rotation::new().max_bytes(1024)).retention(retention).build().unwrap()
    };
    let mut sink = open(Retention::new().archives(20));
    for number in 0..20 {
        write(&mut sink, &[line(0, number, 900)]).unwrap();
    }
    drop(sink);
    drop(open(Retention::new().archives(10)));
    assert_eq!(files(folder.path()).len(), 11);
    drop(open(Retention::new().total_bytes(8192)));
    assert!(total(folder.path()) <= 8192);
    assert!(files(folder.path()).len() > 6);
}

#[test]
fn archives_that_another_sink_made_count_as_well() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let open = |archives| sized(&path, 1024, archives).build().unwrap();
    let (mut first, mut second) = (open(3), open(1000));
    write(&mut first, &["one"]).unwrap();
    for number in 0..10 {
        write(&mut second, &[line(0, number, 900)]).unwrap();
    }
    assert_eq!(files(folder.path()).len(), 10);
    write(&mut first, &["two"]).unwrap();
    assert_eq!(files(folder.path()).len(), 4);
}

#[test]
fn only_exact_names_are_deleted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let foreign = [
        "app.log.1",
        "app.log.gz",
        "app.log.bak",
        "app.log-20261124",
        "app.log.2026-11-23",
        "app.log.2026-11-23T23-59-58",
        "app.log.2026-11-23T23-59-60Z",
        "app.log.2026-11-23T23-59-58Z.1",
        "app.log.2026-11-23T23-59-58Z.02",
        "app.log.2026-11-23T23-59-58Z.gz.tmp",
        "app.log.2026-13-23T23-59-58Z",
        "other.log.2026-11-23T23-59-58Z",
        "app.log.2026-11-23T23-59-58Z.bz2",
        "application.log",
    ];
    for name in foreign {
        fs::write(folder.path().join(name), name).unwrap();
    }
    fs::create_dir(folder.path().join("app.log.2026-11-23T23-59-58Z")).unwrap();
    let own = ["app.log.2026-11-23T23-59-57Z", "app.log.2026-11-23T23-59-57Z.2.gz"];
    for name in own {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let rotation = Rotation::new().max_bytes(1024);
    let builder = quiet(&path).rotation(rotation).retention(Retention::new().archives(0));
    let mut sink = builder.build().unwrap();
    for number in 0..5 {
        write(&mut sink, &[line(0, number, 900)]).unwrap();
    }
    for name in foreign {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), name);
    }
    for name in own {
        assert!(!folder.path().join(name).exists(), "{name}");
    }
    assert!(folder.path().join("app.log.2026-11-23T23-59-58Z").is_dir());
    // With that folder, the file itself and the lock.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), foreign.len() + 3);
    assert_eq!(lines(&[path]).len(), 1);
}
