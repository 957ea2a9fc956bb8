//! How services are set up.

use crate::model_tests::ledger::Limits;
use crate::schedule::Schedule;
use crate::zone::Zone;
use crate::{Compression, Retention, Rotation, Sync};

/// How the services of a case are set up.
#[derive(Clone, Debug)]
pub(in super::super) struct Setup {
    pub(in super::super) rotation: Option<Rotation>,
    pub(in super::super) retention: Retention,
    pub(in super::super) compression: Compression,
    pub(in super::super) sync: Sync,
    pub(in super::super) sync_on_flush: bool,
    pub(in super::super) link: bool,
    pub(in super::super) when_full: Option<usize>,
}

impl Setup {
    pub(in super::super) fn plain() -> Setup {
        Setup {
            rotation: None,
            retention: Retention::new(),
            compression: Compression::None,
            sync: Sync::PageCache,
            sync_on_flush: false,
            link: false,
            when_full: None,
        }
    }

    pub(in super::super) fn limits(&self, batch: u64) -> Limits {
        let retention = match self.rotation {
            Some(_) => self.retention.clone().or_default(),
            None => self.retention.clone(),
        };
        Limits {
            archives: retention.archives,
            age: retention.age.map(|age| age.as_secs()),
            total_bytes: retention.total_bytes,
            free_space: retention.free_space,
            when_full: self.when_full,
            batch,
        }
    }

    /// Whether a sink looks after archives at all.
    pub(in super::super) fn tidies_up(&self) -> bool {
        let keeps = self.rotation.is_some() || self.retention != Retention::new();
        keeps || self.compression != Compression::None
    }

    pub(in super::super) fn schedule(&self) -> Option<Schedule> {
        let rotation = self.rotation.as_ref()?;
        let zone = Zone::parse(&rotation.zone).ok()?;
        rotation.every.as_ref().map(|every| Schedule::new(every, zone))
    }

    pub(super) fn syncs(&self) -> bool {
        self.sync_on_flush || self.sync != Sync::PageCache
    }
}
