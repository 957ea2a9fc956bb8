//! TLS: whom to trust, and who we are.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use prisma_log_core::Error;
use ureq::config::ConfigBuilder;
use ureq::tls::{
    Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem,
};
use ureq::typestate::AgentScope;

use super::HttpOptions;

type Builder = ConfigBuilder<AgentScope>;

/// Has connections be encrypted, and servers verified.
pub(super) fn encrypted(builder: Builder, options: &HttpOptions) -> Result<Builder, Error> {
    let identity = match &options.identity {
        Some((certificate, key)) => Some(identity(certificate, key)?),
        None => None,
    };
    let roots = match &options.ca_file {
        Some(path) => certificates(path)?,
        None => system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(identity)
        .build();
    Ok(builder.tls_config(config))
}

/// Whom the system trusts.
fn system() -> Result<Vec<Certificate<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> =
        found.certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(String::new, |why| format!(": {why}"));
        return Err(Error::state(format!("the system has no root certificates{why}"))
            .with_hint("install ca-certificates, or name a CA file"));
    }
    Ok(roots)
}

fn identity(certificate: &Path, key: &Path) -> Result<ClientCert, Error> {
    let chain = certificates(certificate)?;
    let found = items(key)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let Some(key_of): Option<PrivateKey<'static>> = found else {
        return Err(Error::config(format!("{} holds no private key", key.display()))
            .with_hint("a PEM file is expected: -----BEGIN PRIVATE KEY-----"));
    };
    Ok(ClientCert::new_with_certs(&chain, key_of))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let found = items(path)?.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err(Error::config(format!("{} holds no certificate", path.display()))
            .with_hint("a PEM file is expected: -----BEGIN CERTIFICATE-----"));
    }
    Ok(found)
}

fn items(path: &Path) -> Result<Vec<PemItem<'static>>, Error> {
    let bytes = fs::read(path).map_err(|error| Error::io_at("read", path, error))?;
    let items: Result<Vec<_>, _> = parse_pem(&bytes).collect();
    items.map_err(|error| {
        Error::config(format!("cannot read {}: {error}", path.display()))
            .with_hint("a PEM file is expected")
    })
}
