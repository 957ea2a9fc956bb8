//! SIGHUP as a request to read the configuration again, and to reopen what sinks have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prisma_log_core::Error;
use signal_hook::SigId;
use signal_hook::consts::SIGHUP;

/// Hears SIGHUP; handlers that were there before hear it too.
#[derive(Debug)]
pub(super) struct Hangups {
    heard: Arc<AtomicBool>,
    id: SigId,
}

impl Hangups {
    /// From now on SIGHUP does not end the process, also when this value is gone.
    pub(super) fn listen() -> Result<Self, Error> {
        let heard = Arc::new(AtomicBool::new(false));
        let id = signal_hook::flag::register(SIGHUP, Arc::clone(&heard))
            .map_err(|error| Error::io("cannot listen for SIGHUP", error))?;
        Ok(Hangups { heard, id })
    }

    /// Whether there was one since the last call.
    pub(super) fn take(&self) -> bool {
        self.heard.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Hangups {
    fn drop(&mut self) {
        signal_hook::low_level::unregister(self.id);
    }
}
