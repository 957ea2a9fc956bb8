//! Messages over HTTP.

mod builder;
mod signature;
mod template;

use std::fmt;

use prisma_log_core::{Clock, Error};
use prisma_log_monitor::{Message, Notifier, NotifyError};

pub use builder::WebhookNotifierBuilder;
pub use signature::verify_signature;

use crate::Secret;
use crate::http::Client;
use signature::sign;
use template::JsonTemplate;

const SIGNATURE: &str = "X-Prisma-Signature";
const IDEMPOTENCY: &str = "Idempotency-Key";

/// Posts each message to an address.
///
/// ```no_run
/// use prisma_log_notify::{HttpOptions, Secret, WebhookNotifier};
///
/// let notifier = WebhookNotifier::builder("https://alerts.example.com/hook")
///     .template(r#"{"summary": "{{title}}", "urgent": {{severity}}, "alerts": {{alerts}}}"#)
///     .signing_secret(Secret::read("/run/secrets/hook")?)
///     .http(HttpOptions::new().bearer("token"))
///     .build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Format
/// `POST` with `Content-Type: application/json`. The body is the message's JSON
/// ([`Message::to_json`]), or a JSON text of yours with the placeholders of templates ([crate]):
/// within a string, a placeholder becomes the text with JSON's escapes, elsewhere the value:
/// numbers, lists and objects as such, text in quotes. So whatever a message says, the body is JSON
/// of the template's form.
///
/// | header | value |
/// | --- | --- |
/// | `Idempotency-Key` | `ID-TIME`: the message's number and when it was made (nanoseconds since 1970, in hexadecimal digits); the same for each repetition |
/// | `X-Prisma-Signature` | `t=SECONDS,v1=HEX`: with a [signing secret](WebhookNotifierBuilder::signing_secret), the HMAC-SHA256 of `SECONDS.BODY`; another `v1=` for each further secret. [`verify_signature`] checks it |
///
/// # Delivery
/// A message is delivered when the server answered with a status of 2xx. A connection that breaks
/// before that may mean that it comes twice.
///
/// # Failure
/// | what happens | error |
/// | --- | --- |
/// | no connection, a broken one, a certificate that is not valid, no answer in [time](crate::HttpOptions::timeout) | temporary |
/// | 408, 425, 429, 5xx | temporary; with the time of a `Retry-After`, in seconds or as a date, an hour at most |
/// | all others: 3xx (redirects are not followed, so that headers never go to another host), 4xx | permanent |
/// | a body above [`max_body_bytes`](WebhookNotifierBuilder::max_body_bytes) | the last alerts of the message are left out and counted in `omitted`; permanent, when one alert is too large |
///
/// Of an answer 4 KiB are read, and one line is shown in the error. Nothing secret is in an error:
/// of addresses, which often are, scheme and host are shown.
///
/// # Cost
/// A request for each message, on a connection that is kept for half a minute.
pub struct WebhookNotifier {
    client: Client,
    template: Option<JsonTemplate>,
    secrets: Vec<Secret>,
    max_body_bytes: usize,
    clock: Box<dyn Clock>,
}

impl WebhookNotifier {
    /// Posts to this address.
    pub fn builder(url: impl Into<Secret>) -> WebhookNotifierBuilder {
        WebhookNotifierBuilder::new(url.into())
    }

    fn body(&self, message: &Message) -> Result<String, NotifyError> {
        let render = |message: &Message| match &self.template {
            Some(template) => template.render(message),
            None => message.to_json(),
        };
        let mut body = render(message);
        let mut message = message.clone();
        while body.len() > self.max_body_bytes {
            let keep = message.news.len() / 2;
            if keep == 0 {
                let bytes = body.len();
                let limit = self.max_body_bytes;
                return Err(NotifyError::permanent(Error::data(format!(
                    "a body of {bytes} bytes for one alert is above the limit of {limit}"
                ))));
            }
            message.omitted += (message.news.len() - keep) as u64;
            message.news.truncate(keep);
            body = render(&message);
        }
        Ok(body)
    }
}

impl Notifier for WebhookNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        let body = self.body(message)?;
        let now = self.clock.now();
        let key = format!("{}-{:x}", message.id, message.at.unix_nanos());
        let mut headers = vec![(IDEMPOTENCY, &*key)];
        let signature = sign(&self.secrets, now, body.as_bytes());
        if !self.secrets.is_empty() {
            headers.push((SIGNATURE, &*signature));
        }
        self.client.post(body.as_bytes(), &headers, now)
    }
}

impl fmt::Debug for WebhookNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookNotifier").field("client", &self.client).finish_non_exhaustive()
    }
}
