//! What a webhook notifier is built from.

use prisma_log_core::{Clock, Error, SystemClock};

use super::template::JsonTemplate;
use super::{IDEMPOTENCY, SIGNATURE, WebhookNotifier};
use crate::Secret;
use crate::http::{Client, Endpoint, HttpOptions};

/// Builds a [`WebhookNotifier`].
#[must_use = "nothing is sent before `build`"]
pub struct WebhookNotifierBuilder {
    url: Secret,
    template: Option<String>,
    secrets: Vec<Secret>,
    max_body_bytes: usize,
    http: HttpOptions,
    clock: Box<dyn Clock>,
}

impl WebhookNotifierBuilder {
    pub(super) fn new(url: Secret) -> Self {
        WebhookNotifierBuilder {
            url,
            template: None,
            secrets: Vec::new(),
            max_body_bytes: 1 << 20,
            http: HttpOptions::new(),
            clock: Box::new(SystemClock),
        }
    }

    /// The body, as a JSON text with placeholders; by default the message's JSON.
    pub fn template(mut self, json: impl Into<String>) -> Self {
        self.template = Some(json.into());
        self
    }

    /// Signs requests with this secret of at least 16 bytes. Called again, requests have a signature
    /// for each, so that receivers can go over to a new one; at most four.
    pub fn signing_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Largest body in bytes, from 1 KiB to 64 MiB; by default 1 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// How the server is reached.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Where the time of signatures comes from; by default the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The notifier. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, the template is not JSON or has an unknown placeholder, a file of
    /// certificates can't be read, or a setting is out of its range.
    pub fn build(self) -> Result<WebhookNotifier, Error> {
        let endpoint = Endpoint::new(&self.url, "address of the web hook")?;
        let client = Client::new(endpoint, &self.http, &[IDEMPOTENCY, SIGNATURE])?;
        let template = self.template.as_deref().map(JsonTemplate::new).transpose()?;
        if self.secrets.len() > 4 || self.secrets.iter().any(|secret| secret.expose().len() < 16) {
            return Err(Error::config("invalid signing secret")
                .with_hint("one to four, of 16 bytes or more each"));
        }
        if !(1 << 10..=64 << 20).contains(&self.max_body_bytes) {
            let bytes = self.max_body_bytes;
            return Err(Error::config(format!("invalid limit of {bytes} bytes for a body"))
                .with_hint("use 1 KiB to 64 MiB"));
        }
        Ok(WebhookNotifier {
            client,
            template,
            secrets: self.secrets,
            max_body_bytes: self.max_body_bytes,
            clock: self.clock,
        })
    }
}

impl std::fmt::Debug for WebhookNotifierBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookNotifierBuilder").field("http", &self.http).finish_non_exhaustive()
    }
}
