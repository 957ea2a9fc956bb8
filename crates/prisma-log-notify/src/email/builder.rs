//! What an email notifier is built from.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lettre::SmtpTransport;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use prisma_log_core::{Clock, Error, SystemClock};

use super::EmailNotifier;
use super::letter::Letter;
use crate::Secret;

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmailSecurity {
    /// From its beginning (RFC 8314), port 465.
    #[default]
    Tls,
    /// By STARTTLS, without which nothing is sent; port 587.
    StartTls,
    /// Not at all, port 25: for a server on the same machine.
    None,
}

/// Builds an [`EmailNotifier`].
#[must_use = "nothing is sent before `build`"]
pub struct EmailNotifierBuilder {
    server: String,
    from: String,
    to: Vec<String>,
    cc: Vec<String>,
    port: Option<u16>,
    security: EmailSecurity,
    credentials: Option<(String, Secret)>,
    hello_name: Option<String>,
    ca_file: Option<PathBuf>,
    html: bool,
    timeout: Duration,
    clock: Box<dyn Clock>,
}

impl EmailNotifierBuilder {
    pub(super) fn new(server: String, from: String) -> Self {
        EmailNotifierBuilder {
            server,
            from,
            to: Vec::new(),
            cc: Vec::new(),
            port: None,
            security: EmailSecurity::default(),
            credentials: None,
            hello_name: None,
            ca_file: None,
            html: false,
            timeout: Duration::from_secs(20),
            clock: Box::new(SystemClock),
        }
    }

    /// Adds a recipient: `ops@example.com` or `Ops <ops@example.com>`.
    pub fn to(mut self, mailbox: impl Into<String>) -> Self {
        self.to.push(mailbox.into());
        self
    }

    /// Adds a recipient of a copy.
    pub fn cc(mut self, mailbox: impl Into<String>) -> Self {
        self.cc.push(mailbox.into());
        self
    }

    /// The server's port; by default 465, 587 or 25, as the [security](Self::security) has it.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// How the connection is encrypted; by default [`EmailSecurity::Tls`].
    pub fn security(mut self, security: EmailSecurity) -> Self {
        self.security = security;
        self
    }

    /// Logs in with a name and a password; without encryption to this machine only.
    pub fn credentials(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.credentials = Some((name.into(), password.into()));
        self
    }

    /// What we call ourselves (EHLO); by default `localhost`, which some servers refuse.
    pub fn hello_name(mut self, name: impl Into<String>) -> Self {
        self.hello_name = Some(name.into());
        self
    }

    /// Trusts the authorities of this PEM file, in place of those that the system trusts.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Whether the mail has the text in HTML too; off by default.
    pub fn html(mut self, on: bool) -> Self {
        self.html = on;
        self
    }

    /// How long to wait for a connection, and for each answer of the server: 1 s to 5 minutes, by
    /// default 20 s.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Where the date of mails comes from; by default the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The notifier. Nothing is sent yet.
    ///
    /// # Errors
    /// When a mailbox is none, there is no recipient or more than 100, credentials would go over an
    /// unencrypted connection, a file of certificates can't be read, or a setting is out of its range.
    pub fn build(self) -> Result<EmailNotifier, Error> {
        let server = self.server.trim().to_owned();
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
        if server.is_empty() || !server.chars().all(is_host) {
            return Err(
                Error::config(format!("invalid mail server {server:?}")).with_hint("its name")
            );
        }
        let from = mailbox(&self.from)?;
        let to = self.to.iter().map(|text| mailbox(text)).collect::<Result<Vec<_>, _>>()?;
        let cc = self.cc.iter().map(|text| mailbox(text)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() || to.len() + cc.len() > 100 {
            let error = Error::config(format!("{} recipients of mails are set", to.len()));
            return Err(error.with_hint("name 1 to 100, copies included"));
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(300)).contains(&self.timeout) {
            let error = Error::config(format!("invalid timeout of {:?}", self.timeout));
            return Err(error.with_hint("use 1 s to 5 minutes"));
        }
        let is_here = matches!(&*server, "localhost" | "127.0.0.1" | "::1");
        if self.security == EmailSecurity::None && self.credentials.is_some() && !is_here {
            return Err(Error::config("a password would go to the mail server unencrypted")
                .with_hint("set the security to tls or starttls"));
        }
        let hello = self.hello_name.unwrap_or_else(|| "localhost".to_owned());
        if hello.is_empty() || !hello.chars().all(is_host) {
            return Err(Error::config(format!("invalid name for EHLO {hello:?}")));
        }
        let tls = || parameters(&server, self.ca_file.as_ref());
        let (tls, port) = match self.security {
            EmailSecurity::Tls => (Tls::Wrapper(tls()?), 465),
            EmailSecurity::StartTls => (Tls::Required(tls()?), 587),
            EmailSecurity::None => (Tls::None, 25),
        };
        let mut transport = SmtpTransport::builder_dangerous(server.clone())
            .port(self.port.unwrap_or(port))
            .tls(tls)
            .hello_name(ClientId::Domain(hello))
            .timeout(Some(self.timeout));
        let password = self.credentials.as_ref().map(|(_, password)| password.clone());
        if let Some((name, password)) = self.credentials {
            transport = transport.credentials(Credentials::new(name, password.expose().to_owned()));
        }
        Ok(EmailNotifier {
            transport: transport.build(),
            server,
            letter: Letter { from, to, cc, html: self.html },
            password,
            clock: self.clock,
        })
    }
}

fn mailbox(text: &str) -> Result<Mailbox, Error> {
    let wrong = || {
        Error::config(format!("{text:?} is no mailbox"))
            .with_hint("ops@example.com or Ops <ops@example.com>")
    };
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    text.trim().parse().map_err(|error| wrong().with_source(Box::new(error) as Box<_>))
}

fn parameters(server: &str, ca_file: Option<&PathBuf>) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(server.to_owned());
    if let Some(path) = ca_file {
        let pem = fs::read(path).map_err(|error| Error::io_at("read", path, error))?;
        let wrong = || Error::config(format!("{} holds no certificate", path.display()));
        let certificate = Certificate::from_pem(&pem).map_err(|_| wrong())?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| {
        Error::config(format!("cannot set up TLS for the mail server {server}")).with_source(error)
    })
}

impl std::fmt::Debug for EmailNotifierBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmailNotifierBuilder")
            .field("server", &self.server)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("cc", &self.cc)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}
