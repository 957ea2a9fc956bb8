//! `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use prisma_log_core::Timestamp;

/// Nobody is waited for longer than this.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait from `now`; `None` when the text says neither.
pub(super) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = DateTimeParser::new().parse_timestamp(text).ok()?;
        Timestamp::from_unix_seconds(date.as_second()).saturating_since(now)
    };
    Some(wait.min(LONGEST))
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
        check("99999999999999999999999", Some(3600));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(30));
        check("Mon, 07 Nov 1994 08:49:07 GMT", Some(3600));
        check("Sat, 05 Nov 1994 08:49:07 GMT", Some(0));
        for bad in ["", "soon", "-1", "1.5", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            check(bad, None);
        }
    }
}
