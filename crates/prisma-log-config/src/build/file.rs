//! File sinks.

use std::time::Duration;

use prisma_log_core::{Error, Sink};
use prisma_log_file::{Compression, Every, FileSink, Retention, Rotation, Sync};

use super::encoder::encoder;
use crate::config::Service;
use crate::sinks::{Compress, FileConfig, KeepConfig, RotateConfig, SyncConfig};

pub(super) fn build(settings: &FileConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    let mut builder = FileSink::builder(&settings.path)
        .encoder(encoder(settings.format, service)?)
        .rotation(rotation(&settings.rotate)?)
        .retention(retention(&settings.keep))
        .compression(match settings.compress {
            Compress::None => Compression::None,
            Compress::Gzip => Compression::Gzip,
            Compress::Zstd => Compression::Zstd,
        })
        .sync(sync(&settings.sync))
        .sync_on_flush(settings.sync.on_flush)
        .mode(settings.mode);
    if let Some(link) = &settings.link {
        builder = builder.current_link(link);
    }
    if let Some(keep) = settings.keep.when_full {
        builder = builder.delete_when_full(keep);
    }
    Ok(Box::new(builder.build()?))
}

fn rotation(settings: &RotateConfig) -> Result<Rotation, Error> {
    let mut rotation = Rotation::new().zone(&settings.zone).on_start(settings.on_start);
    if let Some(bytes) = settings.max_bytes {
        rotation = rotation.max_bytes(bytes);
    }
    if let Some(every) = &settings.every {
        rotation = rotation.every(every.parse()?);
    }
    Ok(rotation)
}

fn retention(settings: &KeepConfig) -> Retention {
    let mut retention = Retention::new();
    if let Some(count) = settings.count {
        retention = retention.archives(count);
    }
    if let Some(age) = settings.age {
        retention = retention.age(age);
    }
    if let Some(bytes) = settings.total_bytes {
        retention = retention.total_bytes(bytes);
    }
    if let Some(bytes) = settings.free_bytes {
        retention = retention.free_space(bytes);
    }
    retention
}

/// How long records wait for others, where only their number is limited.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

fn sync(settings: &SyncConfig) -> Sync {
    match (settings.every, settings.records) {
        (None, None) => Sync::PageCache,
        (every, records) => Sync::Every {
            interval: every.unwrap_or(DEFAULT_INTERVAL),
            records: records.unwrap_or(u64::MAX),
        },
    }
}

/// Whether a file can be rotated so.
pub(crate) fn check_every(text: &str) -> Result<(), Error> {
    text.parse::<Every>().map(drop)
}

/// Whether there is such a zone.
pub(crate) fn check_zone(name: &str) -> Result<(), Error> {
    Rotation::new().zone(name).check()
}
