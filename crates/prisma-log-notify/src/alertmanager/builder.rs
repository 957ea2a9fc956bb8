//! What an Alertmanager notifier is built from.

use std::time::Duration;

use prisma_log_core::support::{ErrorHandler, Reporter};
use prisma_log_core::{Clock, Error, SystemClock};

use super::labels::{OURS, is_name};
use super::{AlertmanagerNotifier, Form};
use crate::Secret;
use crate::http::{Client, Endpoint, HttpOptions};
use crate::template::Template;

/// Builds an [`AlertmanagerNotifier`].
#[must_use = "nothing is sent before `build`"]
pub struct AlertmanagerNotifierBuilder {
    urls: Vec<Secret>,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    generator_url: Option<String>,
    validity: Duration,
    http: HttpOptions,
    clock: Box<dyn Clock>,
    on_error: Option<ErrorHandler>,
}

impl AlertmanagerNotifierBuilder {
    pub(super) fn new(urls: Vec<Secret>) -> Self {
        AlertmanagerNotifierBuilder {
            urls,
            labels: Vec::new(),
            annotations: Vec::new(),
            generator_url: None,
            validity: Duration::from_secs(24 * 3600),
            http: HttpOptions::new(),
            clock: Box::new(SystemClock),
            on_error: None,
        }
    }

    /// Adds a label to all alerts: letters, digits and `_`, no digit first; not `alertname` and not
    /// `severity`.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// Adds an annotation to all alerts, with placeholders that stand for what is known of the single
    /// alert: `{{rule}}`, `{{severity}}`, ….
    pub fn annotation(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.annotations.push((name.into(), text.into()));
        self
    }

    /// Where people find out more about the alerts: what Alertmanager calls their source.
    pub fn generator_url(mut self, url: impl Into<String>) -> Self {
        self.generator_url = Some(url.into());
        self
    }

    /// How long Alertmanager keeps an alert that nobody tells it about again, from 1 minute to 30
    /// days; by default a day. The policy's repeat interval has to be shorter.
    pub fn validity(mut self, time: Duration) -> Self {
        self.validity = time;
        self
    }

    /// How the Alertmanagers are reached.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Where the present time comes from; by default the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Called when one of several Alertmanagers did not take what another one took. It goes to stderr
    /// as well, at most one line a second.
    pub fn on_error(mut self, handler: impl Fn(&str, &Error) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Box::new(handler));
        self
    }

    /// The notifier. Nothing is sent yet.
    ///
    /// # Errors
    /// When there is no address or more than 16, one is none, a label or annotation has no valid or a
    /// taken name, or a setting is out of its range.
    pub fn build(self) -> Result<AlertmanagerNotifier, Error> {
        if !(1..=16).contains(&self.urls.len()) {
            return Err(Error::config(format!("{} Alertmanagers are set", self.urls.len()))
                .with_hint("name 1 to 16"));
        }
        let clients = self.urls.iter().map(|url| {
            let endpoint = Endpoint::below(url, "api/v2/alerts", "address of an Alertmanager")?;
            Client::new(endpoint, &self.http, &[])
        });
        let clients = clients.collect::<Result<Vec<_>, _>>()?;
        check_names("label", &self.labels, &OURS)?;
        check_names("annotation", &self.annotations, &super::alert::ANNOTATIONS)?;
        let annotations = self.annotations.into_iter().map(|(name, text)| {
            let template = Template::new(&text, &format!("annotation {name}"))?;
            Ok((name, template))
        });
        let annotations = annotations.collect::<Result<Vec<_>, Error>>()?;
        if let Some(url) = &self.generator_url {
            Endpoint::new(&Secret::from(url.as_str()), "generator URL")?;
        }
        if !(Duration::from_secs(60)..=Duration::from_secs(30 * 86_400)).contains(&self.validity) {
            let error = Error::config(format!("invalid validity of {:?}", self.validity));
            return Err(error.with_hint("use 1 minute to 30 days"));
        }
        Ok(AlertmanagerNotifier {
            clients,
            form: Form {
                labels: self.labels,
                annotations,
                generator_url: self.generator_url,
                validity: self.validity,
            },
            clock: self.clock,
            reporter: Reporter::new(self.on_error),
        })
    }
}

fn check_names(what: &str, pairs: &[(String, String)], ours: &[&str]) -> Result<(), Error> {
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !is_name(name) {
            return Err(Error::config(format!("invalid {what} {name:?}"))
                .with_hint("letters, digits and `_`, no digit first"));
        }
        let before = pairs.get(..index).unwrap_or_default();
        if ours.contains(&name.as_str()) || before.iter().any(|(known, _)| known == name) {
            return Err(Error::config(format!("{what} {name} is there already")));
        }
    }
    Ok(())
}

impl std::fmt::Debug for AlertmanagerNotifierBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertmanagerNotifierBuilder")
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
