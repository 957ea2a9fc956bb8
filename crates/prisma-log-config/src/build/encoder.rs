//! Formats to encoders.

use prisma_log_core::{Encoder, Error};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};

use crate::config::Service;
use crate::sinks::Format;

pub(super) fn encoder(format: Format, service: &Service) -> Result<Box<dyn Encoder>, Error> {
    let service = known(service);
    Ok(match format {
        Format::Text => Box::new(TextEncoder::new()),
        Format::Json => Box::new(JsonEncoder::builder().service(service).build()?),
        Format::Logfmt => Box::new(LogfmtEncoder::builder().service(service).build()?),
        Format::Ecs => Box::new(EcsEncoder::builder().service(service).build()?),
    })
}

fn known(service: &Service) -> prisma_log_format::Service {
    let mut known = prisma_log_format::Service::new();
    if let Some(name) = &service.name {
        known = known.name(name);
    }
    if let Some(version) = &service.version {
        known = known.version(version);
    }
    if let Some(environment) = &service.environment {
        known = known.environment(environment);
    }
    known
}
