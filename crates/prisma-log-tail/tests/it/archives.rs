//! Compressed files: given by name, and where a followed log was compressed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use prisma_log_tail::{SourceState, Tail};

use crate::support::{Dir, finish, lines, status, stored};

const NOTHING: [&str; 0] = [];

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    gzip_at(flate2::Compression::fast(), text.as_ref())
}

fn gzip_at(level: flate2::Compression, text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn pack(ending: &str, text: impl AsRef<[u8]>) -> Vec<u8> {
    if ending == "gz" { gzip(text) } else { zstd(text) }
}

fn compress(dir: &Dir, name: &str, ending: &str) {
    compress_as(&dir.path(name), ending);
}

pub(crate) fn compress_in_place(path: &Path) {
    // The time of an inode's creation, which tells that it was used again, is that of the system's
    // last tick.
    std::thread::sleep(Duration::from_millis(5));
    compress_as(path, "gz");
}

/// As `gzip FILE` and `zstd --rm FILE` do: the time of the last change stays, and the file is there
/// until its archive is complete.
fn compress_as(path: &Path, ending: &str) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let packed = format!("{}.{ending}", path.display());
    fs::write(&packed, pack(ending, fs::read(path).unwrap())).unwrap();
    fs::File::options().append(true).open(packed).unwrap().set_modified(modified).unwrap();
    fs::remove_file(path).unwrap();
}

fn numbered(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("line {n} of a log that has some length")).collect()
}

fn text(range: std::ops::Range<u32>) -> String {
    numbered(range).iter().map(|line| format!("{line}\n")).collect()
}

fn again(dir: &Dir, tail: &Tail, names: &[&str]) -> Tail {
    let files = names.iter().fold(dir.tail(), |tail, name| tail.file(dir.path(name)));
    files.checkpoints(stored(tail)).build().unwrap()
}

#[test]
fn archives_are_read_once_from_their_start() {
    for ending in ["gz", "zst"] {
        let dir = Dir::new();
        let name = format!("a.log.{ending}");
        // Several members, an empty one among them, padding, and a last line without an end.
        let members = [text(0..30_000), String::new(), text(30_000..50_000) + "the end"];
        for member in &members {
            dir.append(&name, pack(ending, member));
        }
        if ending == "gz" {
            dir.append(&name, [0; 1024]);
        }
        let mut tail = dir.follow(&name);
        let mut expect = numbered(0..50_000);
        expect.push("the end".to_owned());
        let got = lines(&mut tail);
        assert_eq!(got.len(), expect.len());
        assert!(got == expect);
        assert_eq!(lines(&mut tail), NOTHING);
        let status = status(&tail);
        let bytes = members.iter().map(String::len).sum::<usize>() as u64;
        assert_eq!((status.bytes, status.bytes_left, status.gaps), (bytes, 0, 0));
        assert_eq!(status.state, SourceState::Following);
        assert_eq!(lines(&mut again(&dir, &tail, &[&name])), NOTHING);
        // Without `from_start`, what is there is not read.
        let builder = dir.tail().file(dir.path(&name));
        assert_eq!(lines(&mut builder.build().unwrap()), NOTHING);
    }
}

#[test]
fn a_restart_in_the_middle_goes_on_there() {
    for ending in ["gz", "zst"] {
        let dir = Dir::new();
        let name = format!("a.log.{ending}");
        dir.append(&name, pack(ending, text(0..20_000)));
        let mut tail = dir.follow(&name);
        let mut got = Vec::new();
        loop {
            let outcome = tail.poll(1_777, &mut |line| {
                got.push(String::from_utf8(line.bytes.to_vec()).unwrap());
            });
            if !outcome.more {
                break;
            }
            tail = again(&dir, &tail, &[&name]);
        }
        assert!(got == numbered(0..20_000), "{}", got.len());
    }
}

#[test]
fn finish_reads_archives_to_their_end() {
    let dir = Dir::new();
    for n in 0..5 {
        dir.append(&format!("{n}.gz"), gzip(text(n * 10_000..(n + 1) * 10_000)));
    }
    let pattern = dir.path("*.gz");
    let mut tail = dir.tail().glob(pattern.to_str().unwrap()).from_start(true).build().unwrap();
    let got = finish(&mut tail);
    // One after the other, not in turns.
    assert!(got == numbered(0..50_000), "{}", got.len());
}

#[test]
fn an_archive_that_stood_there_is_not_what_a_log_lost() {
    let dir = Dir::new();
    dir.append("a.log.1.gz", gzip("rotated\n"));
    dir.append("a.log", "");
    // Longer than file times can tell apart, and less than archives' times are exact.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let mut tail = dir.follow("a.log");
    assert!(lines(&mut tail).is_empty());
    dir.append("beside", "the folder has changed\n");
    dir.append("a.log", "first\n");
    assert_eq!(lines(&mut tail), ["first"]);
}

#[test]
fn patterns_find_archives_only_if_they_say_so() {
    let dir = Dir::new();
    dir.append("a.log", "plain\n");
    dir.append("b.gz", gzip("gzip\n"));
    dir.append("c.zst", zstd("zstd\n"));
    // Compressed copies of what is read are not read for their own sake.
    dir.append("a.log.gz", gzip("plain\n"));
    dir.append("a.log.1.gz", gzip("rotated\n"));
    let check = |patterns: &[&str], expect: &[&str]| {
        let builder = patterns.iter().fold(dir.tail().from_start(true), |tail, pattern| {
            tail.glob(dir.path(pattern).to_str().unwrap())
        });
        assert_eq!(lines(&mut builder.build().unwrap()), expect, "{patterns:?}");
    };
    check(&["*"], &["plain"]);
    check(&["b*", "*.zst"], &["zstd"]);
    check(&["*.log", "*.gz", "*.zst"], &["plain", "gzip", "zstd"]);
}

#[test]
fn a_file_that_was_compressed_after_it_was_read_is_not_read_again() {
    for ending in ["gz", "zst"] {
        for len in [1, 500] {
            let dir = Dir::new();
            dir.append("a.log", text(0..len));
            dir.append("half.log", text(1000..2000));
            let builder = dir.tail().file(dir.path("a.log")).file(dir.path("half.log"));
            let mut tail = builder.from_start(true).build().unwrap();
            assert_eq!(tail.poll(len as usize + 100, &mut |_| {}).lines, u64::from(len) + 100);
            let left = numbered(1100..2000);
            compress(&dir, "a.log", ending);
            compress(&dir, "half.log", ending);
            dir.rename(&format!("a.log.{ending}"), "elsewhere");
            let names = ["elsewhere".to_owned(), format!("half.log.{ending}")];
            for by_pattern in [false, true] {
                let builder = dir.tail().from_start(true).checkpoints(stored(&tail));
                let builder = match by_pattern {
                    true => builder.glob(dir.path(&format!("*.{ending}")).to_str().unwrap()),
                    false => names.iter().fold(builder, |tail, name| tail.file(dir.path(name))),
                };
                let got = lines(&mut builder.build().unwrap());
                assert!(
                    got == left,
                    "{ending} {len} {by_pattern}: {} {:?}",
                    got.len(),
                    got.first()
                );
            }
        }
    }
}

#[test]
fn a_log_that_was_rotated_and_compressed_while_nobody_looked_is_read_on_in_its_archive() {
    for ending in ["gz", "zst"] {
        // Of a little text, of a lot, and of nothing yet.
        for read in [0, 1, 1_000] {
            let dir = Dir::new();
            dir.append("a.log.2.gz", gzip("old\n"));
            let old = fs::File::options().append(true).open(dir.path("a.log.2.gz")).unwrap();
            old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            dir.append("a.log", text(0..read));
            let mut tail = dir.follow("a.log");
            assert_eq!(lines(&mut tail).len(), read as usize);
            let stored = stored(&tail);
            drop(tail);
            dir.append("a.log", text(read..3_000));
            dir.rename("a.log", "a.log.2");
            compress(&dir, "a.log.2", ending);
            dir.append("a.log", text(3_000..5_000));
            dir.rename("a.log", "a.log.1");
            compress(&dir, "a.log.1", ending);
            dir.append("a.log", text(5_000..5_010));
            let builder = dir.tail().file(dir.path("a.log"));
            let mut tail = builder.checkpoints(stored).build().unwrap();
            let got = lines(&mut tail);
            assert!(got == numbered(read..5_010), "{ending}, {read}: {}", got.len());
            assert_eq!(status(&tail).gaps, 0);
            assert_eq!(lines(&mut again(&dir, &tail, &["a.log"])), NOTHING);
        }
    }
}

#[test]
fn a_log_that_was_rotated_and_compressed_between_two_looks_is_read_to_its_end_once() {
    for ending in ["gz", "zst"] {
        for read in [0, 1, 1_000] {
            let dir = Dir::new();
            dir.append("a.log", text(0..read));
            let mut tail = dir.follow("a.log");
            assert_eq!(lines(&mut tail).len(), read as usize);
            dir.append("a.log", text(read..1_500));
            dir.rename("a.log", "a.log.2");
            compress(&dir, "a.log.2", ending);
            dir.append("a.log", text(1_500..1_700));
            dir.rename("a.log", "a.log.1");
            compress(&dir, "a.log.1", ending);
            dir.append("a.log", text(1_700..1_701));
            let got = lines(&mut tail);
            assert!(got == numbered(read..1_701), "{ending}, {read}: {}", got.len());
            assert_eq!((status(&tail).gaps, status(&tail).rotations), (0, 2));
            // What lingers is compressed later.
            dir.append("a.log", text(1_701..1_800));
            dir.rename("a.log", "a.log.0");
            dir.append("a.log", text(1_800..1_801));
            assert!(lines(&mut tail) == numbered(1_701..1_801));
            compress(&dir, "a.log.0", ending);
            assert_eq!(lines(&mut tail), NOTHING);
            dir.remove("a.log");
            dir.append("a.log", text(1_801..1_802));
            assert_eq!(lines(&mut tail), numbered(1_801..1_802));
            assert_eq!(lines(&mut again(&dir, &tail, &["a.log"])), NOTHING);
        }
    }
}

#[test]
fn a_copy_that_was_compressed_while_the_log_was_cut_in_place() {
    for restart in [false, true] {
        let dir = Dir::new();
        dir.append("a.log", text(0..100));
        let mut tail = dir.follow("a.log");
        assert_eq!(lines(&mut tail).len(), 100);
        let before = stored(&tail);
        dir.append("a.log", text(100..200));
        fs::copy(dir.path("a.log"), dir.path("a.log.1")).unwrap();
        compress(&dir, "a.log.1", "gz");
        fs::write(dir.path("a.log"), text(200..210)).unwrap();
        if restart {
            tail = dir.tail().file(dir.path("a.log")).checkpoints(before).build().unwrap();
        }
        assert!(lines(&mut tail) == numbered(100..210), "{restart}");
        assert_eq!(status(&tail).gaps, 0);
    }
}

#[test]
fn a_half_written_archive_is_waited_for() {
    for ending in ["gz", "zst"] {
        let dir = Dir::new();
        let packed = pack(ending, text(0..3_000));
        let name = format!("a.log.{ending}");
        dir.append(&name, "");
        let builder = dir.tail().file(dir.path(&name)).from_start(true);
        let mut tail = builder.linger(Duration::from_secs(3600)).build().unwrap();
        let mut got = Vec::new();
        for (n, piece) in packed.chunks(packed.len() / 37 + 1).enumerate() {
            got.extend(lines(&mut tail));
            dir.append(&name, piece);
            if n % 5 == 0 && !got.is_empty() {
                tail = again(&dir, &tail, &[&name]);
            }
        }
        got.extend(lines(&mut tail));
        assert!(got == numbered(0..3_000), "{}", got.len());
        assert_eq!((status(&tail).gaps, status(&tail).state), (0, SourceState::Following));
    }
}

#[test]
fn an_archive_that_is_copied_once_more_from_its_start_is_read_on() {
    let dir = Dir::new();
    let packed = gzip(text(0..20_000));
    dir.append("a.gz", &packed[..packed.len() / 2]);
    let mut tail = dir.follow("a.gz");
    let mut got = lines(&mut tail);
    assert!(got.len() > 1_000);
    // Written again, in place.
    fs::write(dir.path("a.gz"), &packed[..100]).unwrap();
    got.extend(lines(&mut tail));
    dir.append("a.gz", &packed[100..]);
    got.extend(lines(&mut tail));
    got.extend(lines(&mut tail));
    assert!(got == numbered(0..20_000), "{}", got.len());
    assert_eq!((status(&tail).gaps, status(&tail).truncations), (0, 0));
}

#[test]
fn a_torn_or_damaged_archive_is_read_as_far_as_it_goes_and_told() {
    for ending in ["gz", "zst"] {
        let good = pack(ending, text(0..50_000));
        let mut flipped = good.clone();
        let middle = good.len() / 2;
        flipped[middle..middle + 64].fill(0x55);
        let mut garbage = good.clone();
        garbage.extend(b"garbage");
        let cases = [
            ("torn", good[..good.len() / 2].to_vec(), "not written to its end"),
            ("flipped", flipped, "can't be read on"),
            ("garbage", garbage, "can't be read on"),
        ];
        for (case, bytes, expect) in cases {
            let dir = Dir::new();
            let name = format!("a.{ending}");
            dir.append(&name, bytes);
            let mut tail = dir.follow(&name);
            let mut got = lines(&mut tail);
            got.extend(finish(&mut tail));
            // What is torn off in the middle of a line is a line.
            if case != "garbage" {
                got.pop();
            }
            assert!(got.len() > 5_000, "{ending} {case}: {}", got.len());
            // Nothing tells that bytes were changed until the checksum at the end.
            let sure = if case == "flipped" { 5_000 } else { got.len() };
            assert!(got[..sure] == numbered(0..sure as u32), "{ending} {case}");
            assert_eq!(lines(&mut tail), NOTHING);
            let status = status(&tail);
            assert_eq!((status.gaps, status.state), (1, SourceState::Failed), "{ending} {case}");
            let error = status.error.unwrap();
            assert!(error.is_data() && error.to_string().contains(expect), "{error}");
        }
    }
}

#[test]
fn a_damaged_rotated_archive_does_not_hold_up_newer_files() {
    let dir = Dir::new();
    dir.append("a.log", text(0..100));
    let mut tail = dir.follow("a.log");
    assert_eq!(lines(&mut tail).len(), 100);
    let before = stored(&tail);
    drop(tail);
    dir.append("a.log", text(100..10_000));
    dir.rename("a.log", "a.log.1");
    compress(&dir, "a.log.1", "gz");
    let packed = fs::read(dir.path("a.log.1.gz")).unwrap();
    fs::write(dir.path("a.log.1.gz"), &packed[..packed.len() / 2]).unwrap();
    dir.append("a.log", "new\n");
    let builder = dir.tail().file(dir.path("a.log"));
    let mut tail = builder.checkpoints(before).build().unwrap();
    let got = lines(&mut tail);
    assert!(got.len() > 1_000);
    assert!(got.contains(&"new".to_owned()));
    assert_eq!((status(&tail).gaps, status(&tail).state), (1, SourceState::Following));
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn bombs_are_cut_off_and_told() {
    const BOMB: usize = 1 << 30;
    const MEMBER: usize = 32 << 20;
    for ending in ["gz", "zst"] {
        for (case, unit) in [("zeros", &[0; 1024]), ("a's", &[b'a'; 1024]), ("lines", b"\n\n\n\n")]
            as [(&str, &[u8]); 3]
        {
            let dir = Dir::new();
            let name = format!("bomb.{ending}");
            dir.append(&name, pack(ending, "one line\n"));
            let text = unit.repeat(MEMBER / unit.len());
            let member = match ending {
                "gz" => gzip_at(flate2::Compression::best(), &text),
                _ => zstd(&text),
            };
            dir.append(&name, member.repeat(BOMB / MEMBER));
            let before = peak();
            let mut tail = dir.follow(&name);
            while tail.poll_blocks(usize::MAX, &mut |_| {}).more {}
            let grown = peak().saturating_sub(before);
            assert!(grown < 32 << 20, "{ending} {case}: {grown} bytes");
            let status = status(&tail);
            assert_eq!(status.state, SourceState::Failed, "{ending} {case}");
            let error = status.error.unwrap().to_string();
            if case == "zeros" {
                assert!(error.contains("not a text log"), "{error}");
            } else {
                assert!(error.contains("more than 1000 times its size"), "{error}");
                assert_eq!(status.gaps, 1);
                assert!(status.bytes < 600 << 20, "{ending} {case}: {}", status.bytes);
            }
        }
    }
}

#[test]
fn limits_of_archives_can_be_set() {
    let dir = Dir::new();
    dir.append("a.gz", gzip(text(0..10_000)));
    let builder = dir.tail().file(dir.path("a.gz")).from_start(true);
    let mut tail = builder.clone().max_archive_bytes(100_000).build().unwrap();
    let got = lines(&mut tail);
    assert!(got.len() > 1_000 && got.len() < 10_000, "{}", got.len());
    let error = status(&tail).error.unwrap().to_string();
    assert!(error.contains("there are more than 100000 bytes in it"), "{error}");
    // It is not tried again and again.
    assert_eq!(lines(&mut tail), NOTHING);
    assert_eq!(status(&tail).gaps, 1);
    let error = builder.clone().max_archive_ratio(0).build().unwrap_err();
    assert!(error.is_config());
    assert_eq!(lines(&mut builder.max_archive_ratio(u32::MAX).build().unwrap()).len(), 10_000);
}

#[test]
fn archives_that_appear_later_are_read() {
    let dir = Dir::new();
    dir.append("old.gz", gzip("old\n"));
    let pattern = dir.path("*.gz");
    let mut tail =
        dir.tail().glob(pattern.to_str().unwrap()).file(dir.path("named.zst")).build().unwrap();
    assert_eq!(lines(&mut tail), NOTHING);
    dir.append("new.gz", gzip("new\n"));
    dir.append("named.zst", zstd("named\n"));
    // The text of an archive that was read, under another name.
    let mut got = Vec::new();
    let since = Instant::now();
    while got.len() < 2 && since.elapsed() < Duration::from_secs(60) {
        got.extend(lines(&mut tail));
        std::thread::sleep(Duration::from_millis(20));
    }
    got.sort();
    assert_eq!(got, ["named", "new"]);
    let mut tail = dir
        .tail()
        .glob(pattern.to_str().unwrap())
        .file(dir.path("named.zst"))
        .checkpoints(stored(&tail))
        .build()
        .unwrap();
    assert_eq!(lines(&mut tail), NOTHING);
}
