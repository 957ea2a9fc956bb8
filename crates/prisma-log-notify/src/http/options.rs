//! How a server is reached.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use crate::Secret;

/// How a server is reached over HTTP: credentials, time limit, certificates.
///
/// ```
/// use std::time::Duration;
/// use prisma_log_notify::HttpOptions;
///
/// let options = HttpOptions::new().bearer("s3cret").timeout(Duration::from_secs(5));
/// assert!(!format!("{options:?}").contains("s3cret"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpOptions {
    pub(super) timeout: Duration,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) authorizations: Vec<Secret>,
    pub(super) ca_file: Option<PathBuf>,
    /// The client's certificate and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) proxy: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions::new()
    }
}

impl HttpOptions {
    /// No credentials, 10 s, the authorities that the system trusts.
    pub fn new() -> Self {
        HttpOptions {
            timeout: Duration::from_secs(10),
            headers: Vec::new(),
            authorizations: Vec::new(),
            ca_file: None,
            identity: None,
            proxy: true,
        }
    }

    /// How long a request may take, from looking up the name to the end of the answer: 100 ms to 5
    /// minutes, by default 10 s.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Adds a header to each request, in place of one of the same name. Its value is not shown in
    /// errors and by `Debug`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends `Authorization: Bearer TOKEN`.
    pub fn bearer(mut self, token: impl Into<Secret>) -> Self {
        let token = token.into();
        self.headers.push(("authorization".into(), format!("Bearer {}", token.expose()).into()));
        self.authorizations.push(token);
        self
    }

    /// Sends `Authorization: Basic …`, of a name without `:` and a password.
    pub fn basic(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Self {
        let (name, password) = (name.into(), password.into());
        let mut encoded = b"Basic ".to_vec();
        let pair = format!("{name}:{}", password.expose());
        prisma_log_format::push_base64(pair.as_bytes(), &mut encoded);
        let header = String::from_utf8_lossy(&encoded).into_owned();
        self.headers.push(("authorization".into(), header.into()));
        self.authorizations.push(password);
        self
    }

    /// Trusts the authorities of this PEM file, in place of those that the system trusts.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Shows this certificate to servers that ask for one: PEM files with its chain and its key.
    pub fn identity(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` of the environment count; on
    /// by default.
    pub fn proxy_from_env(mut self, on: bool) -> Self {
        self.proxy = on;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if !(Duration::from_millis(100)..=Duration::from_secs(300)).contains(&self.timeout) {
            let error = Error::config(format!("invalid timeout of {:?}", self.timeout));
            return Err(error.with_hint("use 100 ms to 5 minutes"));
        }
        Ok(())
    }
}
