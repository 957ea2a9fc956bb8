//! What time will bring to an alert.

use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::Timestamp;

use crate::Alert;
use crate::engine::{DISORDER, is_quiet};

/// What is needed to see that it is time to do something about an alert.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    source: PathBuf,
    /// Since when it is quiet, and how long it takes to be over; `None` when it is.
    quiet: Option<(Timestamp, Duration)>,
    /// When it has calmed down, in event time, and how long that takes.
    calm: Option<(Timestamp, Duration)>,
    /// When its severity rises, by the wall clock.
    escalates_at: Option<Timestamp>,
}

impl Watch {
    pub(super) fn of(alert: &Alert) -> Self {
        let inner = &alert.inner;
        Watch {
            source: inner.quiet_source.clone(),
            quiet: (!alert.is_resolved()).then_some((inner.quiet_since, inner.resolve_after)),
            calm: alert.calm_at().map(|at| (at, inner.calm_after)),
            escalates_at: alert.escalates_at(),
        }
    }

    /// Whether there is anything to wait for.
    pub(super) fn is_needed(&self) -> bool {
        self.quiet.is_some() || self.calm.is_some()
    }

    /// Whether something is to be done, as far as is known without the store.
    pub(crate) fn is_due(
        &self,
        now_in: &dyn Fn(&Path) -> Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        self.is_quiet(now_in)
            || self.calm_by(now_in).is_some()
            || self.escalates_at.is_some_and(|at| at <= now)
    }

    /// Whether the quiet period has passed.
    pub(super) fn is_quiet(&self, now_in: &dyn Fn(&Path) -> Option<Timestamp>) -> bool {
        let Some((since, resolve_after)) = self.quiet else { return false };
        now_in(&self.source).is_some_and(|now| is_quiet(since, now, resolve_after))
    }

    /// When it has calmed down, if it has.
    pub(super) fn calm_by(&self, now_in: &dyn Fn(&Path) -> Option<Timestamp>) -> Option<Timestamp> {
        let (at, calm_after) = self.calm?;
        let now = now_in(&self.source)?;
        let another_era = DISORDER.max(calm_after).saturating_add(calm_after);
        (now >= at || at.saturating_since(now) > another_era).then_some(at)
    }
}
