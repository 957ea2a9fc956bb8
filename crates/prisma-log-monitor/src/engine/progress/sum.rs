//! Sums that do not depend on the order of what is summed up.

use std::ops::{AddAssign, SubAssign};

use prisma_log_core::Error;

use crate::codec::{Reader, Writer};

/// Numbers are reckoned in steps of 2⁻⁴⁰, about 10⁻¹².
const STEPS: f64 = (1u64 << 40) as f64;
/// Numbers beyond it count as this one; so many of them never overflow.
const MAX: f64 = (1u128 << 66) as f64;

/// Matches, and the sum of something over them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) count: u64,
    /// In fixed point, so that what is added and taken away again leaves nothing behind.
    steps: i128,
}

impl Tally {
    /// One match with this number, which is finite.
    pub(super) fn one(number: f64) -> Self {
        Tally { count: 1, steps: steps(number) }
    }

    pub(super) fn sum(&self) -> f64 {
        self.steps as f64 / STEPS
    }

    /// Whether the sum reaches `bound`, but for what its parts lost to rounding.
    pub(super) fn reaches(&self, bound: f64) -> bool {
        self.steps.saturating_add(i128::from(self.count)) >= steps(bound)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u64(self.count);
        out.i64((self.steps >> 64) as i64);
        out.u64(self.steps as u64);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let (count, high, low) = (from.u64()?, from.i64()?, from.u64()?);
        Ok(Tally { count, steps: (i128::from(high) << 64) | i128::from(low) })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.steps = self.steps.saturating_add(other.steps);
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.count = self.count.saturating_sub(other.count);
        self.steps = self.steps.saturating_sub(other.steps);
    }
}

fn steps(number: f64) -> i128 {
    (number.clamp(-MAX, MAX) * STEPS).round() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(numbers: &[f64]) -> Tally {
        numbers.iter().fold(Tally::default(), |mut sum, &number| {
            sum += Tally::one(number);
            sum
        })
    }

    #[test]
    fn sums_reach_what_people_add_up_to() {
        let check = |numbers: &[f64], bound: f64, expect: bool| {
            assert_eq!(tally(numbers).reaches(bound), expect, "{numbers:?} and {bound}");
        };
        check(&[0.1; 10], 1.0, true);
        check(&[0.7; 10], 7.0, true);
        check(&[0.7; 10], 7.000_001, false);
        check(&[1e17, 1.0, -1e17], 1.0, true);
        check(&[-5.0, 4.0], 0.0, false);
        check(&[1e300; 3], 1e20, true);
    }

    #[test]
    fn nothing_is_left_behind() {
        let mut sum = tally(&[1e19, 0.3]);
        sum -= Tally::one(1e19);
        assert!((sum.sum() - 0.3).abs() < 1e-9);
        let all = tally(&[0.1, -1e9, 3.5]);
        let mut out = Writer::new();
        all.write(&mut out);
        let row = out.finish();
        assert_eq!(Tally::read(&mut Reader::new(&row, "tally").unwrap()).unwrap(), all);
    }
}
