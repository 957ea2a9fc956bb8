//! Settings of receivers to notifiers: calls the builders' setters.

#[cfg(feature = "notify-email")]
mod email;
#[cfg(not(feature = "notify-email"))]
#[path = "build/email_absent.rs"]
mod email;
#[cfg(feature = "notify-webhook")]
mod http;
#[cfg(not(feature = "notify-webhook"))]
#[path = "build/http_absent.rs"]
mod http;
#[cfg(all(feature = "notify", feature = "journald"))]
mod journald;
#[cfg(not(all(feature = "notify", feature = "journald")))]
#[path = "build/journald_absent.rs"]
mod journald;
#[cfg(feature = "notify")]
mod local;
#[cfg(not(feature = "notify"))]
#[path = "build/local_absent.rs"]
mod local;
#[cfg(all(feature = "notify", feature = "syslog"))]
mod syslog;
#[cfg(not(all(feature = "notify", feature = "syslog")))]
#[path = "build/syslog_absent.rs"]
mod syslog;

use prisma_log_core::Error;
use prisma_log_monitor::Notifier;

use super::{ReceiverKind, SecretText};

/// Gives the text of a secret.
type Reveal<'a> = &'a dyn Fn(&SecretText) -> Result<String, Error>;
type Built = Result<Box<dyn Notifier>, Error>;

pub(super) fn build(kind: &ReceiverKind, log: Option<slog::Logger>, reveal: Reveal<'_>) -> Built {
    match kind {
        ReceiverKind::Webhook(settings) => http::webhook(settings, reveal),
        ReceiverKind::Slack(url, options) => http::slack(url, options, reveal),
        ReceiverKind::Teams(url, options) => http::teams(url, options, reveal),
        ReceiverKind::Alertmanager(settings) => http::alertmanager(settings, reveal),
        ReceiverKind::Email(settings) => email::build(settings, reveal),
        ReceiverKind::Command(settings) => local::command(settings, reveal),
        ReceiverKind::Syslog(settings) => syslog::build(settings),
        ReceiverKind::Journald(settings) => journald::build(settings),
        ReceiverKind::Log => local::log(log),
    }
}

/// The program lacks a kind of receiver.
#[cfg(not(all(
    feature = "notify-webhook",
    feature = "notify-email",
    feature = "journald",
    feature = "syslog"
)))]
fn absent(kind: &str, feature: &str) -> Built {
    let error =
        Error::config(format!("this program was built without receivers of `type: {kind}`"));
    Err(error.with_hint(format!("turn on the feature `{feature}`")))
}
