//! What kind of program a message is from.

use std::fmt;
use std::str::FromStr;

use prisma_log_core::{Error, Level};

/// A syslog facility: what kind of program the messages are from (RFC 5424, table 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Facility {
    /// Kernel messages; not for programs.
    Kern = 0,
    /// Programs in general.
    #[default]
    User = 1,
    /// The mail system.
    Mail = 2,
    /// System daemons.
    Daemon = 3,
    /// Security and authorisation.
    Auth = 4,
    /// Messages of syslogd itself.
    Syslog = 5,
    /// Printers.
    Lpr = 6,
    /// Network news.
    News = 7,
    /// UUCP.
    Uucp = 8,
    /// Clock daemons: cron, at.
    Cron = 9,
    /// Security and authorisation, not for every eye.
    AuthPriv = 10,
    /// FTP.
    Ftp = 11,
    /// NTP.
    Ntp = 12,
    /// Log audit.
    Audit = 13,
    /// Log alert.
    Alert = 14,
    /// Clock daemon of some systems.
    Clock = 15,
    /// For local use.
    Local0 = 16,
    /// For local use.
    Local1 = 17,
    /// For local use.
    Local2 = 18,
    /// For local use.
    Local3 = 19,
    /// For local use.
    Local4 = 20,
    /// For local use.
    Local5 = 21,
    /// For local use.
    Local6 = 22,
    /// For local use.
    Local7 = 23,
}

const NAMES: [(&str, Facility); 24] = [
    ("kern", Facility::Kern),
    ("user", Facility::User),
    ("mail", Facility::Mail),
    ("daemon", Facility::Daemon),
    ("auth", Facility::Auth),
    ("syslog", Facility::Syslog),
    ("lpr", Facility::Lpr),
    ("news", Facility::News),
    ("uucp", Facility::Uucp),
    ("cron", Facility::Cron),
    ("authpriv", Facility::AuthPriv),
    ("ftp", Facility::Ftp),
    ("ntp", Facility::Ntp),
    ("audit", Facility::Audit),
    ("alert", Facility::Alert),
    ("clock", Facility::Clock),
    ("local0", Facility::Local0),
    ("local1", Facility::Local1),
    ("local2", Facility::Local2),
    ("local3", Facility::Local3),
    ("local4", Facility::Local4),
    ("local5", Facility::Local5),
    ("local6", Facility::Local6),
    ("local7", Facility::Local7),
];

impl Facility {
    /// All facilities in the order of their codes, 0 to 23.
    pub fn all() -> impl Iterator<Item = Facility> {
        NAMES.iter().map(|&(_, facility)| facility)
    }

    /// The facility's code, 0 to 23.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name, as `syslog.conf` writes it: `user`, `daemon`, `local0`.
    pub const fn as_str(self) -> &'static str {
        NAMES[self as usize].0
    }

    /// The number that begins a message: the facility's code times eight and the severity.
    pub(crate) const fn priority(self, level: Level) -> u8 {
        self.code() * 8 + severity(level)
    }
}

impl fmt::Display for Facility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Facility {
    type Err = Error;

    /// # Errors
    /// When the text is none of the names, whatever the case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        named.map(|&(_, facility)| facility).ok_or_else(|| {
            Error::config(format!("unknown facility {text:?}"))
                .with_hint("user, daemon, auth, local0 to local7 and others of RFC 5424")
        })
    }
}

/// The severity of RFC 5424, table 2.
const fn severity(level: Level) -> u8 {
    match level {
        Level::Critical => 2,
        Level::Error => 3,
        Level::Warning => 4,
        Level::Info => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_and_names() {
        let mut code = 0;
        for facility in Facility::all() {
            assert_eq!(facility.code(), code);
            assert_eq!(facility.as_str().to_uppercase().parse::<Facility>().unwrap(), facility);
            let severities = [7, 7, 6, 4, 3, 2];
            for (level, severity) in Level::ALL.into_iter().zip(severities) {
                let priority = facility.priority(level);
                assert_eq!(priority, code * 8 + severity);
                assert!(priority <= 191);
            }
            code += 1;
        }
        assert_eq!(code, 24);
        assert!("local8".parse::<Facility>().unwrap_err().is_config());
    }
}
