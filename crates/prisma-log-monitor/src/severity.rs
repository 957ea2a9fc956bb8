//! How urgent an alert is.

use std::fmt;
use std::str::FromStr;

use prisma_log_core::Error;

/// How urgent a rule's alerts are; ordered from [`Severity::Info`] to [`Severity::Critical`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it during working hours.
    #[default]
    Warning,
    /// Something fails; look at it soon.
    Error,
    /// Wake somebody up.
    Critical,
}

impl Severity {
    /// All severities, least urgent first.
    pub const ALL: [Severity; 4] =
        [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];

    /// The name as configuration and JSON write it: `info`, `warning`, `error`, `critical`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = Error;

    /// Reads a name, whatever its case.
    ///
    /// # Errors
    /// When the text is none of the four names.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Severity::ALL.into_iter().find(|s| text.eq_ignore_ascii_case(s.as_str()));
        found.ok_or_else(|| {
            Error::config(format!(
                "unknown severity {text:?}: expected info, warning, error or critical"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_order() {
        for pair in Severity::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().to_uppercase().parse::<Severity>().unwrap(), severity);
        }
        let error = "urgent".parse::<Severity>().unwrap_err();
        assert!(error.is_config() && error.to_string().contains("urgent"), "{error}");
    }
}
