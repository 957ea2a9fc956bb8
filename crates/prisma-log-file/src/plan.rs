//! Rotation, retention and compression as they hold together for one file.

use std::path::Path;

use prisma_log_core::Error;

use crate::compression::Packing;
use crate::schedule::Schedule;
use crate::zone::Zone;
use crate::{Compression, Retention, Rotation};

/// Smallest limit that makes sense: below it, most records would get a file of their own.
const LEAST_FILE_BYTES: u64 = 1024;
/// What part of the total the current file may be where it has no limit of its own.
const PARTS: u64 = 8;

/// Settings that were checked against each other.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) max_bytes: Option<u64>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) zone: Zone,
    pub(crate) on_start: bool,
    /// Has a limit wherever the file is rotated.
    pub(crate) retention: Retention,
    pub(crate) packing: Option<Packing>,
}

impl Plan {
    /// Without a rotation, the file at `path` is rotated on demand only, or for `total_bytes`.
    ///
    /// # Errors
    /// When a setting makes no sense, alone or beside the others.
    pub(crate) fn new(
        path: &Path,
        rotation: Option<&Rotation>,
        retention: &Retention,
        compression: Compression,
    ) -> Result<Plan, Error> {
        let shown = path.display();
        let on_demand = Rotation::new();
        let settings = rotation.unwrap_or(&on_demand);
        if let Some(bytes) = settings.max_bytes.filter(|&bytes| bytes < LEAST_FILE_BYTES) {
            return Err(Error::config(format!(
                "max_bytes of {shown} is {bytes}, must be at least {LEAST_FILE_BYTES}"
            ))
            .with_hint("leave it unset for a file of any size"));
        }
        if let Some(total) = retention.total_bytes {
            let most = settings.max_bytes.unwrap_or(0).max(PARTS * LEAST_FILE_BYTES);
            if total < most {
                return Err(Error::config(format!(
                    "total_bytes of {shown} is {total}, must be at least {most}"
                ))
                .with_hint("the current file counts as well"));
            }
        }
        if retention.age.is_some_and(|age| age.is_zero()) {
            return Err(Error::config(format!("age of {shown} is zero, must be longer"))
                .with_hint("`archives(0)` keeps no archive"));
        }
        let zone = Zone::parse(&settings.zone)
            .map_err(|error| Error::config(format!("zone of {shown}")).with_source(error))?;
        let packing = compression.packing();
        if let Some(packing) = packing.filter(|packing| !packing.is_built_in()) {
            let feature = packing.feature();
            return Err(Error::config(format!(
                "cannot compress archives of {shown}: built without the feature {feature}"
            ))
            .with_hint(format!("add `features = [\"{feature}\"]` to the dependency")));
        }
        let max_bytes = settings.max_bytes.or(retention.total_bytes.map(|total| total / PARTS));
        let schedule = settings.every.as_ref().map(|every| Schedule::new(every, zone.clone()));
        let retention = match rotation {
            Some(_) => retention.clone().or_default(),
            None => retention.clone(),
        };
        Ok(Plan { max_bytes, schedule, zone, on_start: settings.on_start, retention, packing })
    }
}

#[cfg(test)]
mod tests;
