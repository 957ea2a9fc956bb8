//! Disks that are full, broken or gone for a while.

use std::fs;
use std::time::Duration;

use prisma_log_core::{Level, Record, Sink as _, Timestamp};

use super::{Bench, Step, write};
use crate::{Retention, Rotation};

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
