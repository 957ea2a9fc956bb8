//! Verified patterns hold where the `regex` crate finds them in the line, and nowhere else.

use std::ops::Range;

use fastrand::Rng;
use prisma_log_match::{Pattern, PatternSet, Scratch};
use regex::bytes::{Regex, RegexBuilder};

use crate::random;

type Hits = Vec<(Range<usize>, Vec<u32>)>;

fn scanned(set: &PatternSet, block: &[u8], scratch: &mut Scratch) -> Hits {
    let mut hits = Hits::new();
    set.scan(block, scratch, &mut |hit| {
        assert!(!hit.patterns.is_empty());
        hits.push((hit.line, hit.patterns.to_vec()));
    });
    hits
}

/// The same by the `regex` crate, line after line.
fn expected(regexes: &[Regex], block: &[u8]) -> Hits {
    let mut hits = Hits::new();
    let mut start = 0;
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let holds = held(regexes, text);
        if !holds.is_empty() {
            hits.push((start..start + text.len(), holds));
        }
        start += line.len();
    }
    hits
}

fn held(regexes: &[Regex], text: &[u8]) -> Vec<u32> {
    (0..).zip(regexes).filter(|(_, regex)| regex.is_match(text)).map(|(at, _)| at).collect()
}

/// A pattern, and the same as a regular expression of the `regex` crate.
fn pattern(rng: &mut Rng) -> (Pattern, Regex) {
    let ignore_case = rng.bool();
    let compile = |expression: &str| {
        RegexBuilder::new(expression).case_insensitive(ignore_case).build().expect("it is valid")
    };
    if rng.u8(..4) == 0 {
        let texts = random::texts(rng);
        let escaped: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        (Pattern::literals(texts).ignore_case(ignore_case), compile(&escaped.join("|")))
    } else {
        let expression = random::expression(rng);
        (Pattern::regex(&expression).ignore_case(ignore_case), compile(&expression))
    }
}

#[test]
fn random_patterns_hold_where_the_regex_crate_finds_them() {
    let mut scratch = Scratch::new();
    let mut found = 0;
    for seed in 0..600 {
        let mut rng = Rng::with_seed(seed);
        let mut builder = PatternSet::builder();
        let mut regexes = Vec::new();
        for _ in 0..1 + rng.usize(..10) {
            let (pattern, regex) = pattern(&mut rng);
            builder = builder.pattern(pattern);
            regexes.push(regex);
        }
        let set = builder.build().expect("the patterns are valid");
        for _ in 0..6 {
            let block = random::block(&mut rng);
            let expect = expected(&regexes, &block);
            let shown = || format!("seed {seed}: {regexes:?} in {}", block.escape_ascii());
            assert_eq!(scanned(&set, &block, &mut scratch), expect, "{}", shown());
            assert_eq!(set.matches(&block, &mut scratch), held(&regexes, &block), "{}", shown());
            found += expect.len();
        }
    }
    assert!(found > 1000, "{found} lines hold something");
}

#[test]
fn literals_are_found_wherever_they_stand_in_a_block() {
    let texts = ["oom", "killed", "refused by", "connection refused", "no space left on device"];
    let mut scratch = Scratch::new();
    for text in texts {
        let pattern = Pattern::literals([text]).ignore_case(true);
        let set = PatternSet::builder().pattern(pattern).build().expect("it is valid");
        // Around the ends of the parts that a block is taken in, and of the block.
        for place in (0..70).chain((32 << 10) - 70..(32 << 10) + 70) {
            for behind in [0, 1, 9, 100] {
                let mut block = b"-------\n".repeat(place / 8 + 1);
                block.truncate(place);
                let line_begin = place / 8 * 8;
                block.extend_from_slice(text.to_uppercase().as_bytes());
                let end = block.len() + 7.min(behind);
                block.extend(b"......\r\n".iter().cycle().take(behind));
                let end = end - usize::from(behind > 6);
                let end = line_begin..end;
                let hits = scanned(&set, &block, &mut scratch);
                assert_eq!(hits, [(end, vec![0])], "{text} at {place}, {behind} behind");
            }
        }
    }
}

#[test]
fn nothing_matches_across_lines() {
    let check = |pattern: &str, block: &[u8]| {
        let set = PatternSet::builder().pattern(Pattern::regex(pattern)).build();
        let set = set.expect("it is valid");
        assert_eq!(scanned(&set, block, &mut Scratch::new()), [], "{pattern}");
    };
    check(r"refused\nagain", b"refused\nagain\n");
    check(r"refused\s+again", b"refused\nagain\n");
    check(r"refused\r", b"refused\r\n");
    check(r"(?s)refused.again", b"refused\nagain\n");
    check(r"[^x]again", b"refused\nagain\n");
    check("refused\nagain", b"refused\nagain");
    check(r"\n", b"a\n\nb\n");
    check(r"(?s)^.{3}$", b"a\nb\r\n");
}

#[test]
fn empty_lines_and_blocks_are_lines() {
    let check = |pattern: &str, block: &[u8], expect: &[(usize, usize)]| {
        let set = PatternSet::builder().pattern(Pattern::regex(pattern)).build();
        let hits = scanned(&set.expect("it is valid"), block, &mut Scratch::new());
        let lines: Vec<_> = hits.into_iter().map(|(line, _)| (line.start, line.end)).collect();
        assert_eq!(lines, expect, "{pattern} in {}", block.escape_ascii());
    };
    check("^$", b"", &[]);
    check("^$", b"\n", &[(0, 0)]);
    check("^$", b"a\n\r\n\nb", &[(2, 2), (4, 4)]);
    check("", b"a\nbc", &[(0, 1), (2, 4)]);
    check("b", b"a\nbc", &[(2, 4)]);
}

#[test]
fn patterns_without_literals_are_told() {
    let set = PatternSet::builder()
        .pattern(Pattern::regex(r"\d{3}"))
        .pattern(Pattern::regex("refused"))
        .pattern(Pattern::nominate_regex(r"a|refused"))
        .pattern(Pattern::literals(["no"]))
        .build()
        .expect("the patterns are valid");
    assert_eq!((set.len(), set.unfiltered()), (4, &[0, 2, 3][..]));
}

#[test]
fn what_cannot_be_compiled_is_refused_by_name() {
    let check = |pattern: Pattern, expect: &str| {
        let error = PatternSet::builder().pattern(pattern).build().map(|_| ()).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(expect), "{message}");
    };
    check(Pattern::regex("(refused"), "`(refused`: unclosed group");
    check(Pattern::nominate_regex("[z-a]"), "invalid character class range");
    check(Pattern::regex(r"refused\pL{2000}"), "takes more than 10485760 bytes");
    check(Pattern::regex(r"(?:\pL{500}){9}"), "takes more than 10485760 bytes");
    check(Pattern::literals(Vec::<String>::new()), "has no text");
    check(Pattern::nominate_literals(["a", ""]), "has no text");
}
