//! Cron expressions: which minutes of the calendar they mean.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use prisma_log_core::Error;

mod parse;

/// Times of the calendar as a crontab gives them: minute, hour, day of the month, month, day of
/// the week, with blanks between.
///
/// | field | values |
/// | --- | --- |
/// | minute | 0 to 59 |
/// | hour | 0 to 23 |
/// | day of the month | 1 to 31 |
/// | month | 1 to 12, or `jan` to `dec` |
/// | day of the week | 0 to 7, 0 and 7 being Sunday, or `sun` to `sat` |
///
/// A field is `*`, a value, a range `1-5`, a step `*/15` or `8-18/2`, or a list of those with
/// commas between. Where neither day field begins with `*`, a day that either of them gives
/// counts, as in cron. `@hourly`, `@daily` (or `@midnight`), `@weekly` (Sunday), `@monthly` and
/// `@yearly` (or `@annually`) stand for what they say.
///
/// A time that clocks skip when they are put forward counts at that moment. One that they repeat
/// when they are put back counts the first time only, or both times if the hour field begins with
/// `*`.
///
/// ```
/// use prisma_log_file::CronSchedule;
///
/// let workdays_at_six: CronSchedule = "0 6 * * mon-fri".parse()?;
/// assert_eq!(workdays_at_six.to_string(), "0 6 * * mon-fri");
/// let error = "0 24 * * *".parse::<CronSchedule>().unwrap_err();
/// assert!(error.to_string().contains("expected 0 to 23"));
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CronSchedule {
    text: String,
    times: Times,
}

/// What an expression means: a bit for each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    /// Whether a day must be in both day fields.
    both_days: bool,
    /// Whether times that clocks repeat count twice.
    pub(crate) repeats: bool,
}

impl Times {
    pub(crate) const HOURLY: Times = Times {
        minutes: 1,
        hours: bits(0, 23),
        days: bits(1, 31),
        months: bits(1, 12),
        weekdays: bits(0, 6),
        both_days: true,
        repeats: true,
    };
    pub(crate) const DAILY: Times = Times { hours: 1, repeats: false, ..Times::HOURLY };
    pub(crate) const FROM_MONDAY: Times = Times { weekdays: 1 << 1, ..Times::DAILY };

    /// The first minute that is meant among those from `from` on and before `end`.
    pub(crate) fn first_within(&self, from: DateTime, end: DateTime) -> Option<DateTime> {
        let mut minute = round_up(from)?;
        while minute < end {
            if !self.has_day(minute.date()) {
                minute = minute.date().tomorrow().ok()?.at(0, 0, 0, 0);
                continue;
            }
            match self.first_of_day(minute.hour(), minute.minute()) {
                Some((hour, of_hour)) => {
                    let found = minute.date().at(hour, of_hour, 0, 0);
                    return (found < end).then_some(found);
                }
                None => minute = minute.date().tomorrow().ok()?.at(0, 0, 0, 0),
            }
        }
        None
    }

    pub(crate) fn has_day(&self, date: Date) -> bool {
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let day = has(self.days, date.day());
        has(self.months, date.month())
            && if self.both_days { day && weekday } else { day || weekday }
    }

    /// The first hour and minute of a day that are not before the given ones.
    fn first_of_day(&self, hour: i8, minute: i8) -> Option<(i8, i8)> {
        if has(self.hours, hour)
            && let Some(minute) = first_from(self.minutes, minute)
        {
            return Some((hour, minute));
        }
        Some((first_from(self.hours, hour + 1)?, first_from(self.minutes, 0)?))
    }
}

/// The bits `from..=to`.
const fn bits(from: u32, to: u32) -> u64 {
    (u64::MAX >> (63 - to)) & (u64::MAX << from)
}

fn has(bits: u64, value: i8) -> bool {
    bits >> value & 1 == 1
}

fn first_from(bits: u64, value: i8) -> Option<i8> {
    let rest = bits >> value << value;
    (rest != 0).then(|| rest.trailing_zeros() as i8)
}

/// The first whole minute that is not before `time`.
fn round_up(time: DateTime) -> Option<DateTime> {
    let whole = time.date().at(time.hour(), time.minute(), 0, 0);
    if whole == time { Some(whole) } else { whole.checked_add(1.minute()).ok() }
}

impl CronSchedule {
    pub(crate) fn times(&self) -> Times {
        self.times
    }
}

impl FromStr for CronSchedule {
    type Err = Error;

    /// # Errors
    /// When the text is no cron expression, or one for a day that never comes; the message names
    /// the field, the column (from 1) and what was expected there.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(CronSchedule { text: text.trim().to_owned(), times: parse::parse(text)? })
    }
}

/// Two expressions are equal when they mean the same times, however they are written.
impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.times == other.times
    }
}

impl Eq for CronSchedule {}

/// Writes the expression as it was given.
impl fmt::Display for CronSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests;
