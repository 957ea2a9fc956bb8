//! Severity of a record.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// How severe a record is; ordered from [`Level::Trace`] (least) to [`Level::Critical`] (most).
///
/// The six levels are slog's; [`Level::severity_number`] gives OpenTelemetry's number for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Level {
    /// Step-by-step detail.
    Trace = 1,
    /// Detail for people who debug the program.
    Debug = 2,
    /// The normal course of events.
    Info = 3,
    /// Something that deserves attention but did not fail.
    Warning = 4,
    /// An operation failed.
    Error = 5,
    /// The service, or a part of it, can't go on.
    Critical = 6,
}

impl Level {
    /// All levels, least severe first.
    pub const ALL: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];

    /// The level's name as encoders write it: `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }

    /// OpenTelemetry's `SeverityNumber`: 1, 5, 9, 13, 17, 18.
    pub const fn severity_number(self) -> u8 {
        match self {
            Level::Trace => 1,
            Level::Debug => 5,
            Level::Info => 9,
            Level::Warning => 13,
            Level::Error => 17,
            Level::Critical => 18,
        }
    }

    /// Reads a level as people and other loggers write it, whatever the case: the six names,
    /// and `warn`, `err`, `crit`, `fatal`, `panic`, `emerg`, `alert`, `notice`, `information`,
    /// `verbose`, `fine`.
    pub fn from_name(name: &str) -> Option<Level> {
        const NAMES: [(&str, Level); 24] = [
            ("trace", Level::Trace),
            ("verbose", Level::Trace),
            ("finest", Level::Trace),
            ("finer", Level::Trace),
            ("debug", Level::Debug),
            ("fine", Level::Debug),
            ("info", Level::Info),
            ("information", Level::Info),
            ("informational", Level::Info),
            ("notice", Level::Info),
            ("log", Level::Info),
            ("warning", Level::Warning),
            ("warn", Level::Warning),
            ("error", Level::Error),
            ("err", Level::Error),
            ("severe", Level::Error),
            ("critical", Level::Critical),
            ("crit", Level::Critical),
            ("fatal", Level::Critical),
            ("panic", Level::Critical),
            ("emerg", Level::Critical),
            ("emergency", Level::Critical),
            ("alert", Level::Critical),
            ("dpanic", Level::Critical),
        ];
        NAMES.iter().find(|(n, _)| name.eq_ignore_ascii_case(n)).map(|&(_, level)| level)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = Error;

    /// # Errors
    /// When the text is none of the names that [`Level::from_name`] knows.
    fn from_str(text: &str) -> Result<Self, Error> {
        Level::from_name(text).ok_or_else(|| {
            Error::config(format!(
                "unknown level {text:?}: expected trace, debug, info, warning, error or critical"
            ))
        })
    }
}

impl From<slog::Level> for Level {
    fn from(level: slog::Level) -> Self {
        match level {
            slog::Level::Trace => Level::Trace,
            slog::Level::Debug => Level::Debug,
            slog::Level::Info => Level::Info,
            slog::Level::Warning => Level::Warning,
            slog::Level::Error => Level::Error,
            slog::Level::Critical => Level::Critical,
        }
    }
}

impl From<Level> for slog::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => slog::Level::Trace,
            Level::Debug => slog::Level::Debug,
            Level::Info => slog::Level::Info,
            Level::Warning => slog::Level::Warning,
            Level::Error => slog::Level::Error,
            Level::Critical => slog::Level::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_order_is_by_severity() {
        for pair in Level::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].severity_number() < pair[1].severity_number());
        }
        for level in Level::ALL {
            assert_eq!(level.as_str().parse::<Level>().unwrap(), level);
            assert_eq!(Level::from(slog::Level::from(level)), level);
        }
        assert_eq!(Level::from_name("Warn"), Some(Level::Warning));
        assert!("loud".parse::<Level>().unwrap_err().to_string().contains("loud"));
    }
}
