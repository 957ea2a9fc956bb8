//! Moments.

use prisma_log_core::{Error, Timestamp};

use super::Scalar;

/// Reads a moment as RFC 3339 writes it, such as `2026-11-24T08:00:00Z` or
/// `2026-11-24 09:00:00+01:00`.
///
/// # Errors
/// When the text is something else, such as a time without an offset from UTC.
pub fn parse_time(text: &str) -> Result<Timestamp, Error> {
    Timestamp::read(text).map_err(|hint| {
        let error = Error::config(format!("expected {}, found `{text}`", Timestamp::EXPECTED));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })
}

impl Scalar for Timestamp {
    const EXPECTED: &'static str = "a time such as 2026-11-24T08:00:00Z";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim();
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => {
                let nanos = i64::try_from(time.as_nanosecond()).map_err(|_| None)?;
                Ok(Timestamp::from_unix_nanos(nanos))
            }
            Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => {
                Err(Some("add the offset from UTC, such as `Z` or `+01:00`".into()))
            }
            Err(_) => Err(None),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn moments() {
        check::<Timestamp>("2026-11-24T08:00:00Z", "2026-11-24T08:00:00.000000Z");
        check::<Timestamp>("2026-11-24 09:00:00.5+01:00", "2026-11-24T08:00:00.500000Z");
        let hint = "!add the offset from UTC, such as `Z` or `+01:00`";
        check::<Timestamp>("2026-11-24T08:00:00", hint);
        check::<Timestamp>("2026-11-24", hint);
        check::<Timestamp>("tomorrow", "!");
        check::<Timestamp>("9999-12-31T00:00:00Z", "!");
    }
}
