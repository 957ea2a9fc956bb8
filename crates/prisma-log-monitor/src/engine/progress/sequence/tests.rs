use super::super::testing::{Dice, YEAR, at, check_stored, millis, times};
use super::*;

const WITHIN: Duration = Duration::from_secs(60);

/// Lines at these seconds that may be these steps (`a` is the first); expects firings at these
/// positions, with the seconds of the first and the last line.
fn check(last: u32, lines: &[(i64, &str)], fires: &[(usize, i64, i64)]) {
    let mut state = Sequence::default();
    let mut fired = Vec::new();
    for (i, &(second, steps)) in lines.iter().enumerate() {
        let steps = steps.bytes().fold(0, |bits, step| bits | 1 << (step - b'a'));
        let reached = state.push(at(second), steps, last, WITHIN);
        let seconds = |time: Timestamp| time.unix_nanos() / 1_000_000_000;
        fired.extend(reached.map(|reached| (i, seconds(reached.first), seconds(reached.last))));
    }
    assert_eq!(fired, fires, "{lines:?}");
}

#[test]
fn steps_come_in_their_order() {
    check(1, &[(0, "a"), (5, "b")], &[(1, 0, 5)]);
    check(1, &[(0, "b"), (5, "a")], &[]);
    check(1, &[(0, "a"), (60, "b")], &[(1, 0, 60)]);
    check(1, &[(0, "a"), (61, "b")], &[]);
    check(2, &[(0, "a"), (1, "c"), (2, "b"), (3, "c")], &[(3, 0, 3)]);
    check(2, &[(0, "a"), (30, "b"), (61, "c")], &[]);
    check(2, &[(0, "a"), (30, "b"), (40, "a"), (61, "c"), (62, "b"), (63, "c")], &[(5, 40, 63)]);
}

#[test]
fn several_attempts_may_be_open() {
    check(1, &[(0, "a"), (1, "a"), (2, "b"), (3, "b"), (4, "b")], &[(2, 1, 2), (3, 0, 3)]);
    check(
        2,
        &[(0, "a"), (1, "a"), (2, "b"), (3, "c"), (4, "b"), (5, "c")],
        &[(3, 1, 3), (5, 0, 5)],
    );
}

#[test]
fn a_line_is_one_step_of_a_sequence() {
    check(1, &[(0, "ab")], &[]);
    check(1, &[(0, "ab"), (1, "ab"), (2, "ab"), (3, "ab")], &[(1, 0, 1), (3, 2, 3)]);
}

#[test]
fn late_lines_have_their_place() {
    check(1, &[(5, "b"), (0, "a")], &[(1, 0, 5)]);
    check(2, &[(0, "a"), (9, "c"), (5, "b")], &[(2, 0, 9)]);
    check(2, &[(9, "c"), (5, "b"), (7, "a"), (1, "a")], &[(3, 1, 9)]);
    // At the same time, what came first was first.
    check(1, &[(5, "a"), (5, "b")], &[(1, 5, 5)]);
    check(1, &[(5, "b"), (5, "a")], &[]);
}

#[test]
fn eras_do_not_disturb_each_other() {
    check(
        1,
        &[(0, "a"), (YEAR, "a"), (1, "b"), (YEAR + 1, "b")],
        &[(2, 0, 1), (3, YEAR, YEAR + 1)],
    );
}

#[test]
fn lines_that_lead_nowhere_do_not_wash_away_an_attempt() {
    let mut state = Sequence::default();
    state.push(at(0), 1, 2, WITHIN);
    for i in 0..1000 {
        assert_eq!(state.push(millis(i), 0b100, 2, WITHIN), None);
    }
    for i in 0..1000 {
        assert_eq!(state.push(millis(i + 1000), 0b010, 2, WITHIN), None);
    }
    assert!(state.len() <= 96 && state.forgotten > 900, "{} {}", state.len(), state.forgotten);
    assert!(state.push(at(3), 0b100, 2, WITHIN).is_some_and(|reached| reached.first == at(0)));
}

/// The places of the sequence that ends at `end` and began last, by trying everything.
fn naive(lines: &[(i64, u32)], end: usize, step: u32, earliest: i64) -> Option<Vec<usize>> {
    if lines[end].0 < earliest || lines[end].1 >> step & 1 == 0 {
        return None;
    }
    if step == 0 {
        return Some(vec![end]);
    }
    (0..end).rev().find_map(|before| {
        if lines[before].0 < earliest {
            return None;
        }
        let mut chain = naive(lines, before, step - 1, earliest)?;
        chain.push(end);
        Some(chain)
    })
}

#[test]
fn it_does_as_a_naive_model() {
    for (seed, last, step) in [(1, 1, 30_000), (2, 2, 12_000), (3, 4, 5_000)] {
        let mut dice = Dice::new(seed);
        let mut state = Sequence::default();
        let mut lines: Vec<(i64, u32)> = Vec::new();
        let mut firings = 0;
        for time in times(&mut dice, 100_000, step, 20_000) {
            let mut steps = 1 << dice.below(u64::from(last) + 1);
            if dice.once_in(10) {
                steps |= 1 << dice.below(u64::from(last) + 1);
            }
            let new = lines.partition_point(|(before, _)| *before <= time);
            lines.insert(new, (time, steps));
            let mut expect = None;
            for end in new..lines.len() {
                if lines[end].0 > time + 60_000 {
                    break;
                }
                if let Some(chain) = naive(&lines, end, last, lines[end].0 - 60_000) {
                    expect = Some((millis(lines[chain[0]].0), millis(lines[end].0)));
                    chain.iter().rev().for_each(|&at| {
                        lines.remove(at);
                    });
                    break;
                }
            }
            let reached = state.push(millis(time), steps, last, WITHIN);
            assert_eq!(
                reached.map(|reached| (reached.first, reached.last)),
                expect,
                "{seed} {time}"
            );
            firings += u32::from(expect.is_some());
            // What is out of reach for good only slows the model down.
            if lines.len() > 4_000 {
                let keep = |era: bool| {
                    let of = lines.iter().filter(move |line| (line.0 > 500 * YEAR) == era);
                    of.clone().skip(of.count().saturating_sub(200)).copied().collect::<Vec<_>>()
                };
                lines = [keep(false), keep(true)].concat();
            }
        }
        assert!(firings > 1000, "seed {seed}: {firings}");
        assert_eq!(state.forgotten, 0);
    }
}

#[test]
fn the_stored_form_is_complete() {
    let mut state = Sequence::default();
    for (second, steps) in [(0, 1), (5, 4), (YEAR, 1), (3, 2)] {
        check_stored(&state, Sequence::write, Sequence::read);
        state.push(at(second), steps, 9, WITHIN);
    }
    check_stored(&state, Sequence::write, Sequence::read);
}
