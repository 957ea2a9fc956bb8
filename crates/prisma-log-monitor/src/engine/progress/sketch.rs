//! Many numbers in little space, for percentiles: a DDSketch (Masson, Rim, Lee: VLDB 2019).

use prisma_log_core::Error;

use crate::codec::{Reader, Writer};

/// What a number that is read back may be off, relative to itself.
const ACCURACY: f64 = 0.01;
const GAMMA: f64 = (1.0 + ACCURACY) / (1.0 - ACCURACY);
/// Nearer to zero than this is zero.
const LEAST: f64 = 1e-9;
const MOST: f64 = 1e18;
/// Bins of positive numbers come after this one, those of negative ones before its negative.
const OFFSET: i32 = 1100;
/// Bins that one sketch keeps: numbers of the 160-fold. Of more, the smallest numbers share one.
const MAX_BINS: usize = 256;

/// Numbers, each known to 1 %; those nearest the smaller end are known less well when the largest is
/// more than about 160 times as large.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sketch {
    /// Bin and how many numbers are in it, in the order of the numbers.
    bins: Vec<(i16, u32)>,
}

impl Sketch {
    pub(super) fn add(&mut self, number: f64) {
        self.add_bin(bin(number), 1);
    }

    pub(super) fn merge(&mut self, other: &Sketch) {
        for &(bin, count) in &other.bins {
            self.add_bin(bin, count);
        }
    }

    fn add_bin(&mut self, bin: i16, count: u32) {
        match self.bins.binary_search_by_key(&bin, |&(bin, _)| bin) {
            Ok(at) => self.bins[at].1 = self.bins[at].1.saturating_add(count),
            Err(at) => {
                self.bins.insert(at, (bin, count));
                if self.bins.len() > MAX_BINS {
                    let (_, count) = self.bins.remove(0);
                    self.bins[0].1 = self.bins[0].1.saturating_add(count);
                }
            }
        }
    }

    /// Numbers, smallest first, and how often each is there.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (f64, u64)> {
        self.bins.iter().map(|&(bin, count)| (number(bin), u64::from(count)))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Sketch>() + self.bins.len() * size_of::<(i16, u32)>()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.bins.iter(), |out, &(bin, count)| {
            out.i64(i64::from(bin));
            out.u64(u64::from(count));
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let bins = from.list(|from| Ok((from.i64()?, from.u64()?)))?;
        let bins = bins
            .into_iter()
            .map(|(bin, count)| Some((i16::try_from(bin).ok()?, u32::try_from(count).ok()?)));
        let bins: Option<Vec<_>> = bins.collect();
        let sorted = bins.filter(|bins| bins.is_sorted_by(|a, b| a.0 < b.0));
        sorted.map(|bins| Sketch { bins }).ok_or_else(|| from.bad("its bins are out of order"))
    }
}

fn bin(number: f64) -> i16 {
    let size = number.abs();
    if size < LEAST {
        return 0;
    }
    let place = (size.min(MOST).ln() / GAMMA.ln()).ceil() as i32 + OFFSET;
    if number > 0.0 { place as i16 } else { -place as i16 }
}

fn number(bin: i16) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let place = i32::from(bin).abs() - OFFSET;
    let size = 2.0 * GAMMA.powi(place) / (GAMMA + 1.0);
    if bin > 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_to_one_percent() {
        let check = |given: f64| {
            let back = number(bin(given));
            assert!((back - given).abs() <= given.abs() * (ACCURACY + 1e-9), "{given}: {back}");
        };
        let mut given = 1.1e-9;
        while given < 1e18 {
            check(given);
            check(-given);
            given *= 1.37;
        }
        check(0.0);
        assert!(bin(1e-12) == 0 && bin(-1e-12) == 0);
    }

    #[test]
    fn bins_lie_in_the_order_of_the_numbers() {
        let given = [-1e30, -1e9, -5.0, -1e-8, 0.0, 1e-8, 0.5, 1.0, 1.03, 7.0, 1e30];
        assert!(given.map(bin).is_sorted_by(|a, b| a < b), "{:?}", given.map(bin));
    }

    #[test]
    fn bins_are_bounded_and_the_largest_stay() {
        let mut sketch = Sketch::default();
        for i in 0..2000 {
            sketch.add(1.02f64.powi(i));
        }
        assert_eq!(sketch.bins.len(), MAX_BINS);
        assert_eq!(sketch.numbers().map(|(_, count)| count).sum::<u64>(), 2000);
        let largest = sketch.numbers().last().unwrap().0;
        assert!((largest / 1.02f64.powi(1999) - 1.0).abs() < 0.011);
    }

    #[test]
    fn the_stored_form_is_complete() {
        let mut sketch = Sketch::default();
        [3.0, 3.0, -2.0, 0.0, 1e6].into_iter().for_each(|number| sketch.add(number));
        let mut twice = sketch.clone();
        twice.merge(&sketch);
        let mut out = Writer::new();
        twice.write(&mut out);
        let row = out.finish();
        let mut reader = Reader::new(&row, "sketch").unwrap();
        assert_eq!(Sketch::read(&mut reader).unwrap(), twice);
        reader.finish().unwrap();
        let mut out = Writer::new();
        out.list([(2i64, 1u64), (2, 1)].into_iter(), |out, (bin, count)| {
            out.i64(bin);
            out.u64(count);
        });
        let row = out.finish();
        assert!(Sketch::read(&mut Reader::new(&row, "sketch").unwrap()).unwrap_err().is_data());
    }
}
