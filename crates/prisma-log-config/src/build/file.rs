//! File sinks.

use prisma_log_core::{Error, Sink};
use prisma_log_file::FileSink;

use super::encoder::encoder;
use crate::config::Service;
use crate::sinks::FileConfig;

pub(super) fn build(settings: &FileConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    let mut builder = FileSink::builder(&settings.path)
        .encoder(encoder(settings.format, service)?)
        .max_backups(settings.max_backups);
    if let Some(bytes) = settings.max_file_bytes {
        builder = builder.max_file_bytes(bytes);
    }
    Ok(Box::new(builder.build()?))
}
