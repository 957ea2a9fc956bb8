//! Where requests go.

use prisma_log_core::Error;
use ureq::http::Uri;

/// An address that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// For people: without what may be secret.
    pub(crate) shown: String,
    pub(crate) is_encrypted: bool,
}

impl Endpoint {
    /// An address that is used as it is; `what` names the setting.
    pub(crate) fn exact(text: &str, what: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            let shown = text.split(['?', '#']).next().unwrap_or_default();
            // A name and a password stand before an @.
            let shown = shown.rsplit_once('@').map_or(shown, |(_, behind)| behind);
            Error::config(format!("{what} {shown:?} {why}"))
        };
        let sample = "an address such as http://localhost:4318 is expected";
        let uri: Uri = text.trim().parse().map_err(|_| wrong("is no address").with_hint(sample))?;
        let is_encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(wrong("is neither http nor https").with_hint(sample)),
            None => return Err(wrong("has no http:// or https:// before it").with_hint(sample)),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| wrong("names no host").with_hint(sample))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a name or password in it")
                .with_hint("send a header instead: authorization: Basic …"));
        }
        let scheme = if is_encrypted { "https" } else { "http" };
        let place = format!("{scheme}://{authority}{}", uri.path());
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Endpoint { url: format!("{place}{query}"), shown: place, is_encrypted })
    }

    /// A collector's address, to which a signal's path is added.
    pub(crate) fn below(base: &str, path: &str, what: &str) -> Result<Self, Error> {
        let base = Endpoint::exact(base, what)?;
        if base.url != base.shown {
            return Err(Error::config(format!("{what} {:?} has a query in it", base.shown))
                .with_hint("name an address for each signal"));
        }
        let url = format!("{}/{path}", base.url.trim_end_matches('/'));
        Ok(Endpoint { shown: url.clone(), url, ..base })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let below = |text: &str| match Endpoint::below(text, "v1/logs", "endpoint") {
            Ok(endpoint) => format!("{} {}", endpoint.url, endpoint.is_encrypted),
            Err(error) => error.message().to_owned(),
        };
        let check = |text: &str, expect: &str| assert_eq!(below(text), expect, "{text}");
        check("http://localhost:4318", "http://localhost:4318/v1/logs false");
        check("http://localhost:4318/", "http://localhost:4318/v1/logs false");
        check("https://h/my/collector/", "https://h/my/collector/v1/logs true");
        check(" http://[::1]:4318 ", "http://[::1]:4318/v1/logs false");
        check("localhost:4318", "endpoint \"localhost:4318\" has no http:// or https:// before it");
        check("ftp://h", "endpoint \"ftp://h\" is neither http nor https");
        check("http://", "endpoint \"http://\" is no address");
        check("http://u:secret@h", "endpoint \"h\" has a name or password in it");
        check("http://h?k=secret", "endpoint \"http://h/\" has a query in it");
        check("", "endpoint \"\" is no address");
    }

    #[test]
    fn an_address_of_one_signal_is_used_as_it_is() {
        let exact = |text| Endpoint::exact(text, "e").unwrap();
        assert_eq!(exact("http://h:1/x/").url, "http://h:1/x/");
        assert_eq!(exact("http://h:1").url, "http://h:1/");
        let secret = exact("https://h/p?token=secret");
        assert_eq!((&*secret.url, &*secret.shown), ("https://h/p?token=secret", "https://h/p"));
    }
}
