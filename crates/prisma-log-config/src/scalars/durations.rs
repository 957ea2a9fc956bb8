//! Spans of time.

use std::time::Duration;

use prisma_log_core::Error;

use super::Scalar;
use crate::hint;

/// Reads a duration as configuration files write it: `500ms`, `30s`, `5m`, `1h30m`, `2d`; at most
/// 366 days.
///
/// # Errors
/// When the text is something else, such as a number without a unit.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    Duration::read(text).map_err(|hint| {
        let error = Error::config(format!("expected {}, found `{text}`", Duration::EXPECTED));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })
}

const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

impl Scalar for Duration {
    const EXPECTED: &'static str = "a duration such as 30s, 5m or 1h30m";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim();
        if text == "0" {
            return Ok(Duration::ZERO);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Some(format!("add a unit: `{text}s`")));
        }
        let mut total = Duration::ZERO;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let tail = tail.trim_start();
            let unit = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit);
            let millis = match unit {
                "ms" => 1,
                "s" | "sec" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ if number.is_empty() => return Err(None),
                _ => return Err(Some("units: `ms`, `s`, `m`, `h`, `d`".into())),
            };
            let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(millis));
            total = part
                .and_then(|part| total.checked_add(Duration::from_millis(part)))
                .filter(|total| *total <= MAX_DURATION)
                .ok_or_else(|| Some("it must be at most 366d".into()))?;
            rest = tail.trim_start();
        }
        if text.is_empty() { Err(None) } else { Ok(total) }
    }

    fn show(&self) -> String {
        let mut millis = self.as_millis();
        let mut shown = String::new();
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if millis >= size {
                shown.push_str(&format!("{}{unit}", millis / size));
                millis %= size;
            }
        }
        if millis > 0 || shown.is_empty() {
            shown.push_str(&format!("{millis}ms"));
        }
        shown
    }
}

/// A duration from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<const MIN: u64, const MAX: u64>(pub(crate) Duration);

impl<const MIN: u64, const MAX: u64> Scalar for Span<MIN, MAX> {
    const EXPECTED: &'static str = Duration::EXPECTED;

    fn read(text: &str) -> Result<Self, Option<String>> {
        let (min, max) = (Duration::from_millis(MIN), Duration::from_millis(MAX));
        match Duration::read(text)? {
            span if (min..=max).contains(&span) => Ok(Span(span)),
            _ => Err(Some(format!("it must be from {} to {}", min.show(), max.show()))),
        }
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// How long to wait; `None` is without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Option<Duration>);

impl Scalar for Wait {
    const EXPECTED: &'static str = "a duration such as 1s, or forever";

    fn read(text: &str) -> Result<Self, Option<String>> {
        match text.to_lowercase().as_str() {
            "forever" => Ok(Wait(None)),
            _ => Span::<1, 86_400_000>::read(text).map(|Span(wait)| Wait(Some(wait))).map_err(
                |hint| {
                    let meant = || hint::closest(text, ["forever"]);
                    hint.or_else(|| meant().map(|meant| format!("did you mean `{meant}`?")))
                },
            ),
        }
    }

    fn show(&self) -> String {
        self.0.map_or("forever".into(), |wait| wait.show())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn durations() {
        check::<Duration>("30s", "30s");
        check::<Duration>("1h30m", "1h30m");
        check::<Duration>("90 min", "1h30m");
        check::<Duration>("1500ms", "1s500ms");
        check::<Duration>("2d 1s", "2d1s");
        check::<Duration>("0", "0ms");
        check::<Duration>("30", "!add a unit: `30s`");
        check::<Duration>("5x", "!units: `ms`, `s`, `m`, `h`, `d`");
        check::<Duration>("1h30", "!units: `ms`, `s`, `m`, `h`, `d`");
        check::<Duration>("-5s", "!");
        check::<Duration>("soon", "!");
        check::<Duration>("", "!");
        check::<Duration>("367d", "!it must be at most 366d");
        check::<Duration>("99999999999999999999d", "!it must be at most 366d");
    }

    #[test]
    fn spans_and_waits() {
        check::<Span<1, 10_000>>("8ms", "8ms");
        check::<Span<1, 10_000>>("0", "!it must be from 1ms to 10s");
        check::<Span<1, 10_000>>("11s", "!it must be from 1ms to 10s");
        check::<Span<1, 10_000>>("8", "!add a unit: `8s`");
        check::<Wait>("1s", "1s");
        check::<Wait>("Forever", "forever");
        check::<Wait>("foreever", "!did you mean `forever`?");
        check::<Wait>("0", "!it must be from 1ms to 1d");
        check::<Wait>("soon", "!");
    }
}
