//! Times as logs write them, found at the start of some bytes.

use prisma_log_core::Timestamp;

use super::stamp;
use super::zone::Zone;

/// A time as it stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// Nanoseconds since the Unix epoch.
    Epoch(i64),
    /// A date and a time of day.
    Civil(Civil),
}

/// A date and a time of day, with or without year and offset from UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: Option<i64>,
    pub(super) month: u32,
    pub(super) day: u32,
    /// Seconds since midnight; a leap second counts as the one before it.
    pub(super) of_day: u32,
    pub(super) nanos: u32,
    /// Seconds east of UTC.
    pub(super) offset: Option<i32>,
}

impl Stated {
    /// The point in time; years and offsets that are not stated are guessed.
    pub(super) fn resolve(self, zone: &mut Zone) -> Option<Timestamp> {
        match self {
            Stated::Epoch(nanos) => Some(Timestamp::from_unix_nanos(nanos)),
            Stated::Civil(civil) => civil.resolve(zone),
        }
    }
}

impl Civil {
    fn resolve(&self, zone: &mut Zone) -> Option<Timestamp> {
        if let Some(year) = self.year {
            return self.in_year(year, zone);
        }
        // The current year, unless that lies in the future: then the last one. February 29 is
        // looked for in the last leap year.
        let now = zone.now();
        let limit = now.saturating_add(std::time::Duration::from_secs(86_400));
        let this_year = zone.year_of(now);
        (0..=8).find_map(|back| self.in_year(this_year - back, zone).filter(|&time| time <= limit))
    }

    fn in_year(&self, year: i64, zone: &mut Zone) -> Option<Timestamp> {
        let local = days_from_civil(year, self.month, self.day)? * 86_400 + i64::from(self.of_day);
        let offset = match self.offset {
            Some(offset) => i64::from(offset),
            None => zone.offset_at_local(local),
        };
        let nanos = (local - offset).checked_mul(1_000_000_000)?;
        nanos.checked_add(i64::from(self.nanos)).map(Timestamp::from_unix_nanos)
    }
}

/// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`); `None` for no valid date, and for
/// years that a [`Timestamp`] can't hold.
fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || !(1678..=2261).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from((month + 9) % 12); // March is 0
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// A time at the start of `s`, and how many bytes it takes.
pub(super) fn prefix(s: &[u8]) -> Option<(Stated, usize)> {
    stamp::read(s)
}

/// A whole text as a time: what JSON and logfmt fields hold.
pub(super) fn whole(s: &[u8]) -> Option<Stated> {
    if let Some(civil) = utc(s) {
        return Some(Stated::Civil(civil));
    }
    let s = s.trim_ascii();
    let (stated, len) = prefix(s)?;
    (len == s.len()).then_some(stated)
}

/// A whole text as the form that is met most, `2026-11-24T08:00:00.123456Z`, with any number of
/// fraction digits or none; `None` also for what is no valid time.
fn utc(s: &[u8]) -> Option<Civil> {
    let (head, rest) = s.split_first_chunk::<19>()?;
    let separators = [head[4], head[7], head[10], head[13], head[16]];
    if separators != *b"--T::" {
        return None;
    }
    let mut valid = true;
    let mut pair = |at: usize| {
        let (tens, ones) = (head[at].wrapping_sub(b'0'), head[at + 1].wrapping_sub(b'0'));
        valid &= tens < 10 && ones < 10;
        u32::from(tens) * 10 + u32::from(ones)
    };
    let year = i64::from(pair(0) * 100 + pair(2));
    let (month, day) = (pair(5), pair(8));
    let (hour, minute, second) = (pair(11), pair(14), pair(17));
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut nanos = 0;
    if rest != b"Z" {
        let digits = rest.strip_prefix(b".")?.strip_suffix(b"Z")?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        nanos = nanos_of(digits);
    }
    let of_day = of_day(hour, minute, second);
    Some(Civil { year: Some(year), month, day, of_day, nanos, offset: Some(0) })
}

/// A leap second is the one before it.
pub(super) fn of_day(hour: u32, minute: u32, second: u32) -> u32 {
    hour * 3600 + minute * 60 + second.min(59)
}

/// A fraction's digits, of which there is at least one.
pub(super) fn nanos_of(digits: &[u8]) -> u32 {
    let used = &digits[..digits.len().min(9)];
    let number = used.iter().fold(0, |number, &b| number * 10 + u32::from(b - b'0'));
    number * 10_u32.pow(9 - used.len() as u32)
}

/// `1.2.3`-like decimal text as seconds, milliseconds, microseconds or nanoseconds since the Unix
/// epoch, told apart by size. Before 1973 or after 2261 it is no time.
pub(super) fn epoch(s: &[u8]) -> Option<(i64, usize)> {
    let whole = s.iter().take_while(|b| b.is_ascii_digit()).count();
    let unit: i128 = match whole {
        9..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        18..=19 => 1,
        _ => return None,
    };
    let number =
        |digits: &[u8]| digits.iter().fold(0_i128, |number, &b| number * 10 + i128::from(b - b'0'));
    let mut nanos = number(&s[..whole]) * unit;
    let mut len = whole;
    if s.get(whole) == Some(&b'.') {
        let fraction = s[whole + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if fraction > 0 {
            let digits = &s[whole + 1..whole + 1 + fraction.min(18)];
            nanos += number(digits) * unit / 10_i128.pow(digits.len() as u32);
            len += 1 + fraction;
        }
    }
    let nanos = i64::try_from(nanos).ok()?;
    (nanos >= 100_000_000_000_000_000).then_some((nanos, len))
}

/// Month and day of a day of the year, from 1.
pub(super) fn month_and_day(year: i64, day_of_year: u32) -> Option<(u32, u32)> {
    let new_year = days_from_civil(year, 1, 1)?;
    let day = new_year + i64::from(day_of_year) - 1;
    (1..=12).rev().find_map(|month| {
        let first = days_from_civil(year, month, 1)?;
        let of_month = u32::try_from(day - first).ok()? + 1;
        days_from_civil(year, month, of_month).map(|_| (month, of_month))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prisma_log_core::ManualClock;

    use super::*;

    fn zone(name: &str) -> Zone {
        let now = whole(b"2026-11-24T08:00:00Z").unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut zone = Zone::new(Some(name), clock.clone()).unwrap();
        clock.set(now.resolve(&mut zone).unwrap());
        zone
    }

    fn resolved(input: &str, zone: &mut Zone) -> Option<String> {
        whole(input.as_bytes())?.resolve(zone).map(|time| time.to_string())
    }

    #[test]
    fn forms() {
        let mut zone = zone("UTC");
        let mut check = |input: &str, expect: &str| {
            let got = resolved(input, &mut zone).unwrap_or_default();
            assert_eq!(got.trim_end_matches('Z').trim_end_matches(".000000"), expect, "{input}");
        };
        check("2026-11-24T08:00:00Z", "2026-11-24T08:00:00");
        check("2026-11-24T08:00:00.1234567899Z", "2026-11-24T08:00:00.123456");
        check("2026-11-24T08:00:00.5Z", "2026-11-24T08:00:00.500000");
        check("2026-11-24T08:00:00.123456789+01:00", "2026-11-24T07:00:00.123456");
        check("2026-11-24 08:00:00,123", "2026-11-24T08:00:00.123000");
        check("2026-11-24 08:00", "2026-11-24T08:00:00");
        check("2026-11-24 08:00:00.5 -0330", "2026-11-24T11:30:00.500000");
        check("2026/11/24 08:00:00", "2026-11-24T08:00:00");
        check("2021-11-09  5:13:11", "2021-11-09T05:13:11");
        check("2022/02/07 - 10:49:33", "2022-02-07T10:49:33");
        check("2012-025T10:22:40,672", "2012-01-25T10:22:40.672000");
        check("2024-366T00:00:00", "2024-12-31T00:00:00");
        check("20120702.102240,672", "2012-07-02T10:22:40.672000");
        check("20261124T080000Z", "2026-11-24T08:00:00");
        check("20261124080000", "2026-11-24T08:00:00");
        check("17/06/09 20:10:40", "2017-06-09T20:10:40");
        check("201124  8:00:01", "2020-11-24T08:00:01");
        check("20/Jul/2009:22:59:26 +0000", "2009-07-20T22:59:26");
        check("28-Mar-2022 07:01:48.459", "2022-03-28T07:01:48.459000");
        check("24 Nov 2026 08:00:00.123", "2026-11-24T08:00:00.123000");
        check("Nov 24 07:59:59", "2026-11-24T07:59:59");
        check("Nov  3 09:23:38", "2026-11-03T09:23:38");
        check("Nov 25 07:00:00", "2026-11-25T07:00:00");
        check("Nov 25 09:00:00", "2025-11-25T09:00:00");
        check("Feb 29 09:00:00", "2024-02-29T09:00:00");
        check("Mar 24 15:17:38.999", "2026-03-24T15:17:38.999000");
        check("Nov 3 2007 09:23:38", "2007-11-03T09:23:38");
        check("Wed May 19 08:00:01 EST 2021", "2021-05-19T13:00:01");
        check("Wed Apr 16 16:09:40.056610 2025", "2025-04-16T16:09:40.056610");
        check("Tue, 24 Nov 2026 08:00:00 +0100", "2026-11-24T07:00:00");
        check("2025-08-13 01:45:01.123 PDT", "2025-08-13T08:45:01.123000");
        check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59");
        check("1428634687.5", "2015-04-10T02:58:07.500000");
        check("1428634687123", "2015-04-10T02:58:07.123000");
        check("1534860261221373", "2018-08-21T14:04:21.221373");
        check("1700000000000000001", "2023-11-14T22:13:20");
        check("@40000000433225833b6e1a8c", "2005-09-22T03:31:05.997071");
    }

    #[test]
    fn what_is_no_time() {
        let mut zone = zone("UTC");
        for input in [
            "",
            "12",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-02-30 00:00:00",
            "2023-02-29 00:00:00",
            "2026-11-24T24:00:00Z",
            "2026-11-24T08:60:00Z",
            "2026-11-24",
            "20x6-11-24T08:00:00Z",
            "2026-11-24T08:00:0:Z",
            "2026-11-24T08:00:00.Z",
            "2026-11-24T08:00:00.5xZ",
            "2026-11-24T08:00:00.5ZZ",
            "2026-11-24T08:00:61Z",
            "10.0.0.1",
            "12345678",
            "99999999999999999999",
            "Nov",
            "Nov 24",
            "Mon",
            "Sunshine",
            "2026-366T00:00:00",
            "1/2/3 4:5:6",
            "00:00:00.000",
            "@4000",
            "9999-01-01T00:00:00Z",
            "-5",
        ] {
            assert_eq!(resolved(input, &mut zone), None, "{input}");
        }
    }

    #[test]
    fn local_time_follows_the_zone_and_its_changes() {
        let mut zone = zone("Europe/Berlin");
        let mut check = |input: &str, expect: &str| {
            assert_eq!(resolved(input, &mut zone).as_deref(), Some(expect), "{input}");
        };
        check("2026-07-01 12:00:00", "2026-07-01T10:00:00.000000Z");
        check("2026-12-01 12:00:00", "2026-12-01T11:00:00.000000Z");
        check("2026-12-01 12:00:00Z", "2026-12-01T12:00:00.000000Z");
        // The hour that does not exist, and the one that comes twice.
        check("2026-03-29 02:30:00", "2026-03-29T01:30:00.000000Z");
        check("2026-10-25 02:30:00", "2026-10-25T00:30:00.000000Z");
        check("2026-10-25 03:00:00", "2026-10-25T02:00:00.000000Z");
        check("Jan  1 00:30:00", "2025-12-31T23:30:00.000000Z");
    }

    #[test]
    fn only_the_time_is_taken() {
        let check = |input: &str, expect: usize| {
            assert_eq!(prefix(input.as_bytes()).map(|(_, len)| len), Some(expect), "{input}");
        };
        check("2026-11-24T08:00:00.5Z INFO x", 22);
        check("2026-11-24 08:00:00 ERROR x", 19);
        check("2026-11-24 08:00:00 UTC [1]", 23);
        check("2026-11-24 08:00:00 UTCX", 19);
        check("2026-11-24 08:00:00,5:DEBUG:x", 21);
        check("2026-11-24T08:00:00.313913FOO err", 26);
        check("Nov  3 09:23:38 2026host x", 15);
        check("Nov  3 09:23:38 1234 x", 15);
        check("1428634687123 Hello", 13);
        check("2026-11-24 08:00:00 - 5", 19);
    }
}
