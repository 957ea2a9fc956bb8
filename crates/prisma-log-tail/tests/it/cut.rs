//! Files that are cut in place, more than once and by writers that don't append.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use prisma_log_tail::{SourceState, Tail};

use crate::support::{Dir, finish, lines, status, stored};

/// A writer without `O_APPEND`, which goes on at its own offset whatever happens to the file.
struct Stubborn {
    file: File,
    offset: u64,
    next: u32,
}

impl Stubborn {
    fn new(dir: &Dir, name: &str) -> Stubborn {
        Stubborn { file: File::create(dir.path(name)).unwrap(), offset: 0, next: 0 }
    }

    fn write(&mut self, lines: u32) {
        let end = self.next + lines;
        let text: String = (self.next..end).map(|n| format!("line {n}\n")).collect();
        self.file.write_all_at(text.as_bytes(), self.offset).unwrap();
        self.offset += text.len() as u64;
        self.next = end;
    }
}

fn copytruncate(dir: &Dir, name: &str) {
    for n in (1..9).rev() {
        let numbered = |n: u32| dir.path(&format!("{name}.{n}"));
        let _ = fs::rename(numbered(n), numbered(n + 1));
    }
    fs::copy(dir.path(name), dir.path(&format!("{name}.1"))).unwrap();
    File::options().write(true).open(dir.path(name)).unwrap().set_len(0).unwrap();
}

fn again(dir: &Dir, tail: &Tail) -> Tail {
    dir.tail().file(dir.path("a.log")).checkpoints(stored(tail)).build().unwrap()
}

fn numbered(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("line {n}")).collect()
}

#[test]
fn cut_several_times_between_two_polls() {
    for rounds in [2, 5] {
        let dir = Dir::new();
        let mut next = 0;
        let mut write = |count: u32| {
            for n in next..next + count {
                dir.append("a.log", format!("line {n}\n"));
            }
            next += count;
            next
        };
        write(20);
        let mut tail = dir.follow("a.log");
        let mut got = lines(&mut tail);
        assert_eq!(got.len(), 20);
        for _ in 0..rounds {
            write(7);
            copytruncate(&dir, "a.log");
        }
        let total = write(30);
        got.extend(lines(&mut tail));
        assert_eq!(got, numbered(total), "{rounds} rounds");
        assert_eq!((status(&tail).gaps, status(&tail).bytes_left), (0, 0));
    }
}

#[test]
fn a_hole_that_a_writer_without_append_leaves_is_no_line() {
    // When to poll: before the cut, and between the cut and the next write. When to restart.
    for case in 0..16_u32 {
        let [polled, polled_empty, restart, in_hole] = [1, 2, 4, 8].map(|bit| case & bit != 0);
        let dir = Dir::new();
        let mut writer = Stubborn::new(&dir, "a.log");
        writer.write(60);
        let mut tail = dir.follow("a.log");
        let mut got = lines(&mut tail);
        writer.write(40);
        if polled {
            got.extend(lines(&mut tail));
        }
        copytruncate(&dir, "a.log");
        if polled_empty {
            got.extend(lines(&mut tail));
        }
        if restart {
            tail = again(&dir, &tail);
        }
        if in_hole {
            // A part of the hole is there, and no line behind it.
            writer.file.set_len(writer.offset / 2).unwrap();
            got.extend(lines(&mut tail));
            tail = again(&dir, &tail);
        }
        writer.write(100);
        got.extend(lines(&mut tail));
        got.extend(finish(&mut tail));
        assert_eq!(got, numbered(200), "case {case}");
        assert_eq!(status(&tail).state, SourceState::Following, "case {case}");
        assert_eq!(status(&tail).bytes_left, 0, "case {case}");
    }
}

#[test]
fn copies_of_files_with_holes_are_read_too() {
    for restart in [false, true] {
        let dir = Dir::new();
        let mut writer = Stubborn::new(&dir, "a.log");
        writer.write(100);
        let mut tail = dir.follow("a.log");
        let mut got = lines(&mut tail);
        for round in 0..6 {
            writer.write(50);
            copytruncate(&dir, "a.log");
            writer.write(50);
            // Twice between two polls.
            if round % 2 == 1 {
                got.extend(lines(&mut tail));
                if restart {
                    tail = again(&dir, &tail);
                }
            }
        }
        got.extend(lines(&mut tail));
        assert_eq!(got, numbered(700));
        assert_eq!(status(&tail).gaps, 0);
    }
}

#[test]
fn cut_twice_with_holes_while_not_running() {
    let dir = Dir::new();
    let mut writer = Stubborn::new(&dir, "a.log");
    writer.write(100);
    let mut tail = dir.follow("a.log");
    let mut got = lines(&mut tail);
    for _ in 0..3 {
        writer.write(100);
        copytruncate(&dir, "a.log");
    }
    writer.write(100);
    let mut tail = again(&dir, &tail);
    got.extend(lines(&mut tail));
    assert_eq!(got, numbered(500));
    assert_eq!(status(&tail).gaps, 0);
}

#[test]
fn a_hole_of_many_blocks_is_skipped_and_counted_as_read() {
    let dir = Dir::new();
    let mut writer = Stubborn::new(&dir, "a.log");
    writer.write(10);
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail).len(), 10);
    copytruncate(&dir, "a.log");
    let before = status(&tail).bytes;
    writer.offset = (5 << 20) + 77;
    writer.write(10);
    assert_eq!(lines(&mut tail), numbered(20)[10..]);
    assert_eq!(status(&tail).bytes - before, writer.offset);
    assert_eq!((status(&tail).cut_lines, status(&tail).truncations), (0, 1));
}

#[test]
fn a_file_that_was_never_read_may_not_start_with_nul_bytes() {
    let dir = Dir::new();
    let mut writer = Stubborn::new(&dir, "a.log");
    writer.offset = 100;
    writer.write(10);
    let mut tail = dir.follow("a.log");
    assert!(lines(&mut tail).is_empty());
    assert_eq!(status(&tail).state, SourceState::Failed);
}

#[test]
fn cut_before_the_first_line_was_whole() {
    let dir = Dir::new();
    let file = File::create(dir.path("a.log")).unwrap();
    file.write_all_at(b"torn", 0).unwrap();
    let mut tail = dir.follow("a.log");
    assert!(lines(&mut tail).is_empty());
    file.set_len(0).unwrap();
    file.write_all_at(b"whole\n", 4).unwrap();
    assert_eq!(lines(&mut tail), ["whole"]);
    assert_eq!(status(&tail).state, SourceState::Following);
}
