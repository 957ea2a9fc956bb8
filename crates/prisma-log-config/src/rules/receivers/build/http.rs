//! Receivers that are reached over HTTP.

use prisma_log_core::Error;
use prisma_log_notify::{
    AlertmanagerNotifier, HttpOptions, SlackNotifier, TeamsNotifier, WebhookNotifier,
};

use super::super::{AlertmanagerReceiver, ReceiverHttp, SecretText, WebhookReceiver};
use super::{Built, Reveal};

pub(super) fn webhook(settings: &WebhookReceiver, reveal: Reveal<'_>) -> Built {
    let mut builder =
        WebhookNotifier::builder(reveal(&settings.url)?).http(options(&settings.http, reveal)?);
    if let Some(template) = &settings.template {
        builder = builder.template(template);
    }
    for secret in &settings.signing_secrets {
        builder = builder.signing_secret(reveal(secret)?);
    }
    if let Some(bytes) = settings.max_body_bytes {
        builder = builder.max_body_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    Ok(Box::new(builder.build()?))
}

pub(super) fn slack(url: &SecretText, http: &ReceiverHttp, reveal: Reveal<'_>) -> Built {
    let builder = SlackNotifier::builder(reveal(url)?).http(options(http, reveal)?);
    Ok(Box::new(builder.build()?))
}

pub(super) fn teams(url: &SecretText, http: &ReceiverHttp, reveal: Reveal<'_>) -> Built {
    let builder = TeamsNotifier::builder(reveal(url)?).http(options(http, reveal)?);
    Ok(Box::new(builder.build()?))
}

pub(super) fn alertmanager(settings: &AlertmanagerReceiver, reveal: Reveal<'_>) -> Built {
    let urls: Vec<String> = settings.urls.iter().map(reveal).collect::<Result<_, Error>>()?;
    let mut builder = AlertmanagerNotifier::builder(urls).http(options(&settings.http, reveal)?);
    for (name, value) in &settings.labels {
        builder = builder.label(name, value);
    }
    for (name, text) in &settings.annotations {
        builder = builder.annotation(name, text);
    }
    if let Some(url) = &settings.generator_url {
        builder = builder.generator_url(url);
    }
    if let Some(time) = settings.validity {
        builder = builder.validity(time);
    }
    Ok(Box::new(builder.build()?))
}

fn options(settings: &ReceiverHttp, reveal: Reveal<'_>) -> Result<HttpOptions, Error> {
    let mut options = HttpOptions::new();
    if let Some(time) = settings.timeout {
        options = options.timeout(time);
    }
    for (name, value) in &settings.headers {
        options = options.header(name, reveal(value)?);
    }
    if let Some(token) = &settings.bearer {
        options = options.bearer(reveal(token)?);
    }
    if let Some((user, password)) = &settings.basic {
        options = options.basic(user, reveal(password)?);
    }
    if let Some(path) = &settings.tls.ca {
        options = options.ca_file(path);
    }
    if let (Some(certificate), Some(key)) = (&settings.tls.cert, &settings.tls.key) {
        options = options.identity(certificate, key);
    }
    if let Some(proxy) = settings.proxy {
        options = options.proxy_from_env(proxy);
    }
    Ok(options)
}
