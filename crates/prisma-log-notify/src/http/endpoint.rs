//! Where requests go.

use prisma_log_core::Error;
use ureq::http::Uri;

use crate::Secret;

/// An address that was looked at. Those of chats are secrets: who has one can write there.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(super) url: Secret,
    /// What stands behind the host.
    pub(super) place: Secret,
    /// For people: scheme and host.
    pub(super) shown: String,
    pub(super) is_encrypted: bool,
}

impl Endpoint {
    /// Looks at an address; `what` names the setting.
    pub(crate) fn new(url: &Secret, what: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::config(format!("{what} {why}"))
                .with_hint("an address such as https://hooks.example.com/alerts is expected")
        };
        let uri: Uri = url.expose().trim().parse().map_err(|_| wrong("is no address"))?;
        let is_encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(wrong("is neither http nor https")),
            None => return Err(wrong("has no http:// or https:// before it")),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::config(format!("{what} has a name or password in it"))
                .with_hint("set `basic` or `bearer` instead"));
        }
        let scheme = if is_encrypted { "https" } else { "http" };
        let shown = format!("{scheme}://{authority}");
        let place = uri.path_and_query().map_or("/", |place| place.as_str()).to_owned();
        let url = Secret::new(format!("{shown}{place}"));
        Ok(Endpoint { url, place: Secret::new(place), shown, is_encrypted })
    }

    /// The address of a server, to which a path is added.
    pub(crate) fn below(base: &Secret, path: &str, what: &str) -> Result<Self, Error> {
        let base = Endpoint::new(base, what)?;
        let place = base.place.expose();
        if place.contains('?') {
            return Err(Error::config(format!("{what} has a query in it")));
        }
        let place = format!("{}/{path}", place.trim_end_matches('/'));
        let url = Secret::new(format!("{}{place}", base.shown));
        Ok(Endpoint { url, place: Secret::new(place), ..base })
    }

    /// `text` without the secret part of the address.
    pub(super) fn hide_in(&self, text: &str) -> String {
        self.place.hide_in(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: &str| {
            let got = match Endpoint::new(&Secret::from(text), "url") {
                Ok(one) => format!("{} {} {}", one.url.expose(), one.shown, one.is_encrypted),
                Err(error) => error.message().to_owned(),
            };
            assert_eq!(got, expect, "{text}");
        };
        check("http://h:80/x?k=v", "http://h:80/x?k=v http://h:80 false");
        check(" https://[::1] ", "https://[::1]/ https://[::1] true");
        check("h/secret", "url is no address");
        check("localhost", "url has no http:// or https:// before it");
        check("ftp://h/secret", "url is neither http nor https");
        check("https://u:secret@h/", "url has a name or password in it");
        check("", "url is no address");
        check("http://h/\r\nX: y", "url is no address");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let url = Secret::from("https://hooks.example.com/services/T0/B0/token");
        let endpoint = Endpoint::new(&url, "url").unwrap();
        assert!(!format!("{endpoint:?}").contains("token"));
        assert_eq!(
            endpoint.hide_in("bad uri https://x/services/T0/B0/token"),
            "bad uri https://x***"
        );
        let below = Endpoint::below(&"http://h/am/".into(), "api/v2/alerts", "url").unwrap();
        assert_eq!(below.url.expose(), "http://h/am/api/v2/alerts");
    }
}
