//! Which patterns a line holds, of those that a literal was found of, in bounded time.

use std::ops::Range;

use crate::scratch::LineState;
use crate::set::PatternSet;

/// Steps for one line, whatever its length and however many patterns there are.
const STEPS: u64 = 4_000_000;
/// Bytes of a line that regular expressions see whole.
const LONG: usize = 64 << 10;
/// Bytes that they see of longer ones, before and behind the literal each.
const AROUND: usize = 16 << 10;

/// Keeps of a text's candidates those that hold, and adds patterns that need no literal. Places
/// of candidates are counted from `offset` before the text.
pub(crate) fn judge(set: &PatternSet, text: &[u8], offset: usize, line: &mut LineState) {
    let LineState { candidates, patterns, undecided, .. } = line;
    patterns.clear();
    let mut steps = STEPS;
    let mut judges = candidates.len() as u64 + u64::from(set.unsieved.is_some());
    for found in &*candidates {
        let Some(prepared) = set.patterns.get(found.pattern as usize) else { continue };
        // Each has an equal share of what its predecessors left.
        let mut share = steps / judges;
        let rest = steps - share;
        match prepared.holds(text, part(text, found.at.saturating_sub(offset)), &mut share) {
            Some(true) => patterns.push(found.pattern),
            Some(false) => {}
            None => *undecided += 1,
        }
        steps = rest + share;
        judges -= 1;
    }
    patterns.extend(&set.always);
    if let Some(unsieved) = &set.unsieved {
        let before = patterns.len();
        let held = &mut |at: usize| patterns.extend(unsieved.numbers.get(at));
        let is_known = unsieved.machine.decide(text, part(text, 0), &mut steps, held);
        if !is_known {
            *undecided += (unsieved.numbers.len() - (patterns.len() - before)) as u64;
        }
    }
    patterns.sort_unstable();
    patterns.dedup();
}

/// The part of a text around this place that regular expressions see.
fn part(text: &[u8], at: usize) -> Range<usize> {
    if text.len() <= LONG {
        return 0..text.len();
    }
    let begin = at.saturating_sub(AROUND).min(text.len());
    begin..text.len().min(begin + 2 * AROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_line_a_part_is_seen() {
        let check = |length: usize, at: usize, expect: Range<usize>| {
            assert_eq!(part(&vec![b'-'; length], at), expect, "{at} of {length}");
        };
        check(0, 0, 0..0);
        check(LONG, 40_000, 0..LONG);
        check(LONG + 1, 0, 0..32_768);
        check(LONG + 1, 20_000, 3_616..36_384);
        check(LONG + 1, LONG, 49_152..LONG + 1);
        check(LONG + 1, usize::MAX, LONG + 1..LONG + 1);
    }
}
