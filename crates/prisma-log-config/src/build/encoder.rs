//! Formats to encoders.

use prisma_log_core::{Encoder, Error};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};

use super::service::known;
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
