//! The settings of journald sinks.

use std::path::PathBuf;

use crate::section::Section;

/// The settings of a sink of `type: journald`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournaldConfig {
    /// The journal's socket; by default systemd's.
    pub path: Option<PathBuf>,
    /// `SYSLOG_IDENTIFIER`; by default the service's name, or else the program's.
    pub identifier: Option<String>,
    /// What the names of fields begin with in the journal; by default nothing.
    pub prefix: Option<String>,
}

pub(super) const KEYS: [&str; 3] = ["path", "identifier", "prefix"];

impl JournaldConfig {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        JournaldConfig {
            path: section.optional("path"),
            identifier: section.optional("identifier"),
            prefix: section.optional("prefix"),
        }
    }
}
