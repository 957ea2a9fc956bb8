//! Web hooks, Alertmanager, and mail.

use std::path::PathBuf;
use std::time::Duration;

use super::http::ReceiverHttp;
use super::secret::SecretText;
use crate::rules::matching::texts;
use crate::scalars::{Number, Size, words};
use crate::section::Section;
use crate::sinks::pairs;

/// A receiver of `type: webhook`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WebhookReceiver {
    /// Where messages are posted.
    pub url: SecretText,
    /// The body, JSON with placeholders; by default the message's own JSON.
    pub template: Option<String>,
    /// Secrets that requests are signed with, for each a signature.
    pub signing_secrets: Vec<SecretText>,
    /// Largest body; 1 MiB by default.
    pub max_body_bytes: Option<u64>,
    /// How the server is reached.
    pub http: ReceiverHttp,
}

impl WebhookReceiver {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let url = SecretText::required(section, "url");
        let template = section.optional("template");
        let signing_secrets = SecretText::list(section, "signing_secret");
        let max = section.optional::<Size<{ 1 << 10 }, { 64 << 20 }>>("max_body");
        let http = ReceiverHttp::read(section);
        let max_body_bytes = max.map(|Size(bytes)| bytes);
        Some(WebhookReceiver { url: url?, template, signing_secrets, max_body_bytes, http })
    }
}

/// A receiver of `type: alertmanager`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertmanagerReceiver {
    /// The Alertmanagers' addresses; all of them are told.
    pub urls: Vec<SecretText>,
    /// Labels of all alerts, besides their own.
    pub labels: Vec<(String, String)>,
    /// Annotations, which may have placeholders.
    pub annotations: Vec<(String, String)>,
    /// What an alert's link leads to.
    pub generator_url: Option<String>,
    /// How long Alertmanager takes an alert for firing that it hears nothing more of.
    pub validity: Option<Duration>,
    /// How the servers are reached.
    pub http: ReceiverHttp,
}

impl AlertmanagerReceiver {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let urls = match section.is_missing("url") {
            true => SecretText::required(section, "url").into_iter().collect(),
            false => SecretText::list(section, "url"),
        };
        let labels = pairs(section, "labels", false);
        let annotations = pairs(section, "annotations", false);
        let generator_url = section.optional("generator_url");
        let validity = section.optional("validity");
        let http = ReceiverHttp::read(section);
        let receiver =
            AlertmanagerReceiver { urls, labels, annotations, generator_url, validity, http };
        (!receiver.urls.is_empty()).then_some(receiver)
    }
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailReceiverSecurity {
    /// Encrypted from the beginning, port 465.
    Tls,
    /// Encrypted by STARTTLS, port 587.
    StartTls,
    /// Not encrypted, port 25.
    None,
}
words!(
    EmailReceiverSecurity,
    "tls, starttls or none",
    Tls = "tls",
    StartTls = "starttls",
    None = "none"
);

/// A receiver of `type: email`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EmailReceiver {
    /// The mail server.
    pub server: String,
    /// The sender.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Recipients of copies.
    pub cc: Vec<String>,
    /// The server's port; by default as `security` has it.
    pub port: Option<u16>,
    /// [`EmailReceiverSecurity::Tls`] by default.
    pub security: Option<EmailReceiverSecurity>,
    /// Name and password.
    pub credentials: Option<(String, SecretText)>,
    /// What we call ourselves.
    pub hello_name: Option<String>,
    /// Whom to trust; by default whom the system trusts.
    pub ca: Option<PathBuf>,
    /// Whether the mail has its text in HTML, too.
    pub html: Option<bool>,
    /// How long it may take; 20 s by default.
    pub timeout: Option<Duration>,
}

impl EmailReceiver {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let server = section.required::<String>("server");
        let from = section.required::<String>("from");
        let all = |section: &mut Section<'_>, key| -> Vec<String> {
            texts(section, key).into_iter().map(|(_, text)| text).collect()
        };
        let to = all(section, "to");
        if section.is_missing("to") {
            let error = section.error(format!("`{}` is missing", section.path_of("to")));
            section.report().error(error.with_hint("expected a mailbox such as ops@example.com"));
        }
        let cc = all(section, "cc");
        let user = section.optional::<String>("user");
        let password = SecretText::optional(section, "password");
        if user.is_some() != password.is_some() {
            let message = "`user` and `password` belong together, one of them is missing";
            section.report().error(section.error_at_one_of(&["user", "password"], message));
        }
        let port = section.optional::<Number<1, 65_535>>("port");
        let receiver = EmailReceiver {
            server: server.unwrap_or_default(),
            from: from.unwrap_or_default(),
            to,
            cc,
            port: port.map(|Number(port)| port as u16),
            security: section.optional("security"),
            credentials: user.zip(password),
            hello_name: section.optional("hello_name"),
            ca: section.optional("ca"),
            html: section.optional("html"),
            timeout: section.optional("timeout"),
        };
        let has_all = !receiver.server.is_empty() && !receiver.from.is_empty();
        (has_all && !receiver.to.is_empty()).then_some(receiver)
    }
}
