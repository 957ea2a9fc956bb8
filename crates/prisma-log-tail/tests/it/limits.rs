//! Long lines, odd bytes, and things that are no logs.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use prisma_log_tail::{SourceState, Tail};

use crate::support::{Dir, finish, lines, status, stored};

#[test]
fn long_lines_are_cut_and_counted() {
    let dir = Dir::new();
    let max = 1 << 20;
    let mut text = String::new();
    for len in [max - 1, max, max + 1, 3 * max + 7] {
        text += &format!("{}\n{}\r\n", "a".repeat(len), "b".repeat(len));
    }
    text += "short\n";
    dir.append("a.log", &text);
    let mut tail = dir.follow("a.log");
    let got = lines(&mut tail);
    let lens: Vec<usize> = got.iter().map(String::len).collect();
    assert_eq!(lens, [max - 1, max - 1, max, max, max, max, max, max, 5]);
    assert_eq!(got[8], "short");
    let status = status(&tail);
    assert_eq!((status.cut_lines, status.lines), (4, 9));
    assert_eq!(status.bytes, text.len() as u64, "skipped bytes count too");
}

#[test]
fn a_line_that_grows_too_long_is_cut_once_also_across_restarts() {
    let dir = Dir::new();
    dir.append("a.log", "");
    let build = |checkpoints| {
        let tail = dir.tail().file(dir.path("a.log")).from_start(true);
        tail.max_line_bytes(100).checkpoints(checkpoints).build().unwrap()
    };
    let mut tail = build(Vec::new());
    let mut got = Vec::new();
    for _ in 0..300 {
        dir.append("a.log", "é");
        got.extend(lines(&mut tail));
        tail = build(stored(&tail));
    }
    dir.append("a.log", "x\nnext\n");
    got.extend(lines(&mut tail));
    assert_eq!(got, ["é".repeat(50), "next".to_owned()]);
}

#[test]
fn a_cut_is_never_inside_a_character() {
    let dir = Dir::new();
    dir.append("a.log", format!("x{}\n\u{10348}{}\n", "é".repeat(50), "\u{10348}".repeat(5)));
    dir.append("b.log", [&[0x80; 40][..], b"\n"].concat());
    let mut tail = dir.tail().glob(dir.path("*.log").to_str().unwrap()).from_start(true);
    tail = tail.max_line_bytes(18);
    let mut tail = tail.build().unwrap();
    let mut got = Vec::new();
    tail.poll(100, &mut |line| got.push((line.bytes.to_vec(), line.cut)));
    let expect = [format!("x{}", "é".repeat(8)), "\u{10348}".repeat(4)];
    assert_eq!(got[0], (expect[0].clone().into_bytes(), true));
    assert_eq!(got[1], (expect[1].clone().into_bytes(), true));
    assert_eq!(got[2], (vec![0x80; 18], true), "bytes that are no characters are cut anywhere");
    let invalid: Vec<u64> = tail.sources().iter().map(|s| s.invalid_utf8_lines).collect();
    assert_eq!(invalid, [0, 1]);
}

#[test]
fn invalid_utf8_and_late_nul_bytes_are_handed_out_as_they_are() {
    let dir = Dir::new();
    let padding = "p".repeat(9000);
    dir.append("a.log", format!("{padding}\n"));
    dir.append("a.log", b"\xff\xfe \xc3( \0 x\n\xe2\x82\xac\n");
    let mut tail = dir.follow("a.log");
    let mut got = Vec::new();
    tail.poll(100, &mut |line| got.push(line.bytes.to_vec()));
    assert_eq!(got[1..], [b"\xff\xfe \xc3( \0 x".to_vec(), b"\xe2\x82\xac".to_vec()]);
    assert_eq!(status(&tail).invalid_utf8_lines, 1);
}

#[test]
fn what_is_no_log_fails_alone_and_is_tried_again_when_replaced() {
    let dir = Dir::new();
    fs::create_dir(dir.path("dir")).unwrap();
    let fifo = Command::new("mkfifo").arg(dir.path("fifo")).status().unwrap();
    assert!(fifo.success());
    let _socket = UnixListener::bind(dir.path("socket")).unwrap();
    fs::write(dir.path("binary"), b"\x7fELF\x02\x01\0\0").unwrap();
    fs::write(dir.path("utf16"), b"\xff\xfeh\0i\0\n\0").unwrap();
    fs::write(dir.path("xz"), b"\xfd7zXZ\0\0").unwrap();
    std::os::unix::fs::symlink("loop", dir.path("loop")).unwrap();
    fs::write(dir.path("file"), "").unwrap();
    dir.append("good", "one\n");

    let cases = [
        ("dir", "is a directory, not a log file"),
        ("fifo", "is a FIFO, not a log file"),
        ("socket", "is a socket, not a log file"),
        ("binary", "is not a text log: NUL byte at offset 6"),
        ("utf16", "is UTF-16 text, not UTF-8"),
        ("xz", "is compressed (xz)"),
        ("loop", "cannot open"),
        ("file/below", "cannot open"),
    ];
    let mut builder = dir.tail().file("/dev/null").file(dir.path("good")).from_start(true);
    for (name, _) in cases {
        builder = builder.file(dir.path(name));
    }
    let mut tail = builder.build().unwrap();
    assert_eq!(lines(&mut tail), ["one"]);
    let check = |tail: &Tail| {
        let sources = tail.sources();
        assert!(sources[0].error.as_ref().unwrap().to_string().contains("is a device"));
        assert_eq!(sources[1].state, SourceState::Following);
        for (source, (name, reason)) in sources[2..].iter().zip(cases) {
            let error = source.error.as_ref().unwrap().to_string();
            assert!(error.contains(reason) && error.contains(name), "{error}");
            assert_eq!(source.state, SourceState::Failed);
        }
    };
    check(&tail);
    let checkpoints = stored(&tail);
    lines(&mut tail);
    check(&tail);

    let mut expect = Vec::new();
    for (name, _) in &cases[..7] {
        let path = dir.path(name);
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).unwrap();
        dir.append(name, format!("now {name}\n"));
        expect.push(format!("now {name}"));
    }
    let mut got = lines(&mut tail);
    got.sort();
    expect.sort();
    assert_eq!(got, expect);
    assert_eq!(tail.sources().iter().filter(|s| s.state == SourceState::Failed).count(), 2);

    // The failure is no reason to miss the lines after a restart either.
    let mut builder = dir.tail().checkpoints(checkpoints);
    for (name, _) in &cases[..7] {
        builder = builder.file(dir.path(name));
    }
    let mut got = lines(&mut builder.build().unwrap());
    got.sort();
    assert_eq!(got, expect);
}

#[test]
fn binary_content_that_appears_later_is_refused_too() {
    let dir = Dir::new();
    dir.append("a.log", "");
    let mut tail = dir.follow("a.log");
    assert!(lines(&mut tail).is_empty());
    dir.append("a.log", b"PK\x03\x04\0\0\n");
    assert!(lines(&mut tail).is_empty());
    let failed = status(&tail);
    assert_eq!(failed.state, SourceState::Failed);
    assert!(failed.error.unwrap().to_string().contains("NUL byte at offset 4"));
    dir.rename("a.log", "a.log.1");
    dir.append("a.log", "text\n");
    assert_eq!(lines(&mut tail), ["text"]);
    assert_eq!(status(&tail).state, SourceState::Following);
    // Rotated away between two polls: the binary file is left out, the next one is read.
    dir.rename("a.log", "a.log.2");
    dir.append("a.log", b"\0\0\n");
    assert!(lines(&mut tail).is_empty());
    assert_eq!(status(&tail).state, SourceState::Failed);
    dir.rename("a.log", "a.log.1");
    dir.append("a.log", "text again\n");
    assert_eq!(lines(&mut tail), ["text again"]);
    assert!(status(&tail).error.is_none());
}

#[test]
fn unreadable_files_are_reported_and_read_once_they_can_be() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    dir.append("a.log", "old\n");
    let mode = |mode| {
        fs::set_permissions(dir.path("a.log"), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o000);
    if fs::File::open(dir.path("a.log")).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let mut tail = dir.tail().file(dir.path("a.log")).build().unwrap();
    lines(&mut tail);
    let error = status(&tail).error.unwrap();
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::PermissionDenied));
    assert!(error.to_string().contains("a.log"));
    mode(0o600);
    dir.append("a.log", "new\n");
    assert_eq!(lines(&mut tail), ["new"]);
}

#[test]
fn sources_take_turns() {
    let dir = Dir::new();
    let text: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    let mut builder = dir.tail().from_start(true);
    for name in ["a", "b", "c"] {
        dir.append(name, &text);
        builder = builder.file(dir.path(name));
    }
    let mut tail = builder.build().unwrap();
    let outcome = tail.poll(9_000, &mut |_| {});
    assert_eq!((outcome.lines, outcome.more), (9_000, true));
    for source in tail.sources() {
        assert!((2_000..4_000).contains(&source.lines), "{}", source.lines);
    }
    assert_eq!(finish(&mut tail).len(), 51_000);
    assert_eq!(tail.poll(1, &mut |_| {}).lines, 0);
}

#[test]
fn globs_find_files_that_appear_but_no_rotated_or_compressed_ones() {
    let dir = Dir::new();
    fs::create_dir(dir.path("sub.log")).unwrap();
    for name in ["a.log", "b.log", "a.log.1", "a.log-20261124", ".hidden.log", "b.log.2.gz"] {
        dir.append(name, format!("{name}\n"));
    }
    std::os::unix::fs::symlink(dir.path("a.log"), dir.path("link.log")).unwrap();
    let pattern = dir.path("*.log*");
    let builder = dir.tail().glob(pattern.to_str().unwrap()).from_start(true);
    let mut tail = builder.clone().build().unwrap();
    let names = |tail: &Tail| -> Vec<String> {
        let sources = tail.sources();
        let names = sources.iter().map(|s| s.path.file_name().unwrap().to_string_lossy());
        names.map(|name| name.into_owned()).collect()
    };
    assert_eq!(names(&tail), ["a.log", "b.log"]);
    assert_eq!(lines(&mut tail), ["a.log", "b.log"]);

    dir.append("c.log", "new file\n");
    dir.rename("b.log", "b.log.1");
    let mut got = Vec::new();
    for _ in 0..500 {
        got.extend(lines(&mut tail));
        if !got.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(got, ["new file"]);
    assert_eq!(names(&tail), ["a.log", "b.log", "c.log"]);

    // After a restart, b.log is known although there is only its rotated file.
    dir.append("b.log.1", "late\n");
    let mut tail = builder.checkpoints(stored(&tail)).build().unwrap();
    assert_eq!(lines(&mut tail), ["late"]);
}

#[test]
fn a_file_with_several_names_is_read_once() {
    let dir = Dir::new();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(dir.path(target), dir.path(name)).unwrap();
    };
    let wait_for = |tail: &mut Tail, expect: &[&str]| {
        let mut got = Vec::new();
        // Long enough for a second search.
        for _ in 0..130 {
            got.extend(lines(tail));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(got, expect);
    };
    dir.append("m.log", "one\n");
    // The link's name comes first, and still the file's own name counts.
    link("m.log", "a.log");
    fs::hard_link(dir.path("m.log"), dir.path("z.log")).unwrap();
    dir.append("z.log.1", "rotated, not read for its own sake\n");
    let pattern = dir.path("*.log*");
    let builder = dir.tail().glob(pattern.to_str().unwrap()).from_start(true);
    let mut tail = builder.clone().build().unwrap();
    wait_for(&mut tail, &["one"]);
    assert_eq!(status(&tail).path, dir.path("m.log"));

    // Also when all names appear while it runs, and after a restart.
    dir.append("n.log", "two\n");
    link("n.log", "b.log");
    fs::hard_link(dir.path("n.log"), dir.path("y.log")).unwrap();
    wait_for(&mut tail, &["two"]);
    dir.append("y.log", "three\n");
    let mut tail = builder.checkpoints(stored(&tail)).build().unwrap();
    wait_for(&mut tail, &["three"]);

    // A link that moves on to a file which no pattern matches is a log of its own.
    dir.append("elsewhere", "four\n");
    dir.remove("a.log");
    link("elsewhere", "a.log");
    wait_for(&mut tail, &["four"]);
}

#[test]
fn a_log_that_is_a_link_to_a_dated_file_is_found_by_its_own_name() {
    let dir = Dir::new();
    dir.append("a.log.2026-11-24", "one\n");
    std::os::unix::fs::symlink(dir.path("a.log.2026-11-24"), dir.path("a.log")).unwrap();
    let pattern = dir.path("*.log*");
    let mut tail = dir.tail().glob(pattern.to_str().unwrap()).from_start(true).build().unwrap();
    assert_eq!(lines(&mut tail), ["one"]);
    assert_eq!(status(&tail).path, dir.path("a.log"));
}

#[test]
fn a_path_that_is_spelled_in_two_ways_is_read_once() {
    let dir = Dir::new();
    fs::create_dir(dir.path("dup")).unwrap();
    std::os::unix::fs::symlink(dir.path("dup"), dir.path("link")).unwrap();
    dir.append("dup/a.log", "one\n");
    let names = ["dup/a.log", "dup/../dup/a.log", "link/a.log", "dup/./a.log"];
    let builder = dir.tail().from_start(true);
    let builder = names.into_iter().fold(builder, |builder, name| builder.file(dir.path(name)));
    let mut tail = builder.build().unwrap();
    assert_eq!(lines(&mut tail), ["one"]);
    assert_eq!(status(&tail).path, dir.path("dup/a.log"));
}

#[test]
fn a_rotated_file_named_by_hand_is_read_once() {
    let dir = Dir::new();
    dir.append("a.log.1", "old\n");
    dir.append("a.log", "one\n");
    let builder = dir.tail().file(dir.path("a.log")).file(dir.path("a.log.1"));
    let mut tail = builder.file(dir.path("a.log")).from_start(true).build().unwrap();
    assert_eq!(tail.sources().len(), 2);
    assert_eq!(lines(&mut tail), ["one", "old"]);
    dir.shift("a.log", 3);
    dir.append("a.log", "two\n");
    assert_eq!(lines(&mut tail), ["two"]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let check = |builder: prisma_log_tail::TailBuilder, expect: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    check(Tail::builder(), "nothing to follow");
    check(Tail::builder().file("a").max_line_bytes(0), "max_line_bytes is 0: expected 16 to");
    check(Tail::builder().glob("a[b"), "bad file pattern `a[b`");
    assert!(Tail::builder().file("").build().is_err());
}

#[test]
fn followers_and_parsers_can_be_moved_to_a_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Tail>();
    is_send::<prisma_log_tail::LineParser>();
    is_send::<prisma_log_tail::Checkpoint>();
    let dir = Dir::new();
    dir.append("a.log", "one\n");
    let forever = std::time::Duration::MAX;
    let tail = Tail::builder().file(dir.path("a.log")).from_start(true);
    let mut tail = tail.poll_interval(forever).linger(forever).build().unwrap();
    assert_eq!(lines(&mut tail), ["one"]);
    assert_eq!(lines(&mut tail), Vec::<String>::new());
}

#[test]
fn every_flipped_bit_of_a_checkpoint_is_an_error_and_never_another_place() {
    let dir = Dir::new();
    dir.append("a.log", "one\n".repeat(1000));
    dir.append("b.log", "no line end yet");
    let pattern = dir.path("*.log");
    let builder = dir.tail().glob(pattern.to_str().unwrap()).from_start(true);
    let builder = builder.file(dir.path("missing.log")).linger(std::time::Duration::MAX);
    let mut tail = builder.build().unwrap();
    let mut flips = 0;
    for round in 0..4 {
        tail.poll(300, &mut |_| {});
        dir.shift("a.log", 9);
        dir.append("a.log", format!("round {round}\n"));
        tail.poll(usize::MAX, &mut |_| {});
        tail.finish(&mut |_| {});
        for checkpoint in tail.checkpoints() {
            let good = checkpoint.to_bytes();
            assert_eq!(prisma_log_tail::Checkpoint::from_bytes(&good).unwrap(), checkpoint);
            for bit in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                let error = prisma_log_tail::Checkpoint::from_bytes(&bad).unwrap_err();
                assert!(error.is_data(), "bit {bit}: {error}");
                flips += 1;
            }
        }
    }
    println!("checkpoints: {flips} flipped bits, each an error");
}
