//! Who is told of alerts: `receivers`, by name.

mod build;
mod http;
mod programs;
mod secret;
mod servers;

use prisma_log_core::{Error, Place};
use prisma_log_monitor::Notifier;

pub use http::ReceiverHttp;
pub use programs::CommandReceiver;
pub use secret::SecretText;
pub use servers::{AlertmanagerReceiver, EmailReceiver, EmailReceiverSecurity, WebhookReceiver};

use crate::hint;
use crate::section::Section;
use crate::sinks::{JournaldConfig, SyslogConfig};
use crate::tree::Item;

/// One receiver of alerts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// The receiver's name, its key in the file: what routes call it.
    pub name: String,
    /// What the receiver is.
    pub kind: ReceiverKind,
    place: Option<Place>,
}

/// What a receiver is: its `type`, with the settings that belong to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReceiverKind {
    /// `type: webhook`
    Webhook(WebhookReceiver),
    /// `type: slack`
    Slack(SecretText, ReceiverHttp),
    /// `type: teams`
    Teams(SecretText, ReceiverHttp),
    /// `type: alertmanager`
    Alertmanager(AlertmanagerReceiver),
    /// `type: email`
    Email(EmailReceiver),
    /// `type: command`
    Command(CommandReceiver),
    /// `type: syslog`
    Syslog(SyslogConfig),
    /// `type: journald`
    Journald(JournaldConfig),
    /// `type: log`
    Log,
}

const TYPES: [&str; 9] =
    ["webhook", "slack", "teams", "alertmanager", "email", "command", "syslog", "journald", "log"];

impl ReceiverConfig {
    /// Makes the notifier; secrets are read now. `log` is where a receiver of `type: log` writes.
    ///
    /// # Errors
    /// When a variable or file of a secret is missing, when a setting is wrong, when the program was
    /// built without the receiver's type, or has no logger for one of `type: log`.
    pub fn build(&self, log: Option<slog::Logger>) -> Result<Box<dyn Notifier>, Error> {
        build::build(&self.kind, log, &SecretText::resolve).map_err(|error| match &self.place {
            Some(place) if error.place().is_none() => error.at(place.clone()),
            _ => error,
        })
    }
}

/// Reads the map of receivers; one that is null is none.
pub(super) fn read(file: &mut Section<'_>) -> Vec<ReceiverConfig> {
    let items = file.map_under("receivers").map(|map| map.items.as_slice()).unwrap_or_default();
    let items = items.iter().filter(|item| !item.node.is_null());
    items.filter_map(|item| read_one(file, item)).collect()
}

/// The names under `receivers`, also of those that have a mistake.
pub(super) fn names(file: &mut Section<'_>) -> Vec<String> {
    let items = file.node("receivers").and_then(|node| node.map()).map(|map| map.items.as_slice());
    items.unwrap_or_default().iter().map(|item| item.key.clone()).collect()
}

fn read_one(file: &Section<'_>, item: &Item) -> Option<ReceiverConfig> {
    let report = file.report();
    let path = format!("receivers.{}", item.key);
    if item.key.is_empty() || item.key.len() > 64 || item.key.chars().any(char::is_control) {
        report.error(item.error(format!("`{}` can't be the name of a receiver", item.key)));
    }
    let mut section = Section::new(report, &path, Some(&item.node));
    item.node.map()?;
    let Some(word) = section.node("type") else {
        let error = item.error(format!("`{path}.type` is missing"));
        report.error(error.with_hint(format!("types: {}", hint::list(&TYPES))));
        return None;
    };
    let kind = match word.scalar().unwrap_or_default() {
        "webhook" => WebhookReceiver::read(&mut section).map(ReceiverKind::Webhook),
        "slack" => http::chat(&mut section).map(|(url, http)| ReceiverKind::Slack(url, http)),
        "teams" => http::chat(&mut section).map(|(url, http)| ReceiverKind::Teams(url, http)),
        "alertmanager" => AlertmanagerReceiver::read(&mut section).map(ReceiverKind::Alertmanager),
        "email" => EmailReceiver::read(&mut section).map(ReceiverKind::Email),
        "command" => CommandReceiver::read(&mut section).map(ReceiverKind::Command),
        "syslog" => SyslogConfig::read(&mut section).map(ReceiverKind::Syslog),
        "journald" => Some(ReceiverKind::Journald(JournaldConfig::read(&mut section))),
        "log" => Some(ReceiverKind::Log),
        other => {
            let error = word.error(format!("there is no receiver type `{other}`"));
            report.error(error.with_hint(hint::for_word(other, "types", &TYPES)));
            return None;
        }
    };
    section.finish();
    let kind = kind?;
    // What its builder refuses is found now, whatever the secrets are.
    match build::build(&kind, None, &|secret| Ok(secret.stand_in())) {
        Err(error) if error.is_config() && kind != ReceiverKind::Log => {
            let placed = item.node.error(error.message());
            report.error(match error.hint() {
                Some(hint) => placed.with_hint(hint),
                None => placed,
            });
        }
        _ => {}
    }
    let place = item.key_origin.place();
    Some(ReceiverConfig { name: item.key.clone(), kind, place })
}
