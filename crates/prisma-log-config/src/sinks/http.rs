//! What sinks that send over HTTP have in common.

use std::path::PathBuf;
use std::time::Duration;

use crate::origin::Entry;
use crate::scalars::{Scalar, words};
use crate::section::{self, Section};

/// Whether requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpCompression {
    /// With gzip.
    Gzip,
    /// As they are.
    None,
}
words!(HttpCompression, "a compression: gzip or none", Gzip = "gzip", None = "none");

/// Certificates and keys of `https`, each in a PEM file: `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpTls {
    /// Whom to trust; by default whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub cert: Option<PathBuf>,
    /// The client's key.
    pub key: Option<PathBuf>,
}

/// An address of HTTP.
pub(super) struct Url(pub(super) String);

impl Scalar for Url {
    const EXPECTED: &'static str = "an address, such as http://localhost:4318";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        match rest {
            None => Err(Some("it begins with http:// or https://".into())),
            Some(rest) if rest.starts_with(['/', ':', '?']) || rest.is_empty() => {
                Err(Some("the host is missing".into()))
            }
            Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
                Err(Some("a name and password belong into `headers`".into()))
            }
            Some(_) => Ok(Url(text.to_owned())),
        }
    }

    fn show(&self) -> String {
        // What follows may be a token.
        self.0.split('?').next().unwrap_or_default().to_owned()
    }
}

/// How long a request may take.
pub(crate) struct Timeout(pub(crate) Duration);

impl Scalar for Timeout {
    const EXPECTED: &'static str = "a duration such as 10s";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let time = Duration::read(text)?;
        if time.is_zero() || time > Duration::from_secs(3600) {
            return Err(Some("it must be more than 0 and at most 1h".into()));
        }
        Ok(Timeout(time))
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// Keys and texts under `key`, whatever they are called. Values that are `secret` are shown to
/// nobody.
pub(crate) fn pairs(
    outer: &mut Section<'_>,
    key: &'static str,
    secret: bool,
) -> Vec<(String, String)> {
    let path = outer.path_of(key);
    let Some(map) = outer.map_under(key) else { return Vec::new() };
    let mut pairs = Vec::new();
    for item in map.items.iter().filter(|item| !item.node.is_null()) {
        let path = format!("{path}.{}", item.key);
        match section::read::<String>(&item.node, &path) {
            Ok(value) => {
                let shown = if secret { "(hidden)".to_owned() } else { value.clone() };
                outer.report().entry(Entry::new(path, shown, item.node.origin.clone()));
                pairs.push((item.key.clone(), value));
            }
            Err(_) if secret => {
                let error = item.node.error(format!("`{path}`: expected a text"));
                outer.report().error(error);
            }
            Err(error) => outer.report().error(error),
        }
    }
    pairs
}

impl HttpTls {
    pub(crate) fn read(outer: &mut Section<'_>) -> Self {
        let mut section = outer.section("tls");
        let tls = HttpTls {
            ca: section.optional("ca"),
            cert: section.optional("cert"),
            key: section.optional("key"),
        };
        if tls.cert.is_some() != tls.key.is_some() {
            let message = "`cert` and `key` belong together, one of them is missing";
            section.report().error(section.error_at_one_of(&["cert", "key"], message));
        }
        section.finish();
        tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: &str| {
            let got = match Url::read(text) {
                Ok(address) => address.show(),
                Err(hint) => format!("!{}", hint.unwrap_or_default()),
            };
            assert_eq!(got, expect, "{text:?}");
        };
        check("http://localhost:4318", "http://localhost:4318");
        check("https://h/x?token=secret", "https://h/x");
        check("localhost:4318", "!it begins with http:// or https://");
        check("http://", "!the host is missing");
        check("http://:4318", "!the host is missing");
        check("http://u:p@h/x", "!a name and password belong into `headers`");
        check("http://h/@x", "http://h/@x");
    }
}
