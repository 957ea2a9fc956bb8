use super::super::testing::{Dice, YEAR, at, check_stored, millis, times};
use super::*;
use crate::codec::{Reader, Writer};

const WINDOW: Duration = Duration::from_secs(60);

fn fired(reached: Option<Reached>) -> Option<(u64, Timestamp, Timestamp)> {
    reached.map(|reached| (reached.count, reached.first, reached.last))
}

/// All matches that are not used up, by time.
#[derive(Default)]
struct Naive(Vec<(Timestamp, f64)>);

impl Naive {
    /// Adds a match; takes out the earliest window that ends with a match, includes the new one and
    /// satisfies `fires`.
    fn push(
        &mut self,
        time: Timestamp,
        number: f64,
        fires: impl Fn(&[f64]) -> bool,
    ) -> Option<(u64, Timestamp, Timestamp)> {
        // What is out of reach for good only slows the model down.
        if self.0.len() > 4_000 {
            let keep = |era: bool| {
                let of = self.0.iter().filter(move |event| (event.0 > millis(500 * YEAR)) == era);
                of.clone().skip(of.count().saturating_sub(1_000)).copied().collect::<Vec<_>>()
            };
            self.0 = [keep(false), keep(true)].concat();
        }
        let new = self.0.partition_point(|(t, _)| *t <= time);
        self.0.insert(new, (time, number));
        for end in new..self.0.len() {
            let last = self.0[end].0;
            let start = self.0.partition_point(|(t, _)| *t < last.saturating_sub(WINDOW));
            if start > new {
                return None;
            }
            let numbers: Vec<f64> = self.0[start..=end].iter().map(|(_, n)| *n).collect();
            if fires(&numbers) {
                let first = self.0[start].0;
                self.0.drain(start..=end);
                return Some((numbers.len() as u64, first, last));
            }
        }
        None
    }
}

#[test]
fn sums_are_those_of_a_naive_model() {
    for (seed, step, at_least) in [(1, 500, 700.0), (2, 2_000, 200.0), (3, 20_000, 30.0)] {
        let mut dice = Dice::new(seed);
        let (mut series, mut naive) = (Series::default(), Naive::default());
        let mut firings = 0;
        for time in times(&mut dice, 100_000, step, 50_000) {
            let number = dice.below(100) as f64 / 8.0 - 1.0;
            let reached = push_number(&mut series, millis(time), number, ("n", at_least), WINDOW);
            let expect = naive.push(millis(time), number, |n| n.iter().sum::<f64>() >= at_least);
            firings += u32::from(expect.is_some());
            assert_eq!(fired(reached), expect, "seed {seed}, {time}");
        }
        assert!(firings > 100, "{firings}");
        assert_eq!(series.forgotten, 0);
    }
}

#[test]
fn shares_are_those_of_a_naive_model() {
    for (seed, step, volume) in [(1, 300, 150), (2, 1_500, 20), (3, 20_000, 4)] {
        let mut dice = Dice::new(seed);
        let (mut series, mut naive) = (Series::default(), Naive::default());
        let mut firings = 0;
        for time in times(&mut dice, 100_000, step, 50_000) {
            let is_hit = dice.once_in(3);
            let reached = push_hit(&mut series, millis(time), is_hit, 0.4, volume, WINDOW);
            let expect = naive.push(millis(time), f64::from(u8::from(is_hit)), |n| {
                n.len() as u64 >= volume && n.iter().sum::<f64>() / n.len() as f64 >= 0.4
            });
            firings += u32::from(expect.is_some());
            assert_eq!(fired(reached), expect, "seed {seed}, {time}");
        }
        assert!(firings > 50, "{firings}");
    }
}

fn above(percentile: f64, bound: Bound, min_volume: u64) -> Crossing<'static> {
    Crossing { field: "ms", percentile, bound, min_volume, window: WINDOW }
}

#[test]
fn percentiles_are_those_of_a_naive_model() {
    let cases = [
        (1, 1_000, above(99.0, Bound::Above(940.0), 40)),
        (2, 2_000, above(50.0, Bound::Above(600.0), 10)),
        (3, 2_000, above(90.0, Bound::Below(700.0), 5)),
        (4, 5_000, above(100.0, Bound::Below(500.0), 3)),
    ];
    for (seed, step, crossing) in cases {
        let mut dice = Dice::new(seed);
        let (mut series, mut naive) = (Series::default(), Naive::default());
        let mut firings = 0;
        for time in times(&mut dice, 100_000, step, 50_000) {
            let number = dice.below(950) as f64;
            let reached = crossing.push(&mut series, millis(time), number);
            let expect = naive.push(millis(time), number, |numbers| {
                if (numbers.len() as u64) < crossing.min_volume {
                    return false;
                }
                let mut sorted = numbers.to_vec();
                sorted.sort_by(f64::total_cmp);
                let rank = (crossing.percentile * sorted.len() as f64 / 100.0 - 1e-9).ceil();
                let found = sorted[(rank as usize).clamp(1, sorted.len()) - 1];
                crossing.is_beyond(found)
            });
            firings += u32::from(expect.is_some());
            assert_eq!(fired(reached), expect, "seed {seed}, {time}");
        }
        assert!(firings > 20, "seed {seed}: {firings}");
    }
}

#[test]
fn what_was_reached_is_told() {
    let mut series = Series::default();
    let mut reached = None;
    for i in 0..4 {
        reached = push_hit(&mut series, at(i), i % 2 == 0, 0.5, 4, WINDOW).or(reached);
    }
    assert_eq!(reached.unwrap().why.unwrap(), "50 % of 4 matches (2)");
    let reached = push_number(&mut Series::default(), at(0), 12.5, ("bytes", 10.0), WINDOW);
    assert_eq!(reached.unwrap().why.unwrap(), "the sum of `bytes` is 12.5 in 1 matches");
    let mut series = Series::default();
    let crossing = above(99.0, Bound::Above(500.0), 3);
    assert_eq!(crossing.push(&mut series, at(0), 812.0), None);
    assert_eq!(crossing.push(&mut series, at(1), -3.0), None);
    let reached = crossing.push(&mut series, at(2), 4.0).unwrap();
    assert_eq!(reached.why.unwrap(), "p99 of `ms` is 812 > 500, of 3 matches");
}

#[test]
fn percentiles_of_many_numbers_are_told_to_one_percent() {
    let mut dice = Dice::new(5);
    let crossing = above(99.0, Bound::Above(3_000.0), 50_000);
    let (mut series, mut numbers) = (Series::default(), Vec::new());
    let mut told = None;
    for i in 0..50_000 {
        let number = 10.0 + (dice.below(1000) * dice.below(1000)) as f64 / 100.0;
        numbers.push(number);
        told = crossing.push(&mut series, millis(i), number).or(told);
    }
    numbers.sort_by(f64::total_cmp);
    let why = told.unwrap().why.unwrap();
    let found: f64 = why.split('~').nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let expect = numbers[49_499];
    assert!((found / expect - 1.0).abs() <= 0.01, "{why}; {expect}");
}

#[test]
fn windows_with_many_matches_are_cut_to_their_parts() {
    let mut dice = Dice::new(9);
    let mut series = Series::default();
    let mut all: Vec<(i64, bool)> = Vec::new();
    let (mut firings, mut largest) = (0, 0);
    for (i, time) in times(&mut dice, 200_000, 8, 400).into_iter().enumerate() {
        let is_hit = dice.once_in(if i % 40_000 < 30_000 { 20 } else { 3 });
        all.push((time, is_hit));
        let reached = push_hit(&mut series, millis(time), is_hit, 0.2, 2_000, WINDOW);
        largest = largest.max(series.bytes());
        let Some(reached) = reached else { continue };
        firings += 1;
        assert!(reached.last.saturating_since(reached.first) <= WINDOW);
        // What was counted lies in the window, so that nothing is counted twice.
        let span = reached.first..=reached.last;
        let counted = |(time, _): &&(i64, bool)| span.contains(&millis(*time));
        assert!(reached.count <= all.iter().filter(counted).count() as u64);
        all.retain(|(time, _)| !span.contains(&millis(*time)));
    }
    assert!(firings > 3, "{firings}");
    assert!(largest < 100_000, "{largest}");
    assert_eq!(series.forgotten, 0);
}

#[test]
fn the_stored_form_is_complete() {
    let mut dice = Dice::new(3);
    let crossing = above(99.0, Bound::Above(1e9), 5);
    let mut series = Series::default();
    let write = |series: &Series, out: &mut Writer| series.write(out);
    let read = |from: &mut Reader<'_>| Series::read(from, WINDOW);
    for (i, time) in times(&mut dice, 3_000, 5, 400).into_iter().enumerate() {
        if i < 5 || i % 500 == 0 {
            check_stored(&series, write, read);
        }
        crossing.push(&mut series, millis(time), dice.below(1000) as f64);
    }
    // What was read back goes on in the same way.
    let mut out = Writer::new();
    series.write(&mut out);
    let row = out.finish();
    let mut again = Series::read(&mut Reader::new(&row, "series").unwrap(), WINDOW).unwrap();
    for time in 20_000..40_000 {
        let number = dice.below(1000) as f64;
        let crossing = above(50.0, Bound::Above(500.0), 1_500);
        let reached = crossing.push(&mut series, millis(time), number);
        assert_eq!(crossing.push(&mut again, millis(time), number), reached);
    }
}
