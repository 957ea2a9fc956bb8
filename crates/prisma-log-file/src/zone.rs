//! The time zone that days begin in and that archives are named by.

use std::fmt;

use jiff::tz::TimeZone;
use prisma_log_core::Error;

/// A time zone with all its changes.
#[derive(Clone)]
pub(crate) struct Zone(TimeZone);

/// A stretch of time in which clocks ran evenly, and the change that it began with.
pub(crate) struct Stretch {
    /// Seconds east of UTC.
    pub(crate) offset: i32,
    /// How many seconds east of UTC clocks were before, and when they changed.
    pub(crate) begin: Option<(i32, i64)>,
    /// When clocks change next, in seconds since 1970-01-01T00:00:00Z.
    pub(crate) end: Option<i64>,
}

impl Zone {
    #[cfg(test)]
    pub(crate) const UTC: Zone = Zone(TimeZone::UTC);

    /// `utc`, `local` (what `TZ` or the system says) or an IANA name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// When there is no such zone, with a hint.
    pub(crate) fn parse(name: &str) -> Result<Zone, Error> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Zone(TimeZone::UTC));
        }
        if name.eq_ignore_ascii_case("local") {
            return match TimeZone::try_system() {
                Ok(zone) => Ok(Zone(zone)),
                // Nothing set anywhere means UTC, as it does to libc.
                Err(_) if std::env::var_os("TZ").is_none() => Ok(Zone(TimeZone::UTC)),
                Err(error) => Err(Error::config("the local time zone can't be read")
                    .with_source(error)
                    .with_hint("check the environment variable `TZ`, or name a zone")),
            };
        }
        TimeZone::get(name)
            .map(Zone)
            .map_err(|_| Error::config(format!("unknown time zone {name:?}")).with_hint(hint(name)))
    }

    /// Seconds east of UTC at a time.
    pub(crate) fn offset(&self, seconds: i64) -> i32 {
        jiff::Timestamp::from_second(seconds).map_or(0, |time| self.0.to_offset(time).seconds())
    }

    /// The stretch that a time lies in.
    pub(crate) fn stretch(&self, seconds: i64) -> Stretch {
        let Ok(time) = jiff::Timestamp::from_second(seconds) else {
            return Stretch { offset: 0, begin: None, end: None };
        };
        let offset = self.0.to_offset(time).seconds();
        // `preceding` and `following` look strictly before and after.
        let before = jiff::Timestamp::from_second(seconds + 1).unwrap_or(time);
        let begin = self.0.preceding(before).next().map(|change| {
            let at = change.timestamp().as_second();
            (self.offset(at - 1), at)
        });
        let end = self.0.following(time).next().map(|change| change.timestamp().as_second());
        Stretch { offset, begin, end }
    }
}

fn hint(name: &str) -> String {
    let known = jiff::tz::db();
    if known.is_definitively_empty() {
        return "this system has no time zone database: use `utc`, or install tzdata".into();
    }
    let city = name.rsplit('/').next().unwrap_or(name).replace(' ', "_");
    let similar = known.available().find(|known| {
        known.as_str().rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city))
    });
    match similar {
        Some(known) => format!("did you mean `{known}`?"),
        None => "expected `utc`, `local` or an IANA name such as `Europe/Berlin`".into(),
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("local"))
    }
}
