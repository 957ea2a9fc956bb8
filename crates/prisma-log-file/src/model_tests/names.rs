//! Names of archives, read by a second implementation.

use std::ffi::OsStr;

pub(super) const FOLDER: &str = "/srv/logs";
pub(super) const BASE: &str = "app.log";
pub(super) const LOCK: &str = ".app.log.lock";
pub(super) const TORN: &str = "app.log.torn";

/// Where an archive stands in the order: the instant, in seconds since 1970, and the number; where
/// both are alike, how far east of UTC its name's clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) instant: i64,
    pub(super) number: u64,
    pub(super) east: i64,
}

/// What an archive's name says, and whether it is compressed.
pub(super) fn archive(name: &OsStr) -> Option<(Key, bool)> {
    let rest = name.to_str()?.strip_prefix(BASE)?.strip_prefix('.')?;
    let (rest, packed) = match rest.strip_suffix(".gz").or(rest.strip_suffix(".zst")) {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (stamp, number) = match rest.split_once('.') {
        Some((stamp, number)) => {
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            let number: u64 = number.parse().ok()?;
            (plain
                && rest.ends_with(&format!(".{number}"))
                && (2..=u32::MAX.into()).contains(&number))
            .then_some((stamp, number))?
        }
        None => (rest, 1),
    };
    let (instant, east) = instant(stamp)?;
    Some((Key { instant, number, east }, packed))
}

/// Whether it is the name of a file that is being compressed.
pub(super) fn temporary(name: &OsStr) -> bool {
    let inner = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(".tmp"));
    inner.and_then(|inner| archive(OsStr::new(inner))).is_some_and(|(_, packed)| packed)
}

/// Seconds since 1970 of `2026-11-23T23-59-58Z` or `2026-11-23T23-59-58-0500`, and the offset.
fn instant(stamp: &str) -> Option<(i64, i64)> {
    let (date, rest) = stamp.split_once('T')?;
    if date.len() != 10 || rest.len() < 9 {
        return None;
    }
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, zone) = (rest.get(..8)?, rest.get(8..)?);
    let mut parts = clock.split('-').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let ranges = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let offset = match zone {
        "Z" => 0,
        _ => {
            let digits = number(zone.get(1..5)?)?;
            let seconds = match zone.get(5..)? {
                "" => 0,
                two if two.len() == 2 => number(two).filter(|part| (1..60).contains(part))?,
                _ => return None,
            };
            let size = digits / 100 * 3600 + digits % 100 * 60 + seconds;
            if size == 0 || digits % 100 >= 60 {
                return None;
            }
            match zone.as_bytes()[0] {
                b'+' => size,
                b'-' => -size,
                _ => return None,
            }
        }
    };
    let days = days_from_civil(year, month, day);
    ranges.then_some((days * 86_400 + hour * 3600 + minute * 60 + second - offset, offset))
}

fn number(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn days_of(year: i64, month: i64) -> i64 {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next.0, next.1, 1) - days_from_civil(year, month, 1)
}

/// Howard Hinnant's algorithm.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
