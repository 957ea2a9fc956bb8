//! Formats to encoders.

use prisma_log_core::{Encoder, Error};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};

use crate::config::Service;
use crate::sinks::Format;

pub(super) fn encoder(format: Format, service: &Service) -> Result<Box<dyn Encoder>, Error> {
    Ok(match format {
        Format::Text => Box::new(TextEncoder::new()),
        Format::Json => Box::new(JsonEncoder::new()),
        Format::Logfmt => Box::new(LogfmtEncoder::new()),
        Format::Ecs => {
            let mut builder = EcsEncoder::builder();
            if let Some(name) = &service.name {
                builder = builder.service_name(name.clone());
            }
            Box::new(builder.build()?)
        }
    })
}
