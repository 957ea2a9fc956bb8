//! Receivers by mail.

use prisma_log_notify::{EmailNotifier, EmailSecurity};

use super::super::{EmailReceiver, EmailReceiverSecurity};
use super::{Built, Reveal};

pub(super) fn build(settings: &EmailReceiver, reveal: Reveal<'_>) -> Built {
    let mut builder = EmailNotifier::builder(&settings.server, &settings.from);
    for mailbox in &settings.to {
        builder = builder.to(mailbox);
    }
    for mailbox in &settings.cc {
        builder = builder.cc(mailbox);
    }
    if let Some(port) = settings.port {
        builder = builder.port(port);
    }
    if let Some(security) = settings.security {
        builder = builder.security(match security {
            EmailReceiverSecurity::Tls => EmailSecurity::Tls,
            EmailReceiverSecurity::StartTls => EmailSecurity::StartTls,
            EmailReceiverSecurity::None => EmailSecurity::None,
        });
    }
    if let Some((user, password)) = &settings.credentials {
        builder = builder.credentials(user, reveal(password)?);
    }
    if let Some(name) = &settings.hello_name {
        builder = builder.hello_name(name);
    }
    if let Some(path) = &settings.ca {
        builder = builder.ca_file(path);
    }
    if let Some(html) = settings.html {
        builder = builder.html(html);
    }
    if let Some(time) = settings.timeout {
        builder = builder.timeout(time);
    }
    Ok(Box::new(builder.build()?))
}
