//! Maintenance windows: times at which nobody wants to hear of something.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use prisma_log_core::{Error, Timestamp};

use super::matcher::{Matcher, all_match};
use crate::Alert;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    /// All days, from Monday on.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The English name in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Weekday::Monday => "monday",
            Weekday::Tuesday => "tuesday",
            Weekday::Wednesday => "wednesday",
            Weekday::Thursday => "thursday",
            Weekday::Friday => "friday",
            Weekday::Saturday => "saturday",
            Weekday::Sunday => "sunday",
        }
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Weekday {
    type Err = Error;

    /// Reads an English name or its first three letters, whatever the case.
    ///
    /// # Errors
    /// When the text is neither.
    fn from_str(text: &str) -> Result<Self, Error> {
        let names = |day: &Weekday| {
            let name = day.as_str();
            text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3])
        };
        Weekday::ALL.into_iter().find(names).ok_or_else(|| {
            Error::config(format!("unknown day {text:?}: expected monday to sunday"))
        })
    }
}

/// Times at which no news of alerts that match goes out: certain hours of certain days, or once.
///
/// When it is over, the news of what is not resolved goes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Maintenance {
    matchers: Vec<Matcher>,
    when: When,
}

#[derive(Clone, Debug, PartialEq)]
enum When {
    Once(Timestamp, Timestamp),
    Recurring { days: Vec<Weekday>, from: Time, to: Time, zone: TimeZone },
}

impl Maintenance {
    /// Starts a window that concerns all alerts.
    pub fn builder() -> MaintenanceBuilder {
        MaintenanceBuilder::default()
    }

    /// Whether news of the alert may not go out at `now`.
    pub(crate) fn mutes(&self, alert: &Alert, now: Timestamp) -> bool {
        self.when.contains(now) && all_match(&self.matchers, alert)
    }
}

impl When {
    fn contains(&self, now: Timestamp) -> bool {
        match self {
            When::Once(start, end) => (*start..*end).contains(&now),
            When::Recurring { days, from, to, zone } => {
                let nanos = i128::from(now.unix_nanos());
                let Ok(time) = jiff::Timestamp::from_nanosecond(nanos) else { return false };
                let today = zone.to_datetime(time).date();
                // One that began yesterday may go on past midnight.
                [Some(today), today.yesterday().ok()].into_iter().flatten().any(|day| {
                    let begins = days.is_empty() || days.contains(&weekday(day));
                    let over_midnight: Span = if to <= from { 1.day() } else { 0.days() };
                    let at = |day: Date, at: Time| {
                        zone.to_ambiguous_timestamp(day.to_datetime(at)).compatible().ok()
                    };
                    let end = day.checked_add(over_midnight).ok().and_then(|day| at(day, *to));
                    begins
                        && at(day, *from).is_some_and(|start| start <= time)
                        && end.is_some_and(|end| time < end)
                })
            }
        }
    }
}

fn weekday(day: Date) -> Weekday {
    let index = day.weekday().to_monday_zero_offset();
    let found = usize::try_from(index).ok().and_then(|index| Weekday::ALL.get(index));
    found.copied().unwrap_or(Weekday::Monday)
}

/// Collects what a maintenance window is about: either a time of the day, or [`MaintenanceBuilder::once`].
#[derive(Clone, Debug, Default)]
#[must_use = "a maintenance window is checked when its policy is built"]
pub struct MaintenanceBuilder {
    matchers: Vec<Matcher>,
    days: Vec<Weekday>,
    from: Option<String>,
    to: Option<String>,
    zone: Option<String>,
    once: Option<(Timestamp, Timestamp)>,
}

impl MaintenanceBuilder {
    /// What alerts must satisfy, too; without one all are muted.
    pub fn matcher(mut self, matcher: Matcher) -> Self {
        self.matchers.push(matcher);
        self
    }

    /// The days on which it begins, in place of those before; without any on every day.
    pub fn weekdays(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        self.days = days.into_iter().collect();
        self
    }

    /// When it begins, such as `22:00`; midnight unless told otherwise.
    pub fn from(mut self, time: impl Into<String>) -> Self {
        self.from = Some(time.into());
        self
    }

    /// When it ends, such as `06:00`; midnight unless told otherwise. What is not later than the
    /// beginning is a time of the next day.
    pub fn to(mut self, time: impl Into<String>) -> Self {
        self.to = Some(time.into());
        self
    }

    /// The time zone of days and times by its IANA name, such as `Europe/Berlin`; the system's unless
    /// told otherwise. When its clocks change, a time that comes twice is the first one, one that does
    /// not exist is moved on by the gap.
    pub fn zone(mut self, name: impl Into<String>) -> Self {
        self.zone = Some(name.into());
        self
    }

    /// A window that comes once.
    pub fn once(mut self, start: Timestamp, end: Timestamp) -> Self {
        self.once = Some((start, end));
        self
    }

    pub(super) fn build(self) -> Result<Maintenance, Error> {
        let recurs = !self.days.is_empty()
            || self.from.is_some()
            || self.to.is_some()
            || self.zone.is_some();
        let when = match self.once {
            Some(_) if recurs => {
                let what =
                    "a maintenance window that comes once has neither days nor times of the day";
                return Err(Error::config(what));
            }
            Some((start, end)) if start >= end => {
                return Err(Error::config("a maintenance window must end after its start"));
            }
            Some((start, end)) => When::Once(start, end),
            None if !recurs => {
                return Err(Error::config("a maintenance window must say when it is"));
            }
            None => When::Recurring {
                days: self.days,
                from: time("from", self.from)?,
                to: time("to", self.to)?,
                zone: zone(self.zone)?,
            },
        };
        Ok(Maintenance { matchers: self.matchers, when })
    }
}

fn time(what: &str, text: Option<String>) -> Result<Time, Error> {
    let Some(text) = text else { return Ok(Time::midnight()) };
    if text == "24:00" {
        return Ok(Time::midnight());
    }
    let parts = text.split_once(':').filter(|(h, m)| h.len() <= 2 && m.len() == 2);
    let numbers = parts.and_then(|(h, m)| Some((h.parse::<i8>().ok()?, m.parse::<i8>().ok()?)));
    let time = numbers.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    time.ok_or_else(|| {
        Error::config(format!("invalid time {text:?} in `{what}`: expected such as 22:00"))
    })
}

fn zone(name: Option<String>) -> Result<TimeZone, Error> {
    match name.as_deref() {
        None => Ok(TimeZone::system()),
        Some("UTC" | "Etc/UTC" | "Z") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|error| {
            Error::config(format!("unknown time zone {name:?}"))
                .with_source(error)
                .with_hint("expected an IANA name such as `Europe/Berlin`")
        }),
    }
}
