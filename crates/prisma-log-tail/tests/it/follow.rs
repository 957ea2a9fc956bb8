//! Growing, rotated, cut and deleted files: one behaviour each.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use prisma_log_tail::{SourceState, Tail};

use crate::support::{Dir, finish, lines, status, stored};

const NOTHING: [&str; 0] = [];

#[test]
fn lines_end_with_lf_or_crlf_and_may_be_empty() {
    let dir = Dir::new();
    dir.append("a.log", "\u{feff}one\ntwo\r\n\n\r\nthr");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one", "two", "", ""]);
    assert_eq!(status(&tail).bytes_left, 3);
    dir.append("a.log", "ee\r");
    assert_eq!(lines(&mut tail), NOTHING);
    dir.append("a.log", "\nfo\u{feff}ur\n");
    assert_eq!(lines(&mut tail), ["three", "fo\u{feff}ur"]);
    let status = status(&tail);
    assert_eq!((status.lines, status.bytes, status.bytes_left), (6, 30, 0));
    assert_eq!(status.bytes, fs::metadata(dir.path("a.log")).unwrap().len());
}

#[test]
fn a_line_written_byte_by_byte_comes_once_and_whole_also_across_restarts() {
    let dir = Dir::new();
    dir.append("a.log", "");
    let mut tail = dir.follow("a.log");
    let mut got = Vec::new();
    for (n, byte) in "héllo wörld\r\nzweite\n".bytes().enumerate() {
        dir.append("a.log", [byte]);
        if n % 3 == 0 {
            tail = dir.tail().file(dir.path("a.log")).checkpoints(stored(&tail)).build().unwrap();
        }
        got.extend(lines(&mut tail));
    }
    assert_eq!(got, ["héllo wörld", "zweite"]);
}

#[test]
fn starts_at_the_end_but_not_inside_a_line() {
    let dir = Dir::new();
    dir.append("a.log", format!("{}\nold\nha", "x".repeat(10_000)));
    let mut tail = dir.tail().file(dir.path("a.log")).build().unwrap();
    assert_eq!(lines(&mut tail), NOTHING);
    dir.append("a.log", "lf\nnew\n");
    assert_eq!(lines(&mut tail), ["half", "new"]);

    dir.append("long.log", "y".repeat(5_000));
    let mut tail = dir.tail().file(dir.path("long.log")).max_line_bytes(100).build().unwrap();
    dir.append("long.log", "yyy\nnew\n");
    assert_eq!(lines(&mut tail), ["new"], "the end of a line that is too long is no line");

    dir.append("first.log", "no line end yet");
    let mut tail = dir.tail().file(dir.path("first.log")).build().unwrap();
    dir.append("first.log", ", now\n");
    assert_eq!(lines(&mut tail), ["no line end yet, now"]);
}

#[test]
fn a_file_that_appears_late_is_read_from_its_start() {
    let dir = Dir::new();
    let mut tail = dir.tail().file(dir.path("a.log")).build().unwrap();
    assert_eq!(lines(&mut tail), NOTHING);
    assert_eq!(status(&tail).state, SourceState::Waiting);
    let before = stored(&tail);
    dir.append("a.log", "one\n");
    assert_eq!(lines(&mut tail), ["one"]);
    assert_eq!(status(&tail).state, SourceState::Following);

    // The same after a restart in between, and with a rotation while nobody looked.
    dir.rename("a.log", "a.log.1");
    dir.append("a.log", "two\n");
    let mut tail = dir.tail().file(dir.path("a.log")).checkpoints(before).build().unwrap();
    assert_eq!(lines(&mut tail), ["one", "two"]);
}

#[test]
fn rotated_many_times_between_two_polls() {
    let dir = Dir::new();
    dir.append("a.log.1", "old, written before the start\n");
    dir.append("a.log", "0\n");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["0"]);
    dir.append("a.log", "0 late\n");
    for n in 1..=50 {
        dir.shift("a.log", 100);
        dir.append("a.log", format!("{n}\n"));
    }
    let expect: Vec<String> =
        ["0 late".to_owned()].into_iter().chain((1..=50).map(|n| n.to_string())).collect();
    assert_eq!(lines(&mut tail), expect);
    let status = status(&tail);
    assert_eq!((status.rotations, status.gaps, status.bytes_left), (50, 0, 0));
}

#[test]
fn one_poll_reads_more_rotated_files_than_are_kept_open() {
    for restart in [false, true] {
        let dir = Dir::new();
        dir.append("a.log", "0\n");
        let mut tail = dir.follow("a.log");
        assert_eq!(lines(&mut tail), ["0"]);
        for n in 1..=100 {
            dir.shift("a.log", 200);
            dir.append("a.log", format!("{n}\n"));
        }
        if restart {
            tail = dir.tail().file(dir.path("a.log")).checkpoints(stored(&tail)).build().unwrap();
        }
        let mut got = 0;
        let outcome = tail.poll(usize::MAX, &mut |_| got += 1);
        assert_eq!((got, outcome.more), (100, false));
        assert_eq!(status(&tail).rotations, 100);
    }
}

#[test]
fn rotated_many_times_while_not_running() {
    for names in [0, 1] {
        let dir = Dir::new();
        dir.append("a.log", "a\nb\n");
        let mut tail = dir.follow("a.log");
        let mut first = String::new();
        tail.poll(1, &mut |line| first = String::from_utf8_lossy(line.bytes).into_owned());
        assert_eq!(first, "a");
        let stored = stored(&tail);
        drop(tail);
        for n in 0..4 {
            match names {
                0 => dir.shift("a.log", 9),
                _ => dir.rename("a.log", &format!("a.log-2026112{n}")),
            }
            dir.append("a.log", format!("{n}\n"));
        }
        let mut tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
        assert_eq!(lines(&mut tail), ["b", "0", "1", "2", "3"]);
        assert_eq!((status(&tail).gaps, status(&tail).rotations), (0, 4));
    }
}

#[test]
fn late_writes_to_rotated_files_are_read() {
    let dir = Dir::new();
    dir.append("a.log", "1\n");
    let mut tail =
        dir.tail().file(dir.path("a.log")).from_start(true).linger(Duration::from_secs(3600));
    let mut reader = tail.clone().build().unwrap();
    assert_eq!(lines(&mut reader), ["1"]);
    for n in 2..5 {
        dir.shift("a.log", 9);
        dir.append("a.log", format!("{n}\n"));
        assert_eq!(lines(&mut reader), [n.to_string()]);
    }
    dir.append("a.log.3", "late 1\n");
    dir.append("a.log.2", "late 2, hal");
    assert_eq!(lines(&mut reader), ["late 1"]);
    tail = tail.checkpoints(stored(&reader));
    let mut reader = tail.build().unwrap();
    dir.append("a.log.2", "f\n");
    dir.append("a.log.3", "later 1\n");
    assert_eq!(lines(&mut reader), ["later 1", "late 2, half"]);
    assert_eq!(finish(&mut reader), NOTHING);
}

#[test]
fn after_the_grace_period_only_the_newest_rotated_file_is_still_read() {
    let dir = Dir::new();
    dir.append("a.log", "1\n");
    let mut tail = dir.follow("a.log");
    lines(&mut tail);
    for n in 2..4 {
        dir.shift("a.log", 9);
        dir.append("a.log", format!("{n}\n"));
        assert_eq!(lines(&mut tail), [n.to_string()]);
    }
    dir.append("a.log.1", "late\n");
    dir.append("a.log.2", "too late\n");
    assert_eq!(lines(&mut tail), ["late"]);
}

#[test]
fn an_incomplete_line_of_a_rotated_file_comes_when_the_grace_period_is_over() {
    let dir = Dir::new();
    dir.append("a.log", "1\nhal");
    let builder = dir.tail().file(dir.path("a.log")).from_start(true);
    let mut patient = builder.clone().linger(Duration::from_secs(3600)).build().unwrap();
    let mut tail = builder.build().unwrap();
    assert_eq!(lines(&mut tail), ["1"]);
    assert_eq!(lines(&mut patient), ["1"]);
    dir.shift("a.log", 2);
    dir.append("a.log", "2\n");
    assert_eq!(lines(&mut tail), ["2", "hal"]);
    assert_eq!(lines(&mut patient), ["2"]);
    assert_eq!(finish(&mut patient), ["hal"]);
}

#[test]
fn finish_hands_out_incomplete_lines_and_goes_on_after_them() {
    let dir = Dir::new();
    dir.append("a.log", "1\nhal");
    let mut tail = dir.follow("a.log");
    assert_eq!(finish(&mut tail), ["1", "hal"]);
    assert_eq!(status(&tail).bytes_left, 0);
    let stored = stored(&tail);
    dir.append("a.log", "\n2\n");
    assert_eq!(lines(&mut tail), ["2"], "the line end alone is no empty line");
    let mut tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
    assert_eq!(lines(&mut tail), ["2"]);
}

#[test]
fn an_incomplete_line_that_was_handed_out_may_be_taken_back_too() {
    for restart in [false, true] {
        let dir = Dir::new();
        dir.append("a.log", "one\ntor");
        let mut tail = dir.follow("a.log");
        assert_eq!(finish(&mut tail), ["one", "tor"]);
        dir.append("a.log", "n he");
        assert_eq!(finish(&mut tail), ["n he"]);
        let stored = stored(&tail);
        fs::OpenOptions::new().write(true).open(dir.path("a.log")).unwrap().set_len(4).unwrap();
        dir.append("a.log", if restart { "two\n" } else { "two, longer than before\n" });
        if restart {
            tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
        }
        assert_eq!(lines(&mut tail).len(), 1, "only the new line");
        assert_eq!((status(&tail).truncations, status(&tail).gaps), (0, 0));
    }
}

#[test]
fn truncated_in_place() {
    let dir = Dir::new();
    dir.append("a.log", "one\ntwo\nthr");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one", "two"]);
    fs::write(dir.path("a.log"), "").unwrap();
    assert_eq!(lines(&mut tail), ["thr"], "what was held of the last line is not lost");
    dir.append("a.log", "new\n");
    assert_eq!(lines(&mut tail), ["new"]);
    assert_eq!((status(&tail).truncations, status(&tail).rotations), (1, 0));
}

#[test]
fn truncated_and_grown_past_the_old_position_between_two_polls() {
    for restart in [false, true] {
        let dir = Dir::new();
        let banner = format!("{}\n", "=".repeat(2000));
        dir.append("a.log", format!("{banner}one\ntwo\n"));
        let mut tail = dir.follow("a.log");
        assert_eq!(lines(&mut tail).len(), 3);
        let stored = stored(&tail);
        // The same header, so that only the bytes before the old position tell.
        fs::write(dir.path("a.log"), format!("{banner}three\nfour\nfive\n")).unwrap();
        if restart {
            tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
            assert_eq!(status(&tail).gaps, 1);
        }
        assert_eq!(lines(&mut tail), [banner.trim_end(), "three", "four", "five"]);
        assert_eq!(status(&tail).truncations, u64::from(!restart));
    }
}

#[test]
fn another_start_is_another_file_even_if_the_end_is_the_same() {
    let dir = Dir::new();
    let end = format!("{}\n", "the same end ".repeat(20));
    dir.append("a.log", format!("first start\n{end}"));
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail).len(), 2);
    let stored = stored(&tail);
    fs::write(dir.path("a.log"), format!("other start\n{end}more\n")).unwrap();
    let mut tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
    assert_eq!(lines(&mut tail), ["other start", end.trim_end_matches('\n'), "more"]);
    assert_eq!(status(&tail).gaps, 1);
}

#[test]
fn copytruncate_loses_nothing_that_is_in_the_copy() {
    for restart in [false, true] {
        let dir = Dir::new();
        let long = "x".repeat(100);
        dir.append("a.log", format!("{long}\nread\n"));
        let mut tail = dir.follow("a.log");
        assert_eq!(lines(&mut tail).len(), 2);
        let stored = stored(&tail);
        dir.append("a.log", "not read yet\nhal");
        fs::copy(dir.path("a.log"), dir.path("a.log.1")).unwrap();
        fs::write(dir.path("a.log"), "f, the other half\nnew\n").unwrap();
        if restart {
            tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
        }
        let mut got = lines(&mut tail);
        got.sort();
        assert_eq!(got, ["f, the other half", "hal", "new", "not read yet"], "{restart}");
        assert_eq!((status(&tail).gaps, status(&tail).truncations), (0, u64::from(!restart)));
    }
}

#[test]
fn a_torn_last_line_that_its_writer_takes_back_is_no_truncation() {
    let dir = Dir::new();
    dir.append("a.log", "one\ntorn {\"a\":");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one"]);
    fs::OpenOptions::new().write(true).open(dir.path("a.log")).unwrap().set_len(4).unwrap();
    assert_eq!(lines(&mut tail), NOTHING);
    dir.append("a.log", "two, which is longer than what was taken back\n");
    assert_eq!(lines(&mut tail), ["two, which is longer than what was taken back"]);
    assert_eq!(status(&tail).truncations, 0);
}

#[test]
fn deleted_and_created_again() {
    let dir = Dir::new();
    dir.append("a.log", "one\nhal");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one"]);
    dir.append("a.log", "f\nlast words\n");
    dir.remove("a.log");
    assert_eq!(lines(&mut tail), ["half", "last words"]);
    lines(&mut tail);
    assert_eq!(status(&tail).state, SourceState::Waiting);
    dir.append("a.log", "two\n");
    assert_eq!(lines(&mut tail), ["two"]);

    let mut patient =
        dir.tail().file(dir.path("a.log")).linger(Duration::from_secs(3600)).build().unwrap();
    dir.remove("a.log");
    assert_eq!(lines(&mut patient), NOTHING);
    dir.append("a.log", "three\n");
    assert_eq!(lines(&mut patient), ["three"]);
    assert_eq!((status(&patient).rotations, status(&patient).gaps), (1, 0));
}

#[test]
fn a_reused_inode_is_another_file() {
    let dir = Dir::new();
    let mut reused = 0;
    for round in 0..50 {
        dir.append("a.log", format!("one {round}\ntwo\n"));
        let inode = fs::metadata(dir.path("a.log")).unwrap().ino();
        let mut tail = dir.follow("a.log");
        assert_eq!(lines(&mut tail).len(), 2);
        let stored = stored(&tail);
        drop(tail);
        dir.remove("a.log");
        dir.append("a.log", format!("new {round}\ntwo\nthree\n"));
        reused += u32::from(fs::metadata(dir.path("a.log")).unwrap().ino() == inode);
        let mut tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
        assert_eq!(lines(&mut tail), [&format!("new {round}"), "two", "three"]);
        assert_eq!(status(&tail).gaps, 1);
        dir.remove("a.log");
    }
    println!("inode reuse: {reused} of 50 files got the inode of the deleted one");
}

#[test]
fn a_vanished_file_is_a_gap_and_only_newer_files_are_read() {
    let dir = Dir::new();
    dir.append("a.log.3", "old\n");
    let old = fs::File::options().append(true).open(dir.path("a.log.3")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    dir.append("a.log", "one\n");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one"]);
    let before = stored(&tail);
    dir.append("a.log", "never read\n");
    dir.rename("a.log", "a.log.2");
    dir.append("a.log.1", "two\n");
    dir.append("a.log", "three\n");
    dir.remove("a.log.2");
    let mut after = dir.tail().file(dir.path("a.log")).checkpoints(before).build().unwrap();
    assert_eq!(lines(&mut after), ["two", "three"]);
    assert_eq!(status(&after).gaps, 1);
    // The reader that was running has the file open still, and an older file shows that nothing
    // between was deleted.
    assert_eq!(lines(&mut tail), ["never read", "two", "three"]);
    assert_eq!(status(&tail).gaps, 0);
}

#[test]
fn rotations_that_deleted_unread_files_are_noticed() {
    let dir = Dir::new();
    dir.append("a.log", "0\n");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["0"]);
    for n in 1..6 {
        dir.shift("a.log", 2);
        dir.append("a.log", format!("{n}\n"));
    }
    assert_eq!(lines(&mut tail), ["3", "4", "5"]);
    assert_eq!(status(&tail).gaps, 1);
}

#[test]
fn a_log_that_was_moved_elsewhere_is_read_to_its_end_first() {
    let dir = Dir::new();
    fs::create_dir(dir.path("archive")).unwrap();
    dir.append("a.log", "one\n");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one"]);
    dir.append("a.log", "two\n");
    dir.rename("a.log", "archive/a.log");
    dir.append("a.log", "three\n");
    assert_eq!(lines(&mut tail), ["two", "three"]);
    assert_eq!((status(&tail).rotations, status(&tail).gaps), (1, 0));
}

#[test]
fn a_symlink_that_moves_on_to_the_next_file() {
    let dir = Dir::new();
    let link = |target: &str| {
        let _ = fs::remove_file(dir.path("new"));
        std::os::unix::fs::symlink(dir.path(target), dir.path("new")).unwrap();
        dir.rename("new", "a.log");
    };
    dir.append("a.log.2026-11-23", "one\n");
    link("a.log.2026-11-23");
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail), ["one"]);
    dir.append("a.log.2026-11-23", "two\n");
    dir.append("a.log.2026-11-24", "three\n");
    dir.append("a.log.2026-11-25", "four\n");
    link("a.log.2026-11-25");
    assert_eq!(lines(&mut tail), ["two", "three", "four"]);
}

#[test]
fn many_lines_in_several_blocks() {
    let dir = Dir::new();
    let text: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
    dir.append("a.log", &text);
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail).join("\n") + "\n", text);
    let mut tail = Tail::builder().file(dir.path("a.log")).from_start(true).build().unwrap();
    let mut count = 0;
    let outcome = tail.poll(usize::MAX, &mut |_| count += 1);
    assert_eq!((outcome.lines, outcome.bytes, count), (200_000, text.len() as u64, 200_000));
}
