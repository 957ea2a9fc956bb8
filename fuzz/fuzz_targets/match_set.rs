//! A set of patterns holds on each line what the `regex` crate finds there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prisma_log_match::{Pattern, PatternSet, Scratch};
use regex::bytes::{Regex, RegexBuilder};

/// Expressions, whether case matters, and a block of lines.
type Input<'a> = (Vec<(&'a str, bool)>, &'a [u8]);

fuzz_target!(|input: Input<'_>| {
    let (expressions, block) = input;
    let mut builder = PatternSet::builder();
    let mut regexes: Vec<Regex> = Vec::new();
    for (expression, ignore_case) in expressions.into_iter().take(8) {
        let regex =
            RegexBuilder::new(expression).case_insensitive(ignore_case).size_limit(1 << 16).build();
        // What is refused, or big, is not what this is about.
        let Ok(regex) = regex else { continue };
        builder = builder
            .pattern(Pattern::regex(expression).ignore_case(ignore_case))
            .pattern(Pattern::nominate_regex(expression).ignore_case(ignore_case));
        regexes.push(regex);
    }
    let set = builder.build().expect("each expression is valid");
    let mut scratch = Scratch::new();
    let mut hits = Vec::new();
    set.scan(block, &mut scratch, &mut |hit| hits.push((hit.line, hit.patterns.to_vec())));
    if scratch.undecided() > 0 {
        return;
    }
    let mut hits = hits.into_iter().peekable();
    let mut start = 0;
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let range = start..start + text.len();
        let found = hits.next_if(|(line, _)| *line == range);
        let found = found.map(|(_, patterns)| patterns).unwrap_or_default();
        for (pattern, regex) in (0..).step_by(2).zip(&regexes) {
            let holds = regex.is_match(text);
            assert_eq!(found.contains(&pattern), holds, "{regex} in {}", text.escape_ascii());
            assert!(!holds || found.contains(&(pattern + 1)), "{regex} is not nominated");
        }
        start += line.len();
    }
    assert_eq!(hits.next(), None);
});
