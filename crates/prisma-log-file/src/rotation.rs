//! When a file is rotated: the settings.

use std::str::FromStr;

use prisma_log_core::Error;

use crate::CronSchedule;
use crate::zone::Zone;

/// When the current file becomes an archive and a new one is begun.
///
/// Whatever comes first counts. Without any of them the file is rotated on demand only. An empty
/// file is never rotated.
///
/// ```
/// use prisma_log_file::{Every, Rotation};
///
/// let rotation = Rotation::new().max_bytes(50_000_000).every(Every::Day).zone("Europe/Berlin");
/// # drop(rotation);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until a sink's builder has it"]
pub struct Rotation {
    pub(crate) max_bytes: Option<u64>,
    pub(crate) every: Option<Every>,
    pub(crate) zone: String,
    pub(crate) on_start: bool,
}

impl Rotation {
    /// On demand only, archives named by the time in UTC.
    pub fn new() -> Self {
        Rotation { max_bytes: None, every: None, zone: "utc".to_owned(), on_start: false }
    }

    /// Rotates before the file would grow past this many bytes; at least 1,024. By default the
    /// size doesn't matter.
    ///
    /// A record that is larger gets a file of its own. Where several processes write one file,
    /// each may add the batch that it is writing at that moment.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Rotates by the calendar, also while nothing is written; by default the time doesn't matter.
    pub fn every(mut self, every: Every) -> Self {
        self.every = Some(every);
        self
    }

    /// The time zone that [`every`](Self::every) goes by and that archives are named in: `utc`
    /// (the default), `local`, which is what `TZ` or else the system says, or an IANA name such
    /// as `Europe/Berlin`, which is looked up in the system's database.
    pub fn zone(mut self, name: impl Into<String>) -> Self {
        self.zone = name.into();
        self
    }

    /// Whether a file that holds records is rotated when a sink is built on it; by default it is
    /// appended to.
    pub fn on_start(mut self, rotate: bool) -> Self {
        self.on_start = rotate;
        self
    }

    /// Whether a sink can be built with these settings, as far as they alone can tell.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn check(&self) -> Result<(), Error> {
        Zone::parse(&self.zone).map(drop)
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Rotation::new()
    }
}

/// How often a file is rotated by the calendar of the rotation's [zone](Rotation::zone).
///
/// Where clocks are put forward over a time of rotation, the file is rotated at that moment;
/// where they are put back over one, only the first time. Hours are rotated both times, so that
/// no file holds two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Every {
    /// When an hour begins.
    Hour,
    /// At midnight.
    Day,
    /// At midnight from Sunday to Monday, as ISO 8601 has it.
    Week,
    /// At the times that a cron expression gives.
    Cron(CronSchedule),
}

impl FromStr for Every {
    type Err = Error;

    /// `hour`, `day`, `week`, or what [`CronSchedule`] reads.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "hour" => Every::Hour,
            "day" => Every::Day,
            "week" => Every::Week,
            _ if text.starts_with('@') || text.contains(char::is_whitespace) => {
                Every::Cron(text.parse()?)
            }
            _ => {
                let hint = "expected `hour`, `day`, `week` or a cron expression such as \
                            `0 3 * * *`";
                return Err(Error::config(format!("unknown period {text:?}")).with_hint(hint));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_by_name() {
        let check = |text: &str, expect: Every| assert_eq!(text.parse::<Every>().unwrap(), expect);
        check("hour", Every::Hour);
        check("day", Every::Day);
        check("week", Every::Week);
        check("@daily", Every::Cron("0 0 * * *".parse().unwrap()));
        check("0 3 * * *", Every::Cron("0 3 * * *".parse().unwrap()));
        let error = "daily".parse::<Every>().unwrap_err();
        assert!(error.to_string().contains("\"daily\"") && error.hint().is_some());
        assert!("0 24 * * *".parse::<Every>().unwrap_err().to_string().contains("hour"));
    }
}
