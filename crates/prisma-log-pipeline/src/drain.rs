//! The front end: what loggers hand their records to.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::Level;
use slog::{Drain, FlushError, Never, OwnedKVList};

use crate::apart::Task;
use crate::emergency::Emergency;
use crate::levels::Name;
use crate::local::with_local;
use crate::shared::Shared;

/// How long [`slog::Drain::flush`] waits at most.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// Takes records into a [`Pipeline`](crate::Pipeline)'s queue: a handle, to put under loggers.
///
/// A record's logger name is the one given by [`PipelineDrain::named`], else the module path of the
/// call. Clones are cheap. A handle stays good after its pipeline was dropped: calls then write
/// their records themselves, before they return.
#[derive(Clone)]
pub struct PipelineDrain {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: Arc<Name>,
}

// What a panicking value leaves behind is contained within the call.
impl UnwindSafe for PipelineDrain {}
impl RefUnwindSafe for PipelineDrain {}

impl PipelineDrain {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let name = shared.levels.name("");
        PipelineDrain { shared, name }
    }

    /// The same pipeline under a fixed logger name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        PipelineDrain { shared: Arc::clone(&self.shared), name: self.shared.levels.name(name) }
    }

    /// The same pipeline under a logger name that is needed for a record only, such as one of very
    /// many: nothing is kept of it, and changes of levels do not reach the handle.
    #[must_use]
    pub fn named_for_once(&self, name: &str) -> Self {
        let name = self.shared.levels.name_for_once(name);
        PipelineDrain { shared: Arc::clone(&self.shared), name }
    }

    /// Whether any sink would take a record of this level from this logger; a few instructions.
    #[inline]
    pub fn enabled(&self, level: Level) -> bool {
        self.name.takes(level.into())
    }

    /// A way to log from a signal handler.
    pub fn emergency(&self) -> Emergency {
        Emergency::new(Arc::clone(&self.shared))
    }
}

impl Drain for PipelineDrain {
    type Ok = ();
    type Err = Never;

    #[inline]
    fn log(&self, record: &slog::Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if !self.name.takes(record.level()) {
            return Ok(());
        }
        if self.name.by_module()
            && !self.shared.levels.takes(record.module(), record.level().into())
        {
            return Ok(());
        }
        self.shared.log(&self.name, record, values);
        Ok(())
    }

    #[inline]
    fn is_enabled(&self, level: slog::Level) -> bool {
        let taken = self.name.takes(level);
        if taken {
            // For `quick`, which has no other way to a logger's drain.
            with_local(|local| local.drain.set(self));
        }
        taken
    }

    /// Waits until everything logged so far has been written, five seconds at most.
    fn flush(&self) -> Result<(), FlushError> {
        let engine = self.shared.engine.after_fork(&self.shared);
        let deadline = Instant::now() + FLUSH_DEADLINE;
        let flushed = engine.fulfil(&self.shared, Task::Flush, deadline, false);
        let failed = flushed.errors.iter().flatten().next();
        match failed {
            Some(error) => Err(std::io::Error::other(error.to_string()).into()),
            None if flushed.complete => Ok(()),
            None => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}

impl fmt::Debug for PipelineDrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineDrain").field("name", &self.name.text).finish_non_exhaustive()
    }
}
