//! When the calendar says that a file is full.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use prisma_log_core::Timestamp;

use crate::Every;
use crate::cron::Times;
use crate::zone::Zone;

/// Times of rotation in a zone, over all changes of its clocks.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    times: Times,
    zone: Zone,
}

impl Schedule {
    pub(crate) fn new(every: &Every, zone: Zone) -> Schedule {
        let times = match every {
            Every::Hour => Times::HOURLY,
            Every::Day => Times::DAILY,
            Every::Week => Times::FROM_MONDAY,
            Every::Cron(schedule) => schedule.times(),
        };
        Schedule { times, zone }
    }

    /// The first time of rotation that is strictly later than `time`; `None` when it lies beyond
    /// what a [`Timestamp`] holds.
    pub(crate) fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let next = self.second_after(time.unix_nanos().div_euclid(1_000_000_000))?;
        Some(Timestamp::from_unix_nanos(next.checked_mul(1_000_000_000)?))
    }

    /// Goes from one change of the clocks to the next: between two of them it is plain calendar.
    fn second_after(&self, after: i64) -> Option<i64> {
        const END: i64 = i64::MAX / 1_000_000_000;
        let mut stretch = self.zone.stretch(after);
        let mut from = after + 1;
        loop {
            let end = stretch.end.unwrap_or(END + 1);
            let mut shown = local(from, stretch.offset)?;
            if let Some((before, begin)) = stretch.begin
                && !self.times.repeats
            {
                // Where clocks were put back, what they show again up to here has been.
                shown = shown.max(local(begin, before)?);
            }
            let shown_last = local(end, stretch.offset)?;
            if let Some(found) = self.times.first_within(shown, shown_last) {
                return seconds(found, stretch.offset);
            }
            if end > END {
                return None;
            }
            stretch = self.zone.stretch(end);
            // Where clocks are put forward, what they skip is now.
            if self.times.first_within(shown_last, local(end, stretch.offset)?).is_some() {
                return Some(end);
            }
            from = end;
        }
    }
}

fn local(seconds: i64, offset: i32) -> Option<DateTime> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(Offset::from_seconds(offset).ok()?.to_datetime(time))
}

fn seconds(local: DateTime, offset: i32) -> Option<i64> {
    let offset = Offset::from_seconds(offset).ok()?;
    offset.to_timestamp(local).ok().map(|time| time.as_second())
}

#[cfg(test)]
mod tests;
