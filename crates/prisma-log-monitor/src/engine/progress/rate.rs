//! Shares, sums and percentiles of the matches within a sliding window.

use std::collections::BTreeMap;
use std::time::Duration;

use prisma_log_core::Timestamp;

use super::Reached;
use super::series::{Series, Shape, Taken, Values};
use super::sum::Tally;
use crate::Bound;

/// Into how many parts a window with many matches falls.
const PARTS: u32 = 256;
/// The same where the numbers themselves are kept.
const PARTS_WITH_NUMBERS: u32 = 64;
/// Shares are reckoned in fractions; differences below this are noise.
const EPSILON: f64 = 1e-9;

/// Adds a number; fires when the sum reaches `at_least`.
pub(super) fn push_number(
    series: &mut Series,
    time: Timestamp,
    number: f64,
    (field, at_least): (&str, f64),
    window: Duration,
) -> Option<Reached> {
    let shape = Shape { window, parts: PARTS };
    let fires = |tally: &Tally| tally.reaches(at_least);
    let taken = series.push(time, Tally::one(number), Values::None, shape, fires)?;
    let why = sum(field, &taken.tally);
    Some(reached(&taken).because(why))
}

/// What to say of a sum that was reached.
pub(super) fn sum(field: &str, tally: &Tally) -> String {
    format!("the sum of `{field}` is {} in {} matches", number(tally.sum()), tally.count)
}

/// Adds a match that is a hit or not; fires when the share of hits reaches `ratio`.
pub(super) fn push_hit(
    series: &mut Series,
    time: Timestamp,
    is_hit: bool,
    ratio: f64,
    min_volume: u64,
    window: Duration,
) -> Option<Reached> {
    let shape = Shape { window, parts: PARTS };
    let tally = Tally::one(if is_hit { 1.0 } else { 0.0 });
    let taken = series.push(time, tally, Values::None, shape, |tally| {
        tally.count >= min_volume && tally.sum() >= ratio * tally.count as f64 - EPSILON
    })?;
    let (hits, all) = (taken.tally.sum(), taken.tally.count);
    let why = format!("{} % of {all} matches ({hits})", number(100.0 * hits / all as f64));
    Some(reached(&taken).because(why))
}

/// What a percentile has to do to fire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing<'k> {
    pub(super) field: &'k str,
    pub(super) percentile: f64,
    pub(super) bound: Bound,
    pub(super) min_volume: u64,
    pub(super) window: Duration,
}

impl Crossing<'_> {
    /// Whether a number lies on the far side of the bound.
    pub(super) fn is_beyond(&self, number: f64) -> bool {
        match self.bound {
            Bound::Above(bound) => number > bound,
            Bound::Below(bound) => number < bound,
        }
    }

    /// Whether the percentile does, when `beyond` of `count` numbers do.
    ///
    /// The percentile of n numbers is the smallest of them that so many percent of the n do not
    /// exceed, so how many numbers lie beyond the bound settles it.
    fn is_crossed(&self, count: u64, beyond: u64) -> bool {
        let rank = rank(self.percentile, count);
        count >= self.min_volume
            && match self.bound {
                Bound::Above(_) => beyond > count - rank,
                Bound::Below(_) => beyond >= rank,
            }
    }

    /// Adds a number; fires when the percentile crosses the bound.
    pub(super) fn push(
        &self,
        series: &mut Series,
        time: Timestamp,
        number: f64,
    ) -> Option<Reached> {
        let shape = Shape { window: self.window, parts: PARTS_WITH_NUMBERS };
        let tally = Tally::one(if self.is_beyond(number) { 1.0 } else { 0.0 });
        let taken = series.push(time, tally, Values::One(number), shape, |tally| {
            self.is_crossed(tally.count, tally.sum() as u64)
        })?;
        let why = self.why(&taken);
        Some(reached(&taken).because(why))
    }

    fn why(&self, taken: &Taken) -> String {
        let (field, all) = (self.field, taken.tally.count);
        let (is, bound) = match self.bound {
            Bound::Above(bound) => (">", bound),
            Bound::Below(bound) => ("<", bound),
        };
        let found = self::number(percentile(&taken.values, self.percentile));
        let about =
            if taken.values.iter().any(|v| matches!(v, Values::Many(_))) { "~" } else { "" };
        format!(
            "p{} of `{field}` is {about}{found} {is} {bound}, of {all} matches",
            self.percentile
        )
    }
}

/// The rank of a percentile among `count` numbers, counted from 1.
fn rank(percentile: f64, count: u64) -> u64 {
    let rank = (percentile * count as f64 / 100.0 - EPSILON).ceil() as u64;
    rank.clamp(1, count.max(1))
}

fn percentile(values: &[Values], percentile: f64) -> f64 {
    // Keys of which the order is that of the numbers.
    let key = |number: f64| {
        let bits = number.to_bits() as i64;
        bits ^ ((bits >> 63) as u64 >> 1) as i64
    };
    let mut sorted: BTreeMap<i64, (f64, u64)> = BTreeMap::new();
    let mut count = 0;
    let mut add = |number: f64, times: u64| {
        sorted.entry(key(number)).or_insert((number, 0)).1 += times;
        count += times;
    };
    for value in values {
        match value {
            Values::None => {}
            Values::One(number) => add(*number, 1),
            Values::Many(sketch) => sketch.numbers().for_each(|(number, times)| add(number, times)),
        }
    }
    let mut left = rank(percentile, count);
    for (number, times) in sorted.into_values() {
        if times >= left {
            return number;
        }
        left -= times;
    }
    f64::NAN
}

fn reached(taken: &Taken) -> Reached {
    Reached::new(taken.tally.count, taken.first, taken.last)
}

/// A number with three decimals at most.
pub(super) fn number(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
