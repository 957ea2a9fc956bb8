//! From a target to the logger of that name.

use prisma_log_core::Level;
use prisma_log_pipeline::PipelineDrain;

use prisma_log_core::support::Table;

/// The loggers of all targets so far.
pub(crate) struct Loggers {
    /// Without a name: takes what any logger takes.
    root: PipelineDrain,
    named: Table<PipelineDrain>,
}

impl Loggers {
    /// Those of the drain's pipeline; the drain has no name.
    pub(crate) fn new(root: PipelineDrain) -> Self {
        Loggers { root, named: Table::new() }
    }

    /// Whether any sink would take a record of this level from this logger.
    #[inline]
    pub(crate) fn take(&self, target: &str, level: Level) -> bool {
        self.root.enabled(level) && self.with(target, |drain| drain.enabled(level))
    }

    /// Lends the drain of this name.
    #[inline]
    pub(crate) fn with<R>(&self, target: &str, f: impl FnOnce(&PipelineDrain) -> R) -> R {
        match self.named.get_or_keep(target, || self.root.named(target)) {
            Some(drain) => f(drain),
            None => f(&self.root.named_for_once(target)),
        }
    }
}
