//! TLS: whom to trust, who we are, and one connection's state.

mod pin;
mod session;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prisma_log_core::Error;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SignatureScheme};

use self::pin::{Pin, Pinned};
use self::session::TlsSession;
use crate::Transport;
use crate::net::link::{Link, Secure};
use crate::transport::Way;

/// How a server over TLS is verified, and what it learns of us.
///
/// By default the server's certificate must be valid now, for the host of the address, and be
/// signed by an authority that the system trusts. There is no way to switch that off but naming
/// the very certificate that is expected. TLS 1.2 or newer, with forward secrecy.
///
/// Files are read when the sink is built, so that mistakes show, and again for each connection, so
/// that renewed certificates are used.
#[derive(Clone, Default)]
#[must_use]
pub struct Tls {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
    pins: Vec<String>,
}

impl Tls {
    /// The system's authorities, the address's host, no client certificate.
    pub fn new() -> Self {
        Tls::default()
    }

    /// Trusts the authorities in this PEM file instead of the system's.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Shows this certificate to a server that asks for one: PEM files with the certificate,
    /// followed by those between it and the authority, and with its private key.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// The name or IP address that the certificate must be for; by default the address's host.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Takes a server whose certificate has this SHA-256 fingerprint (RFC 5425, 4.2.2): 64
    /// hexadecimal digits, with colons between the bytes or without, and `sha-256:` before them or
    /// not. Several may be named, for the time of a change.
    ///
    /// A certificate that is named so need not be signed by an authority, nor be for the host, and
    /// may be expired: the fingerprint alone says that it is the right one. With a
    /// [`Tls::ca_file`] as well, both must hold.
    pub fn pin(mut self, fingerprint: impl Into<String>) -> Self {
        self.pins.push(fingerprint.into());
        self
    }

    /// Everything that a connection needs, read now.
    pub(crate) fn prepare(&self, host: &str) -> Result<Prepared, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let name = self.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            Error::config(format!("server name {name:?} is no DNS name and no IP address"))
        })?;
        let pins: Vec<Pin> = self.pins.iter().map(|pin| pin.parse()).collect::<Result<_, _>>()?;
        let chain = if pins.is_empty() || self.ca.is_some() {
            let roots = Arc::new(self.roots()?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            Some(verifier.map_err(|error| Error::config(format!("unusable roots: {error}")))?)
        } else {
            None
        };
        let client = Arc::new(Client { identity: self.identity(&provider)?, ..Client::default() });
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::config(format!("unusable TLS: {error}")))?;
        let builder = match chain {
            Some(chain) if pins.is_empty() => builder.with_webpki_verifier(chain),
            chain => builder.dangerous().with_custom_certificate_verifier(Arc::new(Pinned {
                pins,
                chain,
                provider,
            })),
        };
        let asker: Arc<dyn ResolvesClientCert> = Arc::<Client>::clone(&client);
        let config = Arc::new(builder.with_client_cert_resolver(asker));
        Ok(Prepared { config, name, client })
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        let Some(path) = &self.ca else {
            let found = rustls_native_certs::load_native_certs();
            let (taken, _) = roots.add_parsable_certificates(found.certs);
            if taken == 0 {
                let why = found.errors.first().map_or_else(String::new, |why| format!(": {why}"));
                return Err(Error::state(format!("the system has no root certificates{why}"))
                    .with_hint("install ca-certificates, or name a CA file"));
            }
            return Ok(roots);
        };
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| {
                Error::config(format!("unusable CA certificate in {}: {error}", path.display()))
            })?;
        }
        Ok(roots)
    }

    fn identity(&self, provider: &CryptoProvider) -> Result<Option<Arc<CertifiedKey>>, Error> {
        let Some((certificate, key)) = &self.identity else { return Ok(None) };
        let chain = certificates(certificate)?;
        let key_of = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
        let identity = CertifiedKey::from_der(chain, key_of, provider).map_err(|error| {
            let (certificate, key) = (certificate.display(), key.display());
            Error::config(format!("{key} is no usable key of {certificate}: {error}"))
        })?;
        Ok(Some(Arc::new(identity)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, error))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| unreadable(path, error))?;
    if found.is_empty() {
        return Err(Error::config(format!("{} holds no certificate", path.display()))
            .with_hint("a PEM file is expected: -----BEGIN CERTIFICATE-----"));
    }
    Ok(found)
}

fn unreadable(path: &Path, error: rustls::pki_types::pem::Error) -> Error {
    match error {
        rustls::pki_types::pem::Error::Io(error) => Error::io_at("read", path, error),
        other => Error::config(format!("cannot read {}: {other}", path.display()))
            .with_hint("a PEM file is expected"),
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca_file", &self.ca)
            .field("client_certificate", &self.identity.as_ref().map(|(path, _)| path))
            .field("server_name", &self.server_name)
            .field("pins", &self.pins)
            .finish()
    }
}

/// What [`Tls`] says, with its files read.
pub(crate) struct Prepared {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    client: Arc<Client>,
}

impl Transport {
    /// TLS (RFC 5425).
    pub fn tls(address: impl Into<String>, tls: Tls) -> Self {
        Transport(Way::Secure("tls", address.into(), Arc::new(tls)))
    }
}

impl Secure for Tls {
    fn check(&self, host: &str) -> Result<(), Error> {
        self.prepare(host).map(drop)
    }

    fn secure(&self, host: &str, link: &mut Link, patience: Duration) -> Result<(), Error> {
        let Prepared { config, name, client } = self.prepare(host)?;
        let connection = ClientConnection::new(config, name)
            .map_err(|error| Error::state(format!("cannot begin TLS: {error}")))?;
        link.encrypt(Box::new(TlsSession::new(connection, client)), patience)
    }
}

/// Our certificate, and whether a server wanted to see one.
#[derive(Debug, Default)]
pub(crate) struct Client {
    identity: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl Client {
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Client {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
