use std::collections::HashMap;

use super::super::testing::{Dice, YEAR, at, check_stored, millis, times};
use super::*;

const DAY: i64 = 86_400;

fn usual(direction: Direction) -> Usual {
    Usual {
        factor: 3.0,
        direction,
        baseline: Baseline::Previous,
        min_count: 4,
        frame: Frame { window: Duration::from_secs(60), late: Duration::from_secs(10) },
    }
}

/// What happens: so many matches in the minute of this number.
fn minutes(state: &mut Spike, usual: Usual, minutes: &[(i64, u64)]) -> Vec<(i64, u64)> {
    let mut fired = Vec::new();
    for &(minute, count) in minutes {
        for i in 0..count {
            let reached = state.push(at(minute * 60 + i as i64 % 60), usual);
            fired.extend(
                reached.map(|reached| (reached.first.unix_nanos() / 60_000_000_000, reached.count)),
            );
        }
    }
    fired
}

#[test]
fn more_matches_than_in_the_window_before() {
    let check = |given: &[(i64, u64)], expect: &[(i64, u64)]| {
        let mut state = Spike::default();
        assert_eq!(minutes(&mut state, usual(Direction::Up), given), expect, "{given:?}");
    };
    check(&[(0, 2), (1, 5)], &[]);
    check(&[(0, 2), (1, 6)], &[(1, 6)]);
    check(&[(0, 2), (1, 60)], &[(1, 6)]);
    check(&[(0, 1), (1, 3)], &[]);
    check(&[(0, 1), (1, 4)], &[(1, 4)]);
    check(&[(0, 9), (2, 4)], &[(2, 4)]);
    check(&[(0, 2), (1, 6), (2, 18), (3, 18)], &[(1, 6), (2, 18)]);
    // The first window has nothing before it, and is another's baseline only as a whole.
    check(&[(0, 50)], &[]);
    let mut state = Spike::default();
    state.begin(at(30));
    assert_eq!(minutes(&mut state, usual(Direction::Up), &[(1, 50)]), []);
    assert_eq!(minutes(&mut state, usual(Direction::Up), &[(2, 150)]), [(2, 150)]);
}

#[test]
fn from_nothing_to_something_once_it_is_watched() {
    let mut state = Spike::default();
    let up = usual(Direction::Up);
    state.begin(at(0));
    for day in 1..100 {
        assert!(state.due(up).is_some_and(|due| due <= at(day * DAY)));
        assert_eq!(state.tick(at(day * DAY), up), None);
    }
    assert_eq!(minutes(&mut state, up, &[(99 * 1440 + 7, 4)]), [(99 * 1440 + 7, 4)]);
}

#[test]
fn fewer_matches_are_seen_when_the_window_has_ended() {
    let down = usual(Direction::Down);
    let mut state = Spike::default();
    assert_eq!(minutes(&mut state, down, &[(0, 9), (1, 3)]), []);
    assert_eq!(state.due(down), Some(at(130)));
    assert_eq!(state.tick(at(129), down), None);
    let reached = state.tick(at(130), down).unwrap();
    assert_eq!((reached.count, reached.first), (3, at(60)));
    assert_eq!(reached.why.as_deref(), Some("3 matches, 9 in the window before"));
    assert_eq!(state.tick(at(131), down), None);
    // A line tells as well that time has passed, and nothing is less than something.
    let mut state = Spike::default();
    assert_eq!(minutes(&mut state, down, &[(0, 9), (1, 9), (5, 1)]), [(2, 0)]);
    // What few there were before is no baseline.
    let mut state = Spike::default();
    assert_eq!(minutes(&mut state, down, &[(0, 3), (5, 1)]), []);
    // After the end of a log of last year, today is no drop.
    let mut state = Spike::default();
    minutes(&mut state, down, &[(0, 9)]);
    assert_eq!(state.tick(at(YEAR), down), None);
}

#[test]
fn the_same_hour_of_earlier_days() {
    let both = Usual {
        direction: Direction::Both,
        baseline: Baseline::SameHour { days: 3 },
        ..usual(Direction::Both)
    };
    let mut state = Spike::default();
    let mut fired = Vec::new();
    for day in 0..4 {
        for hour in 0..24 {
            // Ten a minute at noon, one else.
            let count = if hour == 12 { 10 } else { 1 };
            let all: Vec<(i64, u64)> =
                (0..60).map(|minute| ((day * 24 + hour) * 60 + minute, count)).collect();
            fired.extend(minutes(&mut state, both, &all));
        }
    }
    assert_eq!(fired, []);
    let noon = (4 * 24 + 12) * 60;
    assert_eq!(minutes(&mut state, both, &[(noon, 30)]), [(noon, 30)]);
    assert_eq!(minutes(&mut state, both, &[(noon + 1, 2)]), []);
    let reached = state.tick(at((noon + 2) * 60 + 10), both).unwrap();
    assert_eq!((reached.count, reached.first), (2, at((noon + 1) * 60)));
    assert_eq!(reached.why.as_deref(), Some("2 matches, 10 at this hour of earlier days"));
    assert!(state.bytes() < 10_000, "{}", state.bytes());
}

#[test]
fn it_does_as_a_naive_model() {
    let mut dice = Dice::new(8);
    let (mut state, up) = (Spike::default(), usual(Direction::Up));
    let mut counts: HashMap<i64, u64> = HashMap::new();
    let mut fired: Vec<i64> = Vec::new();
    let (mut latest, mut first) = ([i64::MIN / 2; 2], [i64::MAX; 2]);
    let mut speed = 1;
    let given = times(&mut dice, 150_000, 2_000, 40_000);
    for (i, time) in given.into_iter().enumerate() {
        if i % 500 == 0 {
            speed = 1 + dice.below(6);
        }
        if !dice.once_in(speed) {
            continue;
        }
        let era = usize::from(time > 500 * YEAR);
        (latest[era], first[era]) = (latest[era].max(time), first[era].min(time));
        let index = time.div_euclid(60_000);
        let reached = state.push(millis(time), up);
        if (index + 1) * 60_000 + 10_000 <= latest[era] {
            assert_eq!(reached, None);
            continue;
        }
        *counts.entry(index).or_default() += 1;
        let (count, before) = (counts[&index], counts.get(&(index - 1)).copied().unwrap_or(0));
        let is_known = (index - 1) * 60_000 >= first[era];
        let is_spike = is_known && count >= 4 && count >= 3 * before && !fired.contains(&index);
        assert_eq!(reached.map(|reached| reached.count), is_spike.then_some(count), "{time}");
        if is_spike {
            fired.push(index);
        }
    }
    assert!(fired.len() > 50, "{}", fired.len());
}

#[test]
fn the_stored_form_is_complete() {
    let usual = Usual { baseline: Baseline::SameHour { days: 2 }, ..usual(Direction::Both) };
    let mut state = Spike::default();
    for second in [5, 65, 66, 67, 68, 90_000, YEAR] {
        check_stored(&state, Spike::write, Spike::read);
        state.push(at(second), usual);
    }
    check_stored(&state, Spike::write, Spike::read);
}
