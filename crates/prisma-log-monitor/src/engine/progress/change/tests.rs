use super::super::testing::{Dice, YEAR, at, check_stored, millis, times};
use super::*;

#[test]
fn a_value_differs_from_the_one_before_it() {
    let check = |given: &[(i64, &str)], fires: &[usize]| {
        let mut state = Change::default();
        let pushed = given.iter().map(|&(second, text)| state.push(at(second), text, "f"));
        let pushed: Vec<_> = pushed.collect();
        let fired: Vec<usize> = (0..given.len()).filter(|&i| pushed[i].is_some()).collect();
        assert_eq!(fired, fires, "{given:?}");
    };
    check(&[(0, "a"), (1, "a"), (2, "b"), (3, "b"), (4, "a")], &[2, 4]);
    // Late: within a stretch, at its edge, before everything.
    check(&[(0, "a"), (9, "a"), (5, "b"), (7, "a"), (6, "b")], &[2]);
    check(&[(5, "a"), (0, "b"), (1, "b"), (6, "a")], &[]);
    check(&[(0, "a"), (9, "b"), (8, "b"), (5, "a")], &[1]);
    check(&[(0, ""), (1, "a")], &[1]);
}

#[test]
fn both_values_are_told() {
    let mut state = Change::default();
    state.push(at(0), "1.2", "version");
    let why = state.push(at(1), "1.3\n", "version").unwrap().why.unwrap();
    assert_eq!(why, r#"`version` went from "1.2" to "1.3\n""#);
}

#[test]
fn it_does_as_a_naive_model() {
    for disorder in [0, 2_000] {
        let mut dice = Dice::new(6);
        let mut state = Change::default();
        let mut all: Vec<(i64, i64)> = Vec::new();
        let mut firings = 0;
        for time in times(&mut dice, 150_000, 1_000, disorder) {
            let value = (time / 17_000) * 7 % 5;
            let new = all.partition_point(|(before, _)| *before <= time);
            let before = new.checked_sub(1).map(|before| all[before].1);
            let after = all.get(new).filter(|after| after.0 - time <= 3_600_000);
            let is_told = after.is_some_and(|after| after.1 == value);
            let expect = before.is_some_and(|before| before != value) && !is_told;
            all.insert(new, (time, value));
            let reached = state.push(millis(time), &value.to_string(), "f");
            assert_eq!(reached.is_some(), expect, "{time}");
            firings += u32::from(expect);
            // What is out of reach for good only slows the model down.
            if all.len() > 2_000 {
                let keep = |era: bool| {
                    let of = all.iter().filter(move |event| (event.0 > 500 * YEAR) == era);
                    of.clone().skip(of.count().saturating_sub(100)).copied().collect::<Vec<_>>()
                };
                all = [keep(false), keep(true)].concat();
            }
        }
        assert!(firings > 5_000, "{firings}");
    }
}

#[test]
fn the_stored_form_is_complete() {
    let mut state = Change::default();
    for (second, text) in [(0, "a"), (5, "b"), (3, "c"), (9, "b"), (7, "")] {
        check_stored(&state, Change::write, Change::read);
        state.push(at(second), text, "f");
    }
    check_stored(&state, Change::write, Change::read);
}
