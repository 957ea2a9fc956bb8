//! Lines are nominated whenever a part of them, read in some notation, may hold the pattern.

use fastrand::Rng;
use prisma_log_match::{Pattern, PatternSet, Scratch};
use regex::bytes::Regex;

use crate::random;

fn nominated(set: &PatternSet, block: &[u8]) -> Vec<(String, Vec<u32>, bool)> {
    let mut hits = Vec::new();
    set.scan(block, &mut Scratch::new(), &mut |hit| {
        let line = String::from_utf8_lossy(&block[hit.line]).into_owned();
        hits.push((line, hit.patterns.to_vec(), hit.exotic));
    });
    hits
}

#[test]
fn escapes_and_colours_hide_nothing() {
    let set = PatternSet::builder()
        .pattern(Pattern::nominate_literals(["connection refused", "OOM-Kill"]))
        .pattern(Pattern::nominate_regex(r#"^say "refused by" (\S+)$"#))
        .pattern(Pattern::regex("connection"))
        .build()
        .expect("the patterns are valid");
    let check = |line: &str, patterns: &[u32], exotic: bool| {
        let block = format!("a line before\n{line}\nand one behind\n");
        let expect = match patterns {
            [] => vec![],
            _ => vec![(line.to_owned(), patterns.to_vec(), exotic)],
        };
        assert_eq!(nominated(&set, block.as_bytes()), expect, "{line}");
    };
    check("connection REFUSED", &[0, 2], false);
    check(r#"{"m":"say \"refused by\" you"}"#, &[1], false);
    check(r#"{"m":"conn\u0065ction refused"}"#, &[0], true);
    check(r#"{"log":"{\"m\":\"conn\\u0065ction refused\"}"}"#, &[0], true);
    check(r"msg=\connection\ refused", &[0, 2], true);
    check("conn\u{1b}[1mection\u{1b}[0m refused", &[0], true);
    check("conn\u{1b}[1mec\\u0074ion\u{1b}[0m refused", &[0], true);
    check("OOM-\u{212a}ill", &[0], false);
    check(r"OOM-\u212aill", &[0], true);
    check(r"oom\u002dkill", &[0], true);
    check(r"oom\n-kill", &[], false);
    check("oom\u{1b}[1mkill", &[], false);
}

#[test]
fn a_pattern_without_literals_nominates_every_line() {
    let set = PatternSet::builder().pattern(Pattern::nominate_regex(r"\d+")).build();
    let hits = nominated(&set.expect("it is valid"), b"a\n\nb");
    let lines: Vec<&str> = hits.iter().map(|(line, ..)| line.as_str()).collect();
    assert_eq!(lines, ["a", "", "b"]);
}

/// The text as a writer of JSON writes it, with more escapes than there need be, or without.
fn notation(rng: &mut Rng, text: &str, escapes_more: bool) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let unit = u32::from(character);
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            _ if unit < 0x20 || escapes_more && rng.u8(..4) == 0 => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    out += &format!("\\u{unit:04x}");
                }
            }
            _ => out.push(character),
        }
    }
    out
}

#[test]
fn a_message_that_matches_is_always_nominated() {
    let mut matching = 0;
    for seed in 0..3000 {
        let mut rng = Rng::with_seed(seed);
        let expression = random::expression(&mut rng);
        let regex = Regex::new(&expression).expect("it is valid");
        let set = PatternSet::builder()
            .pattern(Pattern::nominate_regex(&expression))
            .build()
            .expect("it is valid");
        for _ in 0..8 {
            let message = String::from_utf8_lossy(&random::block(&mut rng)).into_owned();
            if !regex.is_match(message.as_bytes()) {
                continue;
            }
            matching += 1;
            let escapes_more = rng.bool();
            let mut line = notation(&mut rng, &message, escapes_more);
            if rng.u8(..4) == 0 {
                // A line in a line, as containers' logs have them.
                line = notation(&mut rng, &format!("{{\"m\":\"{line}\"}}"), false);
            }
            let block = format!("{{\"m\":\"{line}\"}}\n");
            let hits = nominated(&set, block.as_bytes());
            assert_eq!(hits.len(), 1, "seed {seed}: {expression} in {block}");
        }
    }
    assert!(matching > 500, "{matching} messages match");
}
