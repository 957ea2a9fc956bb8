//! Records that go in by halves, and what stands before them.

use std::fs;

use prisma_log_testkit::contract;

use super::{Bench, Step, append_line, write};

#[test]
fn one_byte_at_a_time_and_interrupted_is_still_whole() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| plan.then = Step::Short(1));
    assert_eq!(write(&mut sink, &["one", "two", "three"]), (3, None));
    bench.os.plan(|plan| {
        plan.then = Step::Real;
        plan.writes = [Step::Fails(libc::EINTR), Step::Short(2), Step::Fails(libc::EINTR)].into();
    });
    assert_eq!(write(&mut sink, &["four", "five"]), (2, None));
    assert_eq!(bench.text("app.log"), "one\ntwo\nthree\nfour\nfive\n");
}

#[test]
fn a_full_disk_leaves_whole_records_and_an_exact_count() {
    let batch = ["first", "second", "third"];
    let bytes: usize = batch.iter().map(|message| message.len() + 1).sum();
    let check = |taken: usize, code: i32, second_writer: bool, cut_fails: bool| {
        let case = format!("{taken} bytes, then {code}; {second_writer} {cut_fails}");
        let bench = Bench::new();
        let mut sink = bench.sink();
        let mut other = second_writer.then(|| bench.sink());
        assert_eq!(write(&mut sink, &["before"]), (1, None));
        bench.os.plan(|plan| {
            plan.cut = cut_fails.then_some(libc::EIO);
            plan.writes = [Step::Short(taken), Step::Fails(code)].into();
            if taken == 0 {
                plan.writes.pop_front();
            }
        });
        let (delivered, error) = write(&mut sink, &batch);
        let expect = [6, 13, 19].iter().filter(|&&end| end <= taken).count();
        assert_eq!(delivered, expect, "{case}");
        let error = error.expect(&case);
        assert!(error.contains("app.log"), "{error}");
        if let Some(other) = &mut other {
            assert_eq!(write(other, &["from the other"]), (1, None), "{case}");
        }
        assert_eq!(write(&mut sink, &["after"]), (1, None), "{case}");

        let mut expect = vec!["before"];
        expect.extend_from_slice(&batch[..delivered]);
        expect.extend(other.is_some().then_some("from the other"));
        expect.push("after");
        assert_eq!(bench.lines(), expect, "{case}");
        assert_eq!(bench.errors(), [""; 0], "{case}");
        let blanks = bench.text("app.log").lines().any(|line| line.trim().is_empty());
        let half = !matches!(taken, 0 | 6 | 13);
        assert_eq!(blanks, half && (second_writer || cut_fails), "{case}");
    };
    for taken in 0..bytes {
        for (second_writer, cut_fails) in [(false, false), (true, false), (false, true)] {
            check(taken, libc::ENOSPC, second_writer, cut_fails);
        }
        check(taken, libc::EIO, false, false);
    }
}

#[test]
fn a_blanked_half_is_cut_off_once_the_disk_lets_it() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| {
        plan.cut = Some(libc::EDQUOT);
        plan.writes = [Step::Short(9), Step::Fails(libc::EDQUOT)].into();
    });
    assert_eq!(write(&mut sink, &["first", "second"]).0, 1);
    let blanked = format!("first\n{}\n", " ".repeat(2));
    assert_eq!(bench.text("app.log"), blanked);
    bench.os.plan(|plan| plan.cut = None);
    assert_eq!(write(&mut sink, &["second"]), (1, None));
    assert_eq!(bench.text("app.log"), "first\nsecond\n");
}

#[test]
fn a_write_that_takes_nothing_is_an_error() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| plan.then = Step::Zero);
    let (delivered, error) = write(&mut sink, &["x"]);
    assert_eq!(delivered, 0);
    assert!(error.unwrap().contains("cannot write to"));
}

#[test]
fn what_cannot_be_taken_back_is_reported() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| {
        plan.cut = Some(libc::EIO);
        plan.overwrite = Some(libc::EIO);
        plan.writes = [Step::Short(3), Step::Fails(libc::ENOSPC)].into();
    });
    assert_eq!(write(&mut sink, &["broken"]).0, 0);
    assert!(bench.errors()[0].contains("take back half a record"));
    bench.os.plan(|plan| plan.overwrite = None);
    // Tried again before the next record.
    assert_eq!(write(&mut sink, &["whole"]), (1, None));
    assert_eq!(bench.lines(), ["whole"]);
    assert_eq!(bench.text("app.log"), "  \nwhole\n");
    assert_eq!(bench.text("app.log.torn"), "");
}

#[test]
fn a_record_that_others_wrote_into_is_written_again() {
    for taken in 1..6 {
        let bench = Bench::new();
        let mut sink = bench.sink();
        bench.os.plan(|plan| {
            plan.writes = [Step::Overtaken(taken), Step::Overtaken(1), Step::Short(2)].into();
        });
        assert_eq!(write(&mut sink, &["record", "next"]), (2, None));
        let lines = bench.lines();
        let own: Vec<_> =
            lines.iter().filter(|line| *line == "record" || *line == "next").collect();
        assert_eq!(own, ["record", "next"], "{taken}: {lines:?}");
        // Our half stood in the other's line; blanking it gave the other its line back.
        assert!(
            lines.iter().all(|l| ["record", "next", "another"].contains(&l.as_str())),
            "{lines:?}"
        );
        assert!(lines.len() > 2);
    }
}

#[test]
fn a_dead_writers_half_record_is_moved_out_of_the_way() {
    let bench = Bench::new();
    let (mut sink, mut other) = (bench.sink(), bench.sink());
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    append_line(&bench.path("app.log"), b"half of a rec");
    assert_eq!(write(&mut other, &["two"]), (1, None));
    assert_eq!(bench.text("app.log"), "one\n            \ntwo\n");
    assert_eq!(bench.text("app.log.torn"), "half of a rec\n");
    assert!(bench.errors()[0].contains("13 bytes moved"));

    // Where it can't be kept, it gets a line of its own.
    fs::remove_file(bench.path("app.log.torn")).unwrap();
    fs::create_dir(bench.path("app.log.torn")).unwrap();
    append_line(&bench.path("app.log"), b"half again");
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    assert_eq!(bench.lines(), ["one", "two", "half agai", "three"]);
    assert!(bench.errors()[0].contains("line of its own"));
}

#[test]
fn the_contract_under_failure() {
    for second_writer in [false, true] {
        let bench = Bench::new();
        let mut sink = bench.sink();
        let other = second_writer.then(|| bench.sink());
        let mut random = fastrand::Rng::with_seed(3);
        let fail = |on| {
            bench.os.plan(|plan| {
                plan.then = if on { Step::Fails(libc::ENOSPC) } else { Step::Real };
                plan.writes.clear();
                if on {
                    let steps = std::iter::repeat_with(|| match random.usize(..3) {
                        0 => Step::Fails(libc::ENOSPC),
                        _ => Step::Short(random.usize(1..60)),
                    });
                    plan.writes.extend(steps.take(500));
                }
            });
        };
        contract::failure(&mut sink, fail, || bench.lines());
        drop(other);
    }
}
