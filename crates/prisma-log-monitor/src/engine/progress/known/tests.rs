use std::collections::HashSet;

use super::super::testing::{Dice, YEAR, at, check_stored};
use super::*;

#[test]
fn what_is_new_fires_after_learning() {
    let check = |learn: u64, given: &[(i64, u64)], fires: &[usize]| {
        let (mut state, learn) = (Known::default(), Duration::from_secs(learn));
        let fired = given.iter().map(|&(second, value)| state.push(at(second), value, learn));
        let fired: Vec<bool> = fired.map(|reached| reached.is_some()).collect();
        let fired: Vec<usize> = (0..fired.len()).filter(|&i| fired[i]).collect();
        assert_eq!(fired, fires, "{given:?}");
    };
    check(0, &[(0, 1), (1, 1), (2, 2), (9, 1)], &[0, 2]);
    check(10, &[(0, 1), (9, 2), (10, 3), (11, 2), (-9, 4), (12, 3)], &[2]);
    check(10, &[(0, 1), (-YEAR, 2), (1, 3)], &[1]);
}

#[test]
fn it_does_as_a_set() {
    let mut dice = Dice::new(2);
    let (mut state, mut set) = (Known::default(), HashSet::new());
    for i in 0..200_000 {
        let value = dice.below(1 + i / 40);
        let reached = state.push(at(i as i64), value, Duration::ZERO);
        assert_eq!(reached.is_some(), set.insert(value));
    }
    assert_eq!(state.forgotten, 0);
}

#[test]
fn what_comes_again_and_again_is_not_forgotten() {
    let mut state = Known::default();
    let mut fired = 0;
    for i in 0..100_000u64 {
        fired += u32::from(state.push(at(0), i % 100, Duration::ZERO).is_some());
        fired += u32::from(state.push(at(0), 1_000 + i, Duration::ZERO).is_some());
    }
    assert_eq!(fired, 100_100);
    assert_eq!(state.len(), MAX_KNOWN);
    assert_eq!(state.forgotten, 100_100 - MAX_KNOWN as u64);
    assert!(state.bytes() < 1 << 20);
}

#[test]
fn the_stored_form_is_complete() {
    let mut state = Known::default();
    for value in [3, 9, 3, 7] {
        check_stored(&state, Known::write, Known::read);
        state.push(at(value as i64), value, Duration::ZERO);
    }
    check_stored(&state, Known::write, Known::read);
}
