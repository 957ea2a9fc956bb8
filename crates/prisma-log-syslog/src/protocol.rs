//! What a message looks like, and how messages are told apart on a stream.

use std::fmt;
use std::str::FromStr;

use prisma_log_core::Error;

/// The form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// [RFC 5424](https://www.rfc-editor.org/rfc/rfc5424): structured data, time to the microsecond.
    Rfc5424,
    /// [RFC 3164](https://www.rfc-editor.org/rfc/rfc3164), the old BSD form: local time without a
    /// year, and text. Local daemons on `/dev/log` expect it.
    Rfc3164,
}

impl Protocol {
    /// The name: `rfc5424`, `rfc3164`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::Rfc5424 => "rfc5424",
            Protocol::Rfc3164 => "rfc3164",
        }
    }
}

/// How messages are told apart on a stream (RFC 6587).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// The length of each message in bytes stands before it. What RFC 5425 demands over TLS, and
    /// the default over TCP.
    OctetCounting,
    /// A line feed ends each message. No message holds one, whatever the record does; but a
    /// connection that breaks off leaves the server half a message that looks like a whole one.
    Lines,
}

impl Framing {
    /// The name: `octet-counting`, `lines`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Framing::OctetCounting => "octet-counting",
            Framing::Lines => "lines",
        }
    }
}

macro_rules! by_name {
    ($type:ident, $what:literal, [$($variant:ident),*], $expected:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = Error;

            /// # Errors
            /// When the text is none of the names.
            fn from_str(text: &str) -> Result<Self, Error> {
                let mut all = [$($type::$variant),*].into_iter();
                all.find(|one| one.as_str() == text).ok_or_else(|| {
                    Error::config(format!(concat!("unknown ", $what, " {:?}"), text))
                        .with_hint($expected)
                })
            }
        }
    };
}

by_name!(Protocol, "syslog protocol", [Rfc5424, Rfc3164], "rfc5424 or rfc3164");
by_name!(Framing, "framing", [OctetCounting, Lines], "octet-counting or lines");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert_eq!("rfc3164".parse::<Protocol>().unwrap(), Protocol::Rfc3164);
        assert_eq!("octet-counting".parse::<Framing>().unwrap(), Framing::OctetCounting);
        let error = "syslog".parse::<Protocol>().unwrap_err();
        assert_eq!(error.to_string(), "unknown syslog protocol \"syslog\" (rfc5424 or rfc3164)");
    }
}
