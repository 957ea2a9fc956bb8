//! Timestamps as text, with the part that changes once a second kept.

use prisma_log_core::{RFC3339_LEN, Timestamp};

use crate::copy::Put;
use crate::number::{ASCII_ZEROS, four_digits};

/// Bytes before the fraction's point.
const WHOLE_LEN: usize = RFC3339_LEN - 8;
const SECOND: u64 = 1_000_000_000;

/// Writes timestamps as [`Timestamp::rfc3339`] does.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// Where the second begins that `whole` is the text of.
    begin: i64,
    whole: [u8; WHOLE_LEN],
}

impl Stamp {
    pub(crate) fn new() -> Self {
        Stamp { begin: 0, whole: Stamp::whole(Timestamp::UNIX_EPOCH) }
    }

    #[inline]
    pub(crate) fn push(&mut self, timestamp: Timestamp, out: &mut impl Put) {
        let now = timestamp.unix_nanos();
        let mut nanos = now.wrapping_sub(self.begin) as u64;
        if nanos >= SECOND || now < self.begin {
            nanos = match self.go_to(timestamp) {
                Some(nanos) => nanos,
                None => return out.put(&timestamp.rfc3339()),
            };
        }
        let micros = nanos as u32 / 1_000;
        let (high, low) = (four_digits(micros / 10_000), four_digits(micros % 10_000));
        // Of the high part, below 100, the first two digits give way.
        let digits = u64::from(high >> 16) | u64::from(low) << 16 | ASCII_ZEROS >> 16;
        let end = u64::from(b'.') | digits << 8 | u64::from(b'Z') << 56;
        out.put(&self.whole);
        out.put(&end.to_le_bytes());
    }

    /// Makes the timestamp's second the one that is kept; how many nanoseconds follow. `None` if
    /// the second begins before the range of timestamps does.
    #[cold]
    fn go_to(&mut self, timestamp: Timestamp) -> Option<u64> {
        let nanos = timestamp.unix_nanos();
        let of_second = nanos.rem_euclid(SECOND as i64);
        self.begin = nanos.checked_sub(of_second)?;
        self.whole = Stamp::whole(timestamp);
        Some(of_second as u64)
    }

    fn whole(timestamp: Timestamp) -> [u8; WHOLE_LEN] {
        let mut whole = [0; WHOLE_LEN];
        whole.copy_from_slice(&timestamp.rfc3339()[..WHOLE_LEN]);
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_core_writes_wherever_it_was_before() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut stamp = Stamp::new();
        let mut check = |nanos: i64| {
            let timestamp = Timestamp::from_unix_nanos(nanos);
            let mut out = b"kept".to_vec();
            stamp.push(timestamp, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("kept{timestamp}"));
        };
        let ends = [i64::MIN, i64::MIN + 1, i64::MAX, -1, 0, 1, -999_999_999, -1_000_000_000];
        for _ in 0..20_000 {
            let near = random.choice(ends).unwrap();
            let base = if random.bool() { near } else { random.i64(..) };
            for _ in 0..3 {
                check(base.saturating_add(random.i64(-2_000_000_000..2_000_000_000)));
            }
        }
        ends.into_iter().for_each(check);
    }
}
