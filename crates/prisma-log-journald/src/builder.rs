//! What a journal sink is built from.

use std::ffi::OsString;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::Error;
use prisma_log_format::Service;

use crate::JournaldSink;
use crate::entry::EntryEncoder;
use crate::names::{Names, check_prefix};
use crate::socket::Journal;

/// Where systemd-journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// A single field can't be larger, whatever the journal's settings are.
const MOST_BYTES: usize = 768 * 1024 * 1024;
const LEAST_BYTES: usize = 1024;

/// Builds a [`JournaldSink`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `build`"]
pub struct JournaldSinkBuilder {
    socket: PathBuf,
    identifier: Option<String>,
    prefix: String,
    site: bool,
    sequence: bool,
    service: Service,
    max_record_bytes: usize,
    patience: Duration,
}

impl JournaldSinkBuilder {
    pub(crate) fn new() -> Self {
        JournaldSinkBuilder {
            socket: SOCKET.into(),
            identifier: None,
            prefix: String::new(),
            site: true,
            sequence: true,
            service: Service::new(),
            max_record_bytes: 64 * 1024 * 1024,
            patience: Duration::from_secs(1),
        }
    }

    /// The journal's socket; by default `/run/systemd/journal/socket`. That of a journal namespace
    /// is `/run/systemd/journal.NAMESPACE/socket`.
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = path.into();
        self
    }

    /// The program's name, as `SYSLOG_IDENTIFIER`, which `journalctl -t` looks for; by default the
    /// file name that the program was started by.
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = Some(identifier.into());
        self
    }

    /// What stands before the names of the records' own fields, such as `F_`: letters A to Z,
    /// digits and underscores, a letter first, at most 32; by default nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Whether to send where in the source the record comes from; on by default.
    pub fn site(mut self, on: bool) -> Self {
        self.site = on;
        self
    }

    /// Whether to send the record's sequence number, as `SEQ`; on by default. The journal keeps one
    /// copy of each different value, so this costs room.
    pub fn sequence(mut self, on: bool) -> Self {
        self.sequence = on;
        self
    }

    /// Which service the records are of: `SERVICE_NAME`, `SERVICE_VERSION` and
    /// `DEPLOYMENT_ENVIRONMENT_NAME`; by default nothing is said.
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Largest entry in bytes, from 1 KiB to 768 MiB: 64 MiB by default. The journal throws away
    /// what its settings don't allow, and says nothing; a larger record is refused here, so that it
    /// is counted.
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = bytes;
        self
    }

    /// How long a write waits for a journal that takes nothing, from 1 ms to 1 minute: a second by
    /// default. After it waited so long in vain, later writes don't wait until the journal takes an
    /// entry again.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The sink, connected.
    ///
    /// # Errors
    /// When there is no socket or it can't be connected to (a journal that is just being restarted
    /// is waited for later), or a setting is out of its range.
    pub fn build(self) -> Result<JournaldSink, Error> {
        check_prefix(&self.prefix)?;
        self.service.check()?;
        let identifier = match self.identifier {
            Some(identifier) => identifier,
            None => program_name(std::env::args_os().next()),
        };
        if identifier.trim().is_empty() || identifier.chars().any(char::is_control) {
            let error = Error::config(format!("invalid identifier {identifier:?} for the journal"));
            return Err(error.with_hint("use the program's name"));
        }
        if !(LEAST_BYTES..=MOST_BYTES).contains(&self.max_record_bytes) {
            let bytes = self.max_record_bytes;
            let error = Error::config(format!("invalid limit of {bytes} bytes for a record"));
            return Err(error.with_hint(format!("use {LEAST_BYTES} to {MOST_BYTES}")));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&self.patience) {
            let error = Error::config(format!("invalid patience of {:?}", self.patience));
            return Err(error.with_hint("use 1 ms to 1 minute"));
        }
        let mut constant = vec![("SYSLOG_IDENTIFIER".to_owned(), identifier.as_str())];
        constant.extend(
            self.service.pairs().map(|(key, value)| (key.to_uppercase().replace('.', "_"), value)),
        );
        let constant = constant.iter().map(|(name, value)| (name.as_str(), *value));
        let names = Names::new(self.prefix);
        let encoder = EntryEncoder::new(names, constant, self.site, self.sequence);
        let mut journal = Journal::new(self.socket, self.patience);
        if let Err(error) = journal.connect()
            && !is_restarting(&error, journal.path())
        {
            return Err(error);
        }
        Ok(JournaldSink::new(encoder, journal, self.max_record_bytes))
    }
}

/// Whether the socket is there, and only nobody listens at it.
fn is_restarting(error: &Error, path: &Path) -> bool {
    let is_socket = |file: std::fs::Metadata| file.file_type().is_socket();
    error.io_kind() == Some(std::io::ErrorKind::ConnectionRefused)
        && std::fs::metadata(path).is_ok_and(is_socket)
}

/// What the program is called by what it was started as.
fn program_name(started_as: Option<OsString>) -> String {
    let name = started_as.as_deref().map(Path::new).and_then(Path::file_name);
    let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.trim().is_empty() { "unknown".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_always_has_a_name() {
        let check = |started_as: Option<&str>, expect: &str| {
            assert_eq!(program_name(started_as.map(Into::into)), expect);
        };
        check(Some("/usr/bin/shop"), "shop");
        check(Some("shop"), "shop");
        check(Some("a\nb"), "ab");
        check(Some(""), "unknown");
        check(Some("/"), "unknown");
        check(None, "unknown");
    }
}
