//! Streams of events for tests against naive models.

use std::fmt::Debug;

use prisma_log_core::{Error, Timestamp};

use crate::codec::{Reader, Writer};

/// A year, in seconds: far enough to be another era.
pub(super) const YEAR: i64 = 365 * 86_400;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

pub(super) fn millis(millis: i64) -> Timestamp {
    Timestamp::from_unix_nanos(millis * 1_000_000)
}

/// Numbers that look random and are the same every time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound.max(1)
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Times in milliseconds that go on by `step` on average, up to `disorder` out of order, in two eras
/// that come mixed.
pub(super) fn times(dice: &mut Dice, count: usize, step: u64, disorder: u64) -> Vec<i64> {
    let mut now = [0i64, 1000 * YEAR];
    (0..count)
        .map(|_| {
            let era = usize::from(dice.once_in(3));
            now[era] += dice.below(2 * step + 1) as i64;
            let late = if dice.once_in(3) { dice.below(disorder + 1) as i64 } else { 0 };
            now[era] - late
        })
        .collect()
}

/// What `write` writes, `read` reads back; every cut is noticed.
pub(super) fn check_stored<T: PartialEq + Debug>(
    state: &T,
    write: impl Fn(&T, &mut Writer),
    read: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) {
    let mut out = Writer::new();
    write(state, &mut out);
    let row = out.finish();
    let mut reader = Reader::new(&row, "state").unwrap();
    assert_eq!(read(&mut reader).unwrap(), *state);
    reader.finish().unwrap();
    for end in 0..row.len().min(200) {
        let cut = &row[..end];
        let read = Reader::new(cut, "state").and_then(|mut reader| {
            let state = read(&mut reader)?;
            reader.finish().map(|()| state)
        });
        assert!(read.unwrap_err().is_data());
    }
    // Rows with a right checksum over nonsense are no state, or at least no panic.
    let mut dice = Dice::new(row.len() as u64);
    for _ in 0..200 {
        let mut out = Writer::new();
        let noise: Vec<u8> = (0..dice.below(60)).map(|_| dice.below(6) as u8).collect();
        noise.iter().for_each(|&byte| out.u64(u64::from(byte)));
        let row = out.finish();
        let mut reader = Reader::new(&row, "state").unwrap();
        if let Err(error) = read(&mut reader) {
            assert!(error.is_data());
        }
    }
}
