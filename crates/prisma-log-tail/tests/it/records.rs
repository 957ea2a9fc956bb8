//! Records of several lines: whole, once, and never split by a checkpoint.

use std::fs;
use std::time::Duration;

use prisma_log_tail::{Joiner, JoinerBuilder, Tail, TailBuilder};

use crate::support::{Dir, finish, status, stored};

const FOREVER: Duration = Duration::from_secs(3600);

fn waiting(wait: Duration) -> Joiner {
    Joiner::builder().wait(wait).build().unwrap()
}

/// Polls until there is nothing more, and joins what comes.
fn records(tail: &mut Tail, joiner: &Joiner) -> Vec<String> {
    let mut got = Vec::new();
    while tail
        .poll_blocks(usize::MAX, &mut |block| {
            let ranges = joiner.records(block.bytes);
            got.extend(ranges.map(|r| String::from_utf8(block.bytes[r].to_vec()).unwrap()));
        })
        .more
    {}
    got
}

fn build(builder: TailBuilder, dir: &Dir, joiner: &Joiner) -> Tail {
    builder.file(dir.path("a.log")).from_start(true).join(joiner.clone()).build().unwrap()
}

#[test]
fn the_last_record_is_held_until_it_has_ended() {
    let dir = Dir::new();
    let joiner = waiting(FOREVER);
    dir.append("a.log", "ERROR one\n\tat a\n\tat b\nERROR two\n");
    let mut tail = build(dir.tail(), &dir, &joiner);
    assert_eq!(records(&mut tail, &joiner), ["ERROR one\n\tat a\n\tat b"]);
    // A restart in the middle of a record begins with it again.
    let checkpoints = stored(&tail);
    dir.append("a.log", "\tat c\n");
    let mut tail = build(dir.tail().checkpoints(checkpoints), &dir, &joiner);
    assert!(records(&mut tail, &joiner).is_empty());
    dir.append("a.log", "ERROR three\n");
    assert_eq!(records(&mut tail, &joiner), ["ERROR two\n\tat c"]);
    // At the end, everything comes.
    dir.append("a.log", "\tat d");
    assert_eq!(finish(&mut tail), ["ERROR three", "\tat d"]);
    assert_eq!(status(&tail).bytes_left, 0);
}

#[test]
fn a_quiet_source_and_a_rotated_one_have_ended() {
    let dir = Dir::new();
    let joiner = waiting(Duration::ZERO);
    dir.append("a.log", "ERROR one\n\tat a\n");
    let mut tail = build(dir.tail(), &dir, &joiner);
    assert_eq!(records(&mut tail, &joiner), ["ERROR one\n\tat a"]);

    let joiner = waiting(FOREVER);
    dir.append("a.log", "ERROR two\n\tat a\n");
    let mut tail = build(dir.tail().checkpoints(stored(&tail)), &dir, &joiner);
    assert!(records(&mut tail, &joiner).is_empty());
    dir.shift("a.log", 3);
    dir.append("a.log", "ERROR three\n\tat b\n");
    assert_eq!(records(&mut tail, &joiner), ["ERROR two\n\tat a"]);
    // Cut in place, with no copy: what was read is not lost.
    fs::write(dir.path("a.log"), "").unwrap();
    assert_eq!(records(&mut tail, &joiner), ["ERROR three\n\tat b"]);
    // Cut in place with a copy: once.
    let long = "x".repeat(100);
    dir.append("a.log", format!("ERROR {long}\nERROR four\n"));
    assert_eq!(records(&mut tail, &joiner), [format!("ERROR {long}")]);
    fs::copy(dir.path("a.log"), dir.path("a.log.1")).unwrap();
    fs::write(dir.path("a.log"), "ERROR five\nERROR six\n").unwrap();
    assert_eq!(records(&mut tail, &joiner), ["ERROR four", "ERROR five"]);
    assert_eq!(status(&tail).gaps, 0);
}

#[test]
fn a_torn_line_that_is_taken_back_leaves_the_held_ones() {
    let dir = Dir::new();
    let joiner = waiting(FOREVER);
    dir.append("a.log", "ERROR one\n\tat a\n\ttorn");
    let mut tail = build(dir.tail(), &dir, &joiner);
    assert!(records(&mut tail, &joiner).is_empty());
    fs::File::options().write(true).open(dir.path("a.log")).unwrap().set_len(16).unwrap();
    assert!(records(&mut tail, &joiner).is_empty());
    dir.append("a.log", "\tat b, which is longer than what was torn\nERROR two\n");
    let expect = ["ERROR one\n\tat a\n\tat b, which is longer than what was torn"];
    assert_eq!(records(&mut tail, &joiner), expect);
    assert_eq!(status(&tail).truncations, 0);
}

#[test]
fn limits_bound_what_is_held() {
    let dir = Dir::new();
    let check = |builder: JoinerBuilder, max_line: usize, text: &str, expect: &[usize]| {
        fs::write(dir.path("a.log"), text).unwrap();
        let joiner = builder.wait(FOREVER).build().unwrap();
        let mut tail = build(dir.tail().max_line_bytes(max_line), &dir, &joiner);
        let mut got = Vec::new();
        while tail
            .poll(3, &mut |line| {
                got.push(line.bytes.len());
            })
            .more
        {}
        tail.finish(&mut |line| got.push(line.bytes.len()));
        assert_eq!(got, expect);
    };
    let text = format!("ERROR\n{}{}\n x\nERROR\n", "\tat a\n".repeat(7), "y".repeat(50));
    let many = [5, 5, 5, 5, 5, 5, 5, 5, 50, 2, 5];
    check(Joiner::builder(), 100, &text, &many);
    check(Joiner::builder().max_lines(2), 100, &text, &many);
    check(Joiner::builder().max_bytes(10), 100, &text, &many);
    // A line that is cut is one wherever it stands.
    check(Joiner::builder(), 16, &text, &[5, 5, 5, 5, 5, 5, 5, 5, 16, 2, 5]);
    let torn = format!("ERROR\n x\n{}", "y".repeat(500));
    check(Joiner::builder(), 16, &torn, &[5, 2, 16]);
}

#[test]
fn every_record_once_and_whole_under_random_writes_rotations_and_kills() {
    let mut restarts = 0;
    let mut total = 0;
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let dir = Dir::new();
        let joiner = waiting(FOREVER);
        dir.append("a.log", "");
        let mut expect: Vec<String> = Vec::new();
        let mut text: Vec<u8> = Vec::new();
        for n in 0..300 {
            let mut record = format!("2026-11-24 08:00:03 ERROR number {n}");
            for line in 0..random.usize(0..6) {
                record += &format!("\n\tat line {line} of {n}{}", "x".repeat(random.usize(0..90)));
            }
            text.extend(record.as_bytes());
            text.push(b'\n');
            expect.push(record);
        }
        let mut tail = build(dir.tail(), &dir, &joiner);
        let mut got = Vec::new();
        let mut written = 0;
        let mut committed = stored(&tail);
        while written < text.len() {
            let end = text.len().min(written + random.usize(1..2_000));
            dir.append("a.log", &text[written..end]);
            written = end;
            got.extend(records(&mut tail, &joiner));
            committed = stored(&tail);
            match random.u8(0..6) {
                // A whole record stands at the end of a file that is rotated.
                0 if text[..written].ends_with(b"\n")
                    && text.get(written).is_none_or(|&next| next == b'2') =>
                {
                    dir.shift("a.log", 500);
                    dir.append("a.log", "");
                }
                1 => {
                    tail = build(dir.tail().checkpoints(committed.clone()), &dir, &joiner);
                    restarts += 1;
                }
                _ => {}
            }
        }
        got.extend(records(&mut tail, &joiner));
        drop(committed);
        tail.finish_blocks(&mut |block| {
            let ranges = joiner.records(block.bytes);
            got.extend(ranges.map(|r| String::from_utf8(block.bytes[r].to_vec()).unwrap()));
        });
        assert_eq!(got.len(), expect.len(), "seed {seed}");
        assert!(got == expect, "seed {seed}");
        total += got.len();
    }
    println!("records: {total} of several lines each whole and once, {restarts} restarts");
    assert!(restarts > 100);
}
