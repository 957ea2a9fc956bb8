//! Requests to one address, over connections that are kept.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use flate2::write::GzEncoder;
use prisma_log_core::{Clock as _, Error, SystemClock};
use ureq::Agent;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderName, HeaderValue};

use super::answer::{Answer, Later, Outcome};
use super::endpoint::Endpoint;
use super::retry_after::parse_retry_after;
use super::tls;
use crate::Compression;

/// Of an answer no more is read than this.
const LONGEST_ANSWER: u64 = 64 << 10;
/// Kept connections that nobody used for so long are closed.
const LONGEST_IDLE: Duration = Duration::from_secs(60);
/// Smaller bodies don't get smaller.
const LEAST_COMPRESSED: usize = 256;

/// How a server is reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// From a request's beginning to its answer's end.
    pub(crate) timeout: Duration,
    pub(crate) compression: Compression,
    pub(crate) headers: Headers,
    pub(crate) ca_file: Option<PathBuf>,
    /// The client's certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// Whether `HTTP_PROXY` and its like count.
    pub(crate) proxy: bool,
}

/// Headers that every request has.
#[derive(Clone, Default)]
pub(crate) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl std::fmt::Debug for Headers {
    /// Only their names: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Headers {
    /// Adds a header, in place of one of the same name; `what` names the setting.
    pub(crate) fn add(&mut self, name: &str, value: &str, what: &str) -> Result<(), Error> {
        const OURS: [&str; 7] = [
            "connection",
            "content-encoding",
            "content-length",
            "content-type",
            "expect",
            "host",
            "transfer-encoding",
        ];
        let wrong = |why: &str| Error::config(format!("{what}: header {name:?} {why}"));
        let name_of = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("has a name that HTTP does not allow"))?;
        if OURS.contains(&name_of.as_str()) {
            return Err(wrong("is set by the sink itself"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| wrong("has a value that HTTP does not allow"))?;
        value.set_sensitive(true);
        self.0.retain(|(known, _)| *known != name_of);
        self.0.push((name_of, value));
        Ok(())
    }
}

/// Makes requests to one address.
pub(crate) struct Sender {
    endpoint: Endpoint,
    way: Way,
    content_type: &'static str,
    agent: Agent,
    compressed: Vec<u8>,
}

impl Sender {
    pub(crate) fn new(
        endpoint: Endpoint,
        way: Way,
        content_type: &'static str,
    ) -> Result<Self, Error> {
        let agent = open(&endpoint, &way)?;
        Ok(Sender { endpoint, way, content_type, agent, compressed: Vec::new() })
    }

    /// The address, for people.
    pub(crate) fn shown(&self) -> &str {
        &self.endpoint.shown
    }

    /// Makes new connections from here on, with certificates that are read anew.
    pub(crate) fn reopen(&mut self) -> Result<(), Error> {
        self.agent = open(&self.endpoint, &self.way)?;
        Ok(())
    }

    /// Makes a request.
    pub(crate) fn send(&mut self, body: &[u8]) -> Outcome {
        self.ask(body).unwrap_or_else(|error| {
            let shown = &self.endpoint.shown;
            let broke = matches!(&error, ureq::Error::Io(error) if matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
            ));
            let error = match error {
                ureq::Error::Io(error) => Error::io(format!("no answer from {shown}"), error),
                ureq::Error::Timeout(_) => {
                    Error::state(format!("no answer from {shown} within {:?}", self.way.timeout))
                }
                other => Error::state(format!("no answer from {shown}: {other}")),
            };
            Outcome::Later(Later { error, wait: None, broke })
        })
    }

    fn ask(&mut self, body: &[u8]) -> Result<Outcome, ureq::Error> {
        let mut request =
            self.agent.post(&self.endpoint.url).header(CONTENT_TYPE, self.content_type);
        for (name, value) in &self.way.headers.0 {
            request = request.header(name, value);
        }
        let is_compressed =
            self.way.compression == Compression::Gzip && body.len() >= LEAST_COMPRESSED;
        let mut response = if is_compressed {
            compress(body, &mut self.compressed)?;
            request.header(CONTENT_ENCODING, "gzip").send(&self.compressed[..])?
        } else {
            request.send(body)?
        };
        let status = response.status();
        let header = |name: HeaderName| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let content_type = header(CONTENT_TYPE).unwrap_or_default();
        let location = header(LOCATION);
        let wait = header(RETRY_AFTER).and_then(|text| parse_retry_after(&text, SystemClock.now()));
        let mut answer = Answer { content_type, body: Vec::new() };
        let read =
            response.body_mut().as_reader().take(LONGEST_ANSWER).read_to_end(&mut answer.body);
        // The status alone says what becomes of the records. Of what a server that took them says
        // about single ones half may be missing, and then it is not known.
        if let Err(error) = read
            && status.is_success()
        {
            return Err(ureq::Error::Io(error));
        }
        let phrase = status.canonical_reason().unwrap_or_default();
        Ok(answer.outcome(&self.endpoint.shown, status.as_u16(), phrase, location.as_deref(), wait))
    }
}

fn compress(body: &[u8], out: &mut Vec<u8>) -> Result<(), ureq::Error> {
    out.clear();
    out.shrink_to(body.len());
    let mut encoder = GzEncoder::new(out, flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()?;
    Ok(())
}

fn open(endpoint: &Endpoint, way: &Way) -> Result<Agent, Error> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_age(LONGEST_IDLE)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .timeout_global(Some(way.timeout))
        .proxy(way.proxy.then(ureq::Proxy::try_from_env).flatten())
        .user_agent(concat!("prisma-log-otlp/", env!("CARGO_PKG_VERSION")));
    if endpoint.is_encrypted {
        config = tls::encrypted(config, way)?;
    } else if way.ca_file.is_some() || way.identity.is_some() {
        return Err(Error::config(format!(
            "certificates are set, but {} is not https",
            endpoint.shown
        )));
    }
    Ok(config.build().new_agent())
}
