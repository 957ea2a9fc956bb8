//! Alerts to Alertmanager.

mod alert;
mod builder;
mod labels;

use std::fmt;
use std::thread;
use std::time::Duration;

use prisma_log_core::support::Reporter;
use prisma_log_core::{Clock, Error};
use prisma_log_monitor::{Message, Notifier, NotifyError};

pub use builder::AlertmanagerNotifierBuilder;

use crate::http::Client;
use crate::template::Template;
use alert::push_alerts;

/// Posts the alerts of each message to one or several Alertmanagers.
///
/// ```no_run
/// use prisma_log_notify::AlertmanagerNotifier;
///
/// let notifier = AlertmanagerNotifier::builder(["http://am1:9093", "http://am2:9093"])
///     .label("team", "shop")
///     .annotation("runbook_url", "https://wiki.example.com/alerts/{{rule}}")
///     .build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Format
/// [API v2](https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml), `POST
/// /api/v2/alerts`: one alert for each of the message's.
///
/// | key | value |
/// | --- | --- |
/// | label `alertname`, `severity` | the rule, the severity |
/// | other labels | [those you set](AlertmanagerNotifierBuilder::label), those of the rule, the keys of the alert's group with their values. Characters other than letters, digits and `_` become `_`; a name that is taken gets `rule_` or `group_` before it, or a number behind it |
/// | annotation `summary`, `description`, `message`, `why`, `alert_id`, `count`, `samples` | the alert's line, the rule's description, the last message, what was reached, what they say |
/// | other annotations | [those you set](AlertmanagerNotifierBuilder::annotation) |
/// | `startsAt` | when the alert was last opened; the same as long as it is |
/// | `endsAt` | of a resolved alert when that was, of others a time in the future: now and the [validity](AlertmanagerNotifierBuilder::validity) |
/// | `generatorURL` | [what you set](AlertmanagerNotifierBuilder::generator_url) |
///
/// **Alertmanager ends an alert by itself** when its `endsAt` has passed. So while an alert is not
/// resolved, it must be sent again within the validity, a day by default: every message of the
/// alert's group does that, and reminders do it when nothing else happens. The policy's repeat
/// interval has to be shorter than the validity; `resolve_timeout` of Alertmanager has no part in
/// it, as there always is an `endsAt`.
///
/// An alert whose severity rose is another one for Alertmanager, as its labels differ: the one with
/// the lower severity is sent as resolved along with it.
///
/// # Delivery
/// A message is delivered when one of the Alertmanagers took it: each is sent to each of them, at the
/// same time, as members of a cluster don't pass alerts on. The same alert twice is one to them.
///
/// # Failure
/// As [`WebhookNotifier`](crate::WebhookNotifier) has it, when none took it; a temporary error of one
/// is a temporary error of all. One that failed while another took the message is told to the
/// [error handler](AlertmanagerNotifierBuilder::on_error).
///
/// # Cost
/// A request and a thread for each Alertmanager and message, on connections that are kept.
pub struct AlertmanagerNotifier {
    clients: Vec<Client>,
    form: Form,
    clock: Box<dyn Clock>,
    reporter: Reporter,
}

/// What alerts look like.
struct Form {
    labels: Vec<(String, String)>,
    annotations: Vec<(String, Template)>,
    generator_url: Option<String>,
    validity: Duration,
}

impl AlertmanagerNotifier {
    /// Sends to these Alertmanagers: addresses such as `http://alertmanager:9093`, with the path that
    /// stands before `/api/v2`, if there is one.
    pub fn builder(
        urls: impl IntoIterator<Item = impl Into<crate::Secret>>,
    ) -> AlertmanagerNotifierBuilder {
        AlertmanagerNotifierBuilder::new(urls.into_iter().map(Into::into).collect())
    }
}

impl Notifier for AlertmanagerNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        let now = self.clock.now();
        let mut body = String::new();
        push_alerts(message, &self.form, now, &mut body);
        let post = |client: &Client| client.post(body.as_bytes(), &[], now);
        let results: Vec<Result<(), NotifyError>> = match &*self.clients {
            [one] => vec![post(one)],
            all => thread::scope(|scope| {
                let posts: Vec<_> =
                    all.iter().map(|client| scope.spawn(move || post(client))).collect();
                let panicked = |_| Err(NotifyError::temporary(Error::state("a request panicked")));
                posts.into_iter().map(|post| post.join().unwrap_or_else(panicked)).collect()
            }),
        };
        let is_taken = results.iter().any(Result::is_ok);
        let mut failed: Option<NotifyError> = None;
        for error in results.into_iter().filter_map(Result::err) {
            if is_taken {
                self.reporter.report("alertmanager", &error.error);
            } else if failed.as_ref().is_none_or(|failed| is_nearer(&error, failed)) {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Whether an error gives more hope than another.
fn is_nearer(error: &NotifyError, than: &NotifyError) -> bool {
    let wait = |error: &NotifyError| error.retry_after.unwrap_or_default();
    match (error.is_temporary, than.is_temporary) {
        (true, true) => wait(error) < wait(than),
        (is_temporary, _) => is_temporary,
    }
}

impl fmt::Debug for AlertmanagerNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertmanagerNotifier")
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}
