//! Points in time, and the one place that reads the wall clock.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Covers the years 1677 to 2262. `Display` writes RFC 3339 in UTC with exactly six fraction
/// digits: `2026-11-24T08:00:00.000000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Length in bytes of [`Timestamp::rfc3339`].
pub const RFC3339_LEN: usize = 27;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Timestamp = Timestamp(0);

    /// From nanoseconds since the Unix epoch.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// From seconds since the Unix epoch; saturates at the ends of the range.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// The later point `duration` from here; saturates at the end of the range.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The earlier point `duration` before here; saturates at the start of the range.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to here; zero when `earlier` is in fact later.
    pub fn saturating_since(self, earlier: Timestamp) -> Duration {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// RFC 3339 in UTC with six fraction digits, as ASCII bytes.
    #[inline]
    pub fn rfc3339(self) -> [u8; RFC3339_LEN] {
        let seconds = self.0.div_euclid(1_000_000_000);
        let micros = (self.0.rem_euclid(1_000_000_000) / 1_000) as u32;
        let days = seconds.div_euclid(86_400) as i32; // -106752..=106751
        let of_day = seconds.rem_euclid(86_400) as u32;
        let (year, month, day) = civil_from_days(days);

        // Put together in words: stores of single bytes would stall the copy that follows.
        let date = u64::from_le_bytes(*b"\0\0\0\0-\0\0-");
        let date = date | pair(year / 100) | pair(year % 100) << 16 | pair(month) << 40;
        let time = u64::from_le_bytes(*b"\0\0T\0\0:\0\0");
        let time = time | pair(day) | pair(of_day / 3600) << 24 | pair(of_day / 60 % 60) << 48;
        let rest = u64::from_le_bytes(*b":\0\0.\0\0\0\0") | pair(of_day % 60) << 8;
        let rest = rest | pair(micros / 10_000) << 32 | pair(micros / 100 % 100) << 48;
        let [tens, ones, ..] = pair(micros % 100).to_le_bytes();

        let mut out = [0; RFC3339_LEN];
        out[..8].copy_from_slice(&date.to_le_bytes());
        out[8..16].copy_from_slice(&time.to_le_bytes());
        out[16..24].copy_from_slice(&rest.to_le_bytes());
        out[24..].copy_from_slice(&[tens, ones, b'Z']);
        out
    }
}

/// Two decimal digits in ASCII, the tens in the lowest byte.
const fn pair(number: u32) -> u64 {
    let tens = number / 10;
    (tens + ((number - tens * 10) << 8)) as u64 + 0x3030
}

/// Year, month and day of a day number counted from 1970-01-01, for years from 0 on.
///
/// Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms",
/// 2023: years begin in March, and multiplications stand for the divisions.
#[inline]
fn civil_from_days(days: i32) -> (u32, u32, u32) {
    let day_of_era = (days + 719_468) as u32; // from 0000-03-01
    let in_quarters = 4 * day_of_era + 3;
    let century = in_quarters / 146_097;
    let of_century = 4 * (in_quarters % 146_097 / 4) + 3;
    let scaled = 2_939_745 * u64::from(of_century);
    let year_of_century = (scaled >> 32) as u32;
    let day_of_year = scaled as u32 / 2_939_745 / 4;
    let month_and_day = 2_141 * day_of_year + 197_913;
    let month = month_and_day >> 16; // 3..=14
    let day = (month_and_day & 0xFFFF) / 2_141 + 1;
    let next_year = day_of_year >= 306;
    let year = 100 * century + year_of_century + u32::from(next_year);
    (year, if next_year { month - 12 } else { month }, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.rfc3339();
        f.pad(std::str::from_utf8(&bytes).unwrap_or_default())
    }
}

impl From<SystemTime> for Timestamp {
    /// Saturates at the ends of the range.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => {
                let nanos = i64::try_from(after.as_secs()).ok().and_then(|seconds| {
                    seconds.checked_mul(1_000_000_000)?.checked_add(after.subsec_nanos().into())
                });
                Timestamp(nanos.unwrap_or(i64::MAX))
            }
            Err(before) => Timestamp::UNIX_EPOCH.saturating_sub(before.duration()),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        let distance = Duration::from_nanos(timestamp.0.unsigned_abs());
        if timestamp.0 >= 0 { UNIX_EPOCH + distance } else { UNIX_EPOCH - distance }
    }
}

/// Where "now" comes from. Nothing else in the house reads the wall clock.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The operating system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock that stands still until it is told otherwise: for tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        ManualClock(AtomicI64::new(now.unix_nanos()))
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_nanos(), Ordering::SeqCst);
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_across_the_range() {
        let check = |nanos: i64, expect: &str| {
            assert_eq!(Timestamp::from_unix_nanos(nanos).to_string(), expect);
        };
        check(0, "1970-01-01T00:00:00.000000Z");
        check(-1, "1969-12-31T23:59:59.999999Z");
        check(951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z");
        check(1_795_507_200_123_456_789, "2026-11-24T08:00:00.123456Z");
        check(2_147_483_648_000_001_000, "2038-01-19T03:14:08.000001Z");
        check(i64::MAX, "2262-04-11T23:47:16.854775Z");
        check(i64::MIN, "1677-09-21T00:12:43.145224Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expect = (1677, 9, 21);
        for days in -106_752..=106_751 {
            assert_eq!(civil_from_days(days), expect);
            let (year, month, day) = expect;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expect = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
        assert_eq!(expect, (2262, 4, 12));
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_unix_nanos(i64::MAX);
        assert_eq!(end.saturating_add(Duration::from_secs(1)), end);
        let start = Timestamp::from_unix_nanos(i64::MIN);
        assert_eq!(start.saturating_since(end), Duration::ZERO);
        assert_eq!(end.saturating_since(start), Duration::from_nanos(u64::MAX));
        for nanos in [-5_000, 0, 1_795_507_200_123_456_789, i64::MIN + 1, i64::MAX] {
            let time: SystemTime = Timestamp::from_unix_nanos(nanos).into();
            assert_eq!(Timestamp::from(time).unix_nanos(), nanos);
        }
        let later = UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert_eq!(Timestamp::from(later), end);
    }
}
