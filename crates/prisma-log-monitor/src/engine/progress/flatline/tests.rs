use super::super::testing::{Dice, YEAR, at, check_stored, millis, times};
use super::*;

const WINDOW: Duration = Duration::from_secs(30);

fn expected(at_least: u64) -> Expected {
    Expected { at_least, window: WINDOW }
}

enum Do {
    Begin(i64),
    Push(i64),
    Tick(i64),
}
use Do::{Begin, Push, Tick};

/// Expects firings at these steps, with the second up to which it was flat and the matches.
fn check(at_least: u64, steps: &[Do], fires: &[(usize, i64, u64)]) {
    let (mut state, expected) = (Flatline::default(), expected(at_least));
    let mut fired = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let reached = match *step {
            Begin(second) => {
                state.begin(at(second));
                None
            }
            Push(second) => state.push(at(second), expected),
            Tick(second) => state.tick(at(second), expected),
        };
        let told =
            reached.map(|reached| (i, reached.last.unix_nanos() / 1_000_000_000, reached.count));
        fired.extend(told);
    }
    assert_eq!(fired, fires);
}

#[test]
fn silence_fires_again_and_again() {
    check(1, &[Begin(0), Tick(29), Tick(30), Tick(59), Tick(60)], &[(2, 30, 0), (4, 60, 0)]);
    check(1, &[Push(0), Tick(30), Tick(31), Tick(59), Tick(61)], &[(2, 30, 1), (4, 60, 0)]);
    check(1, &[Push(0), Push(30), Push(59), Tick(89)], &[]);
    check(1, &[Begin(0), Push(25), Tick(55), Tick(56)], &[(3, 55, 1)]);
    // A jump tells of all windows at once.
    check(1, &[Push(0), Tick(1000), Tick(1019), Tick(1020)], &[(1, 990, 0), (3, 1020, 0)]);
}

#[test]
fn the_next_line_tells_of_the_silence_before_it() {
    check(1, &[Push(0), Push(31)], &[(1, 30, 1)]);
    check(1, &[Push(0), Push(100), Push(130)], &[(1, 90, 0)]);
    check(1, &[Push(0), Tick(31), Push(40), Tick(70), Tick(71)], &[(1, 30, 1), (4, 70, 1)]);
}

#[test]
fn several_matches_may_be_expected() {
    check(3, &[Push(0), Push(10), Push(20), Tick(30), Tick(31)], &[(4, 30, 3)]);
    check(3, &[Push(0), Push(10), Push(20), Push(29), Tick(40), Tick(41)], &[(5, 40, 3)]);
    check(3, &[Push(0), Push(10), Tick(29), Tick(30)], &[(3, 30, 2)]);
    check(2, &[Push(0), Push(20), Push(10), Tick(40), Tick(41)], &[(4, 40, 2)]);
}

#[test]
fn other_eras_do_not_disturb() {
    check(1, &[Push(0), Push(YEAR), Push(5), Push(YEAR + 10), Push(30)], &[]);
    check(1, &[Push(YEAR), Push(0), Tick(YEAR + 30), Tick(YEAR + 31)], &[(3, YEAR + 30, 1)]);
    check(1, &[Push(0), Tick(YEAR)], &[]);
}

#[test]
fn silence_is_told_for_ever() {
    let (mut state, expected) = (Flatline::default(), expected(1));
    state.begin(at(0));
    for day in 1..400 {
        assert!(state.tick(at(day * 86_400), expected).is_some(), "day {day}");
    }
    let why = state.tick(at(400 * 86_400), expected).unwrap().why.unwrap();
    assert_eq!(why, "no match for 34560000s");
}

#[test]
fn it_does_as_a_naive_model() {
    for (seed, at_least, step) in [(1, 1, 20_000), (2, 4, 8_000), (3, 300, 95)] {
        let mut dice = Dice::new(seed);
        let (mut state, expected) = (Flatline::default(), expected(at_least));
        let mut all: Vec<Timestamp> = Vec::new();
        let mut since: Option<Timestamp> = None;
        let mut firings = 0;
        let given = times(&mut dice, 100_000, step, 3_000);
        for time in given.into_iter().filter(|time| *time < 500 * YEAR) {
            let time = millis(time);
            // The end of each flat window, searched for from the last one on.
            let mut expect = None;
            let start = since.get_or_insert(time);
            loop {
                let end = match all.iter().rev().nth(at_least as usize - 1) {
                    Some(oldest) => start.saturating_add(WINDOW).max(oldest.saturating_add(WINDOW)),
                    None => start.saturating_add(WINDOW),
                };
                if end >= time {
                    break;
                }
                *start = end;
                expect = Some(end);
            }
            let reached = state.push(time, expected);
            assert_eq!(reached.map(|reached| reached.last), expect, "seed {seed}, {time:?}");
            firings += u32::from(expect.is_some());
            all.insert(all.partition_point(|before| *before <= time), time);
        }
        assert!(firings > 50, "seed {seed}: {firings}");
    }
}

#[test]
fn memory_is_bounded() {
    let expected = expected(1_000_000);
    let mut state = Flatline::default();
    for time in 0..200_000 {
        state.push(millis(time), expected);
    }
    assert!(state.bytes() < 40_000, "{}", state.bytes());
}

#[test]
fn the_stored_form_is_complete() {
    let mut state = Flatline::default();
    for second in [0, 5, 60, 61, YEAR] {
        check_stored(&state, Flatline::write, Flatline::read);
        state.push(at(second), expected(3));
    }
    check_stored(&state, Flatline::write, Flatline::read);
}
