//! Lines in blocks: the same lines as one by one, and positions between them.

use prisma_log_tail::{Block, Tail};

use crate::support::{Dir, lines, status, stored};

/// All that a follower hands out in blocks, line by line, with what its blocks claim checked.
fn in_blocks(tail: &mut Tail, max_bytes: usize) -> Vec<(Vec<u8>, bool)> {
    let mut got = Vec::new();
    loop {
        let mut counted = 0;
        let outcome = tail.poll_blocks(max_bytes, &mut |block| {
            check_block(&block);
            counted += block.line_count;
            got.extend(block.lines().map(|line| (line.bytes.to_vec(), line.cut)));
        });
        assert_eq!(outcome.lines, counted);
        if !outcome.more {
            return got;
        }
    }
}

fn check_block(block: &Block<'_>) {
    assert_eq!(block.lines().count() as u64, block.line_count);
    let ends = block.bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
    assert!(if block.cut { ends == 0 } else { ends == block.line_count }, "{block:?}");
}

fn one_by_one(tail: &mut Tail, max_lines: usize) -> Vec<(Vec<u8>, bool)> {
    let mut got = Vec::new();
    while tail.poll(max_lines, &mut |line| got.push((line.bytes.to_vec(), line.cut))).more {}
    got
}

/// Lines of all lengths around the limit, with all kinds of ends.
fn text(random: &mut fastrand::Rng, limit: usize) -> Vec<u8> {
    let mut text = Vec::new();
    if random.bool() {
        text.extend(b"\xef\xbb\xbf");
    }
    for _ in 0..random.usize(1..400) {
        let around = |random: &mut fastrand::Rng| limit.saturating_sub(2) + random.usize(0..5);
        let len = match random.u8(0..8) {
            0 => 0,
            1 => around(random),
            2 => random.usize(0..3 * limit),
            _ => random.usize(0..limit),
        };
        let byte = *random.choice(b"ax\xc3\x80\r").unwrap();
        text.extend(std::iter::repeat_n(byte, len));
        text.extend(*random.choice(&[&b"\n"[..], b"\r\n", b"\r\r\n"]).unwrap());
    }
    text.extend(b"the end");
    text
}

/// The lines of a text, as the documentation says them.
fn expected(text: &[u8], limit: usize) -> Vec<(Vec<u8>, bool)> {
    let text = &text[..text.len() - b"the end".len()];
    let mut rest = text;
    let mut lines = Vec::new();
    while let Some(lf) = rest.iter().position(|&byte| byte == b'\n') {
        let line = rest[..lf].strip_suffix(b"\r").unwrap_or(&rest[..lf]);
        let cut = line.len() > limit;
        let mut kept = if cut { &line[..limit] } else { line };
        if cut {
            let is_inside = |at: usize| line[at] & 0xc0 == 0x80;
            let back = (0..4).take_while(|&back| limit > back && is_inside(limit - back)).count();
            kept = if back < 4 { &line[..limit - back] } else { kept };
        }
        if rest.len() == text.len() {
            kept = kept.strip_prefix(b"\xef\xbb\xbf").unwrap_or(kept);
        }
        lines.push((kept.to_vec(), cut));
        rest = &rest[lf + 1..];
    }
    lines
}

#[test]
fn blocks_hold_the_lines_that_come_one_by_one() {
    let mut random = fastrand::Rng::with_seed(6);
    for round in 0..150 {
        let dir = Dir::new();
        let limit = *random.choice(&[16, 100, 5_000]).unwrap();
        let text = text(&mut random, limit);
        dir.append("a.log", &text);
        let build = || {
            let tail = dir.tail().file(dir.path("a.log")).from_start(true);
            tail.max_line_bytes(limit).build().unwrap()
        };
        let expect = expected(&text, limit);
        let (most, few) = (random.usize(1..1 << 20), random.usize(1..40));
        for (how, mut tail) in [("blocks", build()), ("lines", build())] {
            let got = match how {
                "blocks" => in_blocks(&mut tail, most),
                _ => one_by_one(&mut tail, few),
            };
            assert_eq!(got.len(), expect.len(), "round {round}, {how}");
            let wrong = got.iter().zip(&expect).position(|(got, expect)| got != expect);
            assert_eq!(wrong, None, "round {round}, {how}");
            let status = status(&tail);
            assert_eq!(status.bytes + b"the end".len() as u64, text.len() as u64);
            assert_eq!(status.lines, expect.len() as u64);
            let invalid = expect.iter().filter(|(line, _)| std::str::from_utf8(line).is_err());
            assert_eq!(status.invalid_utf8_lines, invalid.count() as u64);
            assert_eq!(status.cut_lines, expect.iter().filter(|(_, cut)| *cut).count() as u64);
        }
    }
}

#[test]
fn a_checkpoint_between_two_blocks_goes_on_with_the_next_line() {
    let dir = Dir::new();
    let text: String = (0..100_000).map(|n| format!("{n}\n")).collect();
    dir.append("a.log", &text);
    let mut tail = dir.follow("a.log");
    let mut next = 0;
    let mut blocks = 0;
    loop {
        let outcome = tail.poll_blocks(1, &mut |block| {
            blocks += 1;
            for line in block.lines() {
                assert_eq!(line.bytes, next.to_string().as_bytes());
                next += 1;
            }
        });
        if !outcome.more {
            break;
        }
        let stored = stored(&tail);
        tail = dir.tail().file(dir.path("a.log")).checkpoints(stored).build().unwrap();
    }
    assert_eq!(next, 100_000);
    assert!(blocks > 3, "{blocks}");
}

#[test]
fn big_files_come_in_big_blocks() {
    let dir = Dir::new();
    let text = "a line of some length, as logs have them\n".repeat(50_000);
    dir.append("a.log", &text);
    let mut tail = dir.follow("a.log");
    let mut sizes = Vec::new();
    let outcome = tail.poll_blocks(usize::MAX, &mut |block| sizes.push(block.bytes.len()));
    assert_eq!((outcome.bytes, outcome.lines), (text.len() as u64, 50_000));
    assert!(sizes.len() <= 12, "{sizes:?}");
    assert!(sizes.iter().all(|&size| size <= 257 * 1024), "{sizes:?}");
}

#[test]
fn finish_hands_out_the_incomplete_line_as_a_block_of_its_own() {
    let dir = Dir::new();
    dir.append("a.log", "one\ntwo\nhal");
    let mut tail = dir.follow("a.log");
    let mut got = Vec::new();
    let outcome = tail.finish_blocks(&mut |block| got.push(block.bytes.to_vec()));
    assert_eq!(got, [b"one\ntwo\n".to_vec(), b"hal".to_vec()]);
    assert_eq!((outcome.lines, outcome.bytes), (3, 11));
    dir.append("a.log", "f\nnext\n");
    assert_eq!(lines(&mut tail), ["f", "next"]);
}
