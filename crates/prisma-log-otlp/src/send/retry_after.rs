//! `Retry-After`: seconds, or a date in any of the three forms of HTTP (RFC 9110, 5.6.7).

use std::time::Duration;

use prisma_log_core::Timestamp;

/// How long to wait from `now`; `None` when the text says neither.
pub(super) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    Some(parse_date(text)?.saturating_since(now))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
fn parse_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let words = match words.as_slice() {
        [_, rest @ .., "GMT"] => rest,
        [_, rest @ ..] => rest,
        [] => return None,
    };
    let month = words.iter().find_map(|word| MONTHS.iter().position(|month| month == word))?;
    let clock = words.iter().find(|word| word.contains(':'))?;
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let mut numbers = words.iter().filter_map(|word| word.parse::<i64>().ok());
    let (day, year) = (numbers.next()?, numbers.next()?);
    let year = match year {
        0..70 => 2000 + year,
        70..100 => 1900 + year,
        _ => year,
    };
    let is_date = (1..=31).contains(&day)
        && (1970..2200).contains(&year)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let days = days_from_civil(year, month as i64 + 1, day);
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    is_date.then(|| Timestamp::from_unix_seconds(seconds))
}

/// Days since 1970-01-01 of a day in a month from 1: years begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * 146_097 + days - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        // 1994-11-06T08:49:07Z
        let now = Timestamp::from_unix_seconds(784_111_747);
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(parse_retry_after(text, now), expect.map(Duration::from_secs), "{text:?}");
        };
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("99999999999999999999999", Some(u64::MAX));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(30));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(30));
        check("Sun Nov  6 08:49:37 1994", Some(30));
        check("Mon, 07 Nov 1994 08:49:07 GMT", Some(86_400));
        check("Sat, 05 Nov 1994 08:49:07 GMT", Some(0));
        for bad in
            ["", "soon", "-1", "1.5", "Sun, 06 Nov 1994 GMT", "Sun, 99 Nov 1994 08:49:37 GMT"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn days_agree_with_the_clock() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
        ] {
            assert_eq!(parse_date(text), Some(Timestamp::from_unix_seconds(seconds)), "{text}");
        }
    }
}
