//! Ctrl-C and SIGTERM: end in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prisma_log_core::Error;

/// Whether the command was asked to end, by a signal or by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP ask for the end; a second one ends at once.
    pub(crate) fn on_signals() -> Result<Self, Error> {
        let interrupt = Interrupt::default();
        let asked = interrupt.clone();
        ctrlc::set_handler(move || {
            if asked.0.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        })
        .map_err(|error| Error::state("cannot listen for signals").with_source(error))?;
        Ok(interrupt)
    }

    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
