//! How receivers are reached over HTTP.

use std::time::Duration;

use super::secret::SecretText;
use crate::section::Section;
use crate::sinks::{HttpTimeout, HttpTls};

/// How a receiver is reached over HTTP.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReceiverHttp {
    /// How long a request may take; 10 s by default.
    pub timeout: Option<Duration>,
    /// Of every request.
    pub headers: Vec<(String, SecretText)>,
    /// A token in the header `Authorization`.
    pub bearer: Option<SecretText>,
    /// A name and password in the header `Authorization`.
    pub basic: Option<(String, SecretText)>,
    /// Certificates and keys of `https`.
    pub tls: HttpTls,
    /// Whether `HTTPS_PROXY` and its like are minded; they are by default.
    pub proxy: Option<bool>,
}

impl ReceiverHttp {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let report = section.report();
        let path = section.path_of("headers");
        let items = section.map_under("headers").map(|map| map.items.as_slice());
        let headers = items.unwrap_or_default().iter().filter_map(|item| {
            let path = format!("{path}.{}", item.key);
            Some((item.key.clone(), SecretText::read(section, &path, &item.node)?))
        });
        let headers = headers.collect();
        let basic = (!section.is_missing("basic")).then(|| {
            let mut inner = section.section("basic");
            let user = inner.required::<String>("user");
            let password = SecretText::required(&mut inner, "password");
            inner.finish();
            user.zip(password)
        });
        // Also when it is missing, so that it is known.
        let both = section.node("basic").is_some() && !section.is_missing("bearer");
        if both {
            let message = "`bearer` and `basic` are one too many";
            report.error(section.error_at_one_of(&["bearer"], message));
        }
        ReceiverHttp {
            timeout: section.optional::<HttpTimeout>("timeout").map(|HttpTimeout(time)| time),
            headers,
            bearer: SecretText::optional(section, "bearer"),
            basic: basic.flatten(),
            tls: HttpTls::read(section),
            proxy: section.optional("proxy"),
        }
    }
}

/// What receivers of `type: slack` and `type: teams` have: the address that the chat gave.
pub(super) fn chat(section: &mut Section<'_>) -> Option<(SecretText, ReceiverHttp)> {
    let url = SecretText::required(section, "url");
    let http = ReceiverHttp::read(section);
    Some((url?, http))
}
