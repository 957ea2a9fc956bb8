//! The time zone and clock that unstated parts of a time are taken from.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prisma_log_core::{Clock, Error, Timestamp};

/// Offsets change only at multiples of this many seconds of local time.
const BLOCK: i64 = 900;

pub(super) struct Zone {
    zone: TimeZone,
    clock: Arc<dyn Clock>,
    /// The last block of local time asked for, and its offset: lines come in the order of time.
    last: (i64, i64),
}

impl Zone {
    /// The system's zone.
    pub(super) fn system(clock: Arc<dyn Clock>) -> Zone {
        Zone { zone: TimeZone::system(), clock, last: (i64::MIN, 0) }
    }

    /// The zone with this IANA name, or the system's.
    ///
    /// # Errors
    /// When the name is unknown.
    pub(super) fn new(name: Option<&str>, clock: Arc<dyn Clock>) -> Result<Zone, Error> {
        let zone = match name {
            None => return Ok(Zone::system(clock)),
            Some("UTC" | "Etc/UTC" | "Z") => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|error| {
                Error::config(format!("unknown time zone {name:?}"))
                    .with_source(error)
                    .with_hint("expected an IANA name such as `Europe/Berlin`")
            })?,
        };
        Ok(Zone { zone, clock, last: (i64::MIN, 0) })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The year on the zone's calendar.
    pub(super) fn year_of(&self, time: Timestamp) -> i64 {
        let seconds = time.unix_nanos().div_euclid(1_000_000_000);
        let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        i64::from(self.zone.to_datetime(time).year())
    }

    /// Seconds east of UTC at a local time, given in seconds since 1970-01-01T00:00:00 there. A
    /// time that comes twice is the first one, one that does not exist is moved on by the gap.
    pub(super) fn offset_at_local(&mut self, local: i64) -> i64 {
        let block = local.div_euclid(BLOCK);
        if self.last.0 != block {
            self.last = (block, self.look_up(local));
        }
        self.last.1
    }

    fn look_up(&self, local: i64) -> i64 {
        let from_epoch = jiff::Timestamp::from_second(local).ok();
        let civil: Option<DateTime> = from_epoch.map(|time| TimeZone::UTC.to_datetime(time));
        let time =
            civil.and_then(|civil| self.zone.to_ambiguous_timestamp(civil).compatible().ok());
        time.map_or(0, |time| local - time.as_second())
    }
}
