//! journald sinks.

use prisma_log_core::{Error, Sink};
use prisma_log_journald::JournaldSink;

use super::service::known;
use crate::config::Service;
use crate::sinks::JournaldConfig;

pub(super) fn build(settings: &JournaldConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    Ok(Box::new(sink(settings, service)?))
}

pub(crate) fn sink(settings: &JournaldConfig, service: &Service) -> Result<JournaldSink, Error> {
    let mut builder = JournaldSink::builder().service(known(service));
    if let Some(path) = &settings.path {
        builder = builder.socket(path);
    }
    if let Some(identifier) = settings.identifier.as_ref().or(service.name.as_ref()) {
        builder = builder.identifier(identifier);
    }
    if let Some(prefix) = &settings.prefix {
        builder = builder.prefix(prefix);
    }
    builder.build()
}
