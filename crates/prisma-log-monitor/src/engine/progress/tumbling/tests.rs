use std::collections::HashMap;

use super::super::testing::{Dice, YEAR, at, check_stored, millis, times};
use super::*;

const FRAME: Frame = Frame { window: Duration::from_secs(60), late: Duration::from_secs(10) };

/// Pushes matches at these seconds; expects firings at these positions, with so many matches.
fn check(at_least: f64, seconds: &[i64], fires: &[(usize, u64)]) {
    let mut state = Tumbling::default();
    let mut fired = Vec::new();
    for (i, &second) in seconds.iter().enumerate() {
        let reached = state.push(at(second), Share::Match, at_least, FRAME);
        fired.extend(reached.map(|(_, reached)| (i, reached.count)));
    }
    assert_eq!(fired, fires, "{seconds:?}");
}

#[test]
fn only_one_window_counts() {
    check(3.0, &[57, 58, 59], &[(2, 3)]);
    check(3.0, &[58, 59, 60, 61], &[]);
    check(3.0, &[58, 60, 61, 119], &[(3, 3)]);
    check(2.0, &[0, 1, 2, 3, 4], &[(1, 2), (3, 2)]);
    check(2.0, &[-1, 0, 1], &[(2, 2)]);
}

#[test]
fn late_lines_count_for_a_while() {
    check(2.0, &[59, 69, 58], &[(2, 2)]);
    check(2.0, &[59, 70, 58], &[]);
    check(2.0, &[59, 65, 30], &[(2, 2)]);
    // Another era is not late.
    check(2.0, &[YEAR + 1, 30, YEAR + 2, 31], &[(2, 2), (3, 2)]);
}

#[test]
fn sums_and_distinct_values() {
    let mut state = Tumbling::default();
    for (value, expect) in [(7, None), (7, None), (8, None), (7, None), (9, Some(3))] {
        let reached = state.push(at(5), Share::Value(value), 3.0, FRAME);
        assert_eq!(reached.map(|(_, reached)| reached.count), expect);
    }
    let mut state = Tumbling::default();
    for (number, expect) in [(0.5, None), (-1.0, None), (2.0, Some(3))] {
        let reached = state.push(at(5), Share::Number(number), 1.5, FRAME);
        assert_eq!(reached.map(|(_, reached)| reached.count), expect);
    }
}

#[test]
fn it_does_as_a_naive_model() {
    let mut dice = Dice::new(4);
    let mut state = Tumbling::default();
    let mut counts: HashMap<i64, u64> = HashMap::new();
    // Everything lies in two eras, a year apart.
    let mut latest = [i64::MIN / 2; 2];
    let (mut firings, mut too_late) = (0, 0);
    for time in times(&mut dice, 150_000, 2_000, 90_000) {
        let era = usize::from(time > 500 * YEAR);
        latest[era] = latest[era].max(time);
        let index = time.div_euclid(60_000);
        let is_late = (index + 1) * 60_000 + 10_000 <= latest[era];
        let mut expect = None;
        if is_late {
            too_late += 1;
        } else {
            let count = counts.entry(index).or_default();
            *count += 1;
            if *count == 25 {
                *count = 0;
                expect = Some(25);
            }
        }
        let reached = state.push(millis(time), Share::Match, 25.0, FRAME);
        assert_eq!(reached.map(|(_, reached)| reached.count), expect, "{time}");
        firings += u32::from(expect.is_some());
    }
    assert!(firings > 1000, "{firings}");
    assert_eq!(state.forgotten, too_late);
    assert!(too_late > 1000, "{too_late}");
}

#[test]
fn memory_is_bounded() {
    let frame = Frame { window: Duration::from_millis(1), late: Duration::from_secs(10) };
    let mut state = Tumbling::default();
    for time in 0..10_000 {
        state.push(millis(time), Share::Match, 2.0, frame);
    }
    assert!(state.bytes() < 16_384, "{}", state.bytes());
    assert_eq!(state.forgotten, 10_000 - 64);
}

#[test]
fn the_stored_form_is_complete() {
    let mut state = Tumbling::default();
    for second in [0, 5, 59, 61, YEAR] {
        check_stored(&state, Tumbling::write, Tumbling::read);
        state.push(at(second), Share::Value(second as u64), 9.0, FRAME);
        state.push(at(second), Share::Number(2.5), 9e9, FRAME);
    }
    check_stored(&state, Tumbling::write, Tumbling::read);
}
