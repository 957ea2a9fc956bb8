//! Requests to one address, over connections that are kept.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};
use prisma_log_monitor::NotifyError;
use ureq::Agent;
use ureq::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{HeaderName, HeaderValue};

use super::answer::Answer;
use super::endpoint::Endpoint;
use super::options::HttpOptions;
use super::retry_after::parse_retry_after;
use super::tls;
use crate::Secret;

/// Of an answer no more is read than this.
const LONGEST_ANSWER: u64 = 4 << 10;
/// Kept connections that nobody used for so long are closed.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// Makes requests to one address.
pub(crate) struct Client {
    endpoint: Endpoint,
    agent: Agent,
    timeout: Duration,
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Vec<Secret>,
}

impl Client {
    /// A client whose requests have no header of these names but the notifier's own.
    pub(crate) fn new(
        endpoint: Endpoint,
        options: &HttpOptions,
        ours: &[&str],
    ) -> Result<Self, Error> {
        options.check()?;
        let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for (name, value) in &options.headers {
            let (name, value) = header(name, value, ours)?;
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
        }
        let values = options.headers.iter().map(|(_, value)| value.clone());
        let secrets = values.chain(options.authorizations.iter().cloned()).collect();
        let agent = open(&endpoint, options)?;
        Ok(Client { endpoint, agent, timeout: options.timeout, headers, secrets })
    }

    /// Posts a JSON body; `extra` are further headers.
    pub(crate) fn post(
        &self,
        body: &[u8],
        extra: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<(), NotifyError> {
        let shown = &self.endpoint.shown;
        let answer = self.ask(body, extra, now).map_err(|error| {
            NotifyError::temporary(match error {
                ureq::Error::Io(error) => Error::io(format!("no answer from {shown}"), error),
                ureq::Error::Timeout(_) => {
                    Error::state(format!("no answer from {shown} within {:?}", self.timeout))
                }
                other => Error::state(format!(
                    "no answer from {shown}: {}",
                    self.hide_in(&other.to_string())
                )),
            })
        })?;
        answer.outcome(shown, |text| self.hide_in(text))
    }

    fn ask(
        &self,
        body: &[u8],
        extra: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(self.endpoint.url.expose());
        request = request.header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body)?;
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| parse_retry_after(text, now));
        let mut body = Vec::new();
        // The status alone decides.
        let _incomplete =
            response.body_mut().as_reader().take(LONGEST_ANSWER).read_to_end(&mut body);
        let phrase = status.canonical_reason().unwrap_or_default();
        Ok(Answer { status: status.as_u16(), phrase, body, wait })
    }

    /// `text` without what is secret.
    fn hide_in(&self, text: &str) -> String {
        let mut text = self.endpoint.hide_in(text);
        for secret in &self.secrets {
            text = secret.hide_in(&text);
        }
        text
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint.shown)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn header(name: &str, value: &Secret, ours: &[&str]) -> Result<(HeaderName, HeaderValue), Error> {
    const HTTP: [&str; 7] = [
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "transfer-encoding",
    ];
    let wrong = |why: &str| Error::config(format!("header {name:?} {why}"));
    let name_of = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| wrong("has a name that HTTP does not allow"))?;
    if HTTP.iter().chain(ours).any(|known| name_of.as_str().eq_ignore_ascii_case(known)) {
        return Err(wrong("is set by the notifier itself"));
    }
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| wrong("has a value that HTTP does not allow"))?;
    value.set_sensitive(true);
    Ok((name_of, value))
}

fn open(endpoint: &Endpoint, options: &HttpOptions) -> Result<Agent, Error> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_age(LONGEST_IDLE)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .timeout_global(Some(options.timeout))
        .proxy(options.proxy.then(ureq::Proxy::try_from_env).flatten())
        .user_agent(concat!("prisma-log-notify/", env!("CARGO_PKG_VERSION")));
    if endpoint.is_encrypted {
        config = tls::encrypted(config, options)?;
    } else if options.ca_file.is_some() || options.identity.is_some() {
        return Err(Error::config(format!(
            "certificates are set, but {} is not https",
            endpoint.shown
        )));
    }
    Ok(config.build().new_agent())
}
