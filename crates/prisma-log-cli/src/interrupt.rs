//! Ctrl-C and SIGTERM: end in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prisma_log_core::Error;

/// Whether the command was asked to end, by a signal or by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP ask for the end; one that comes more than a second
    /// later ends at once. (Within that time it is the same wish: `timeout` and others signal a
    /// process and then its group.)
    pub(crate) fn on_signals() -> Result<Self, Error> {
        let interrupt = Interrupt::default();
        let asked = interrupt.clone();
        let mut first = None;
        ctrlc::set_handler(move || {
            asked.ask();
            let first = *first.get_or_insert_with(Instant::now);
            if first.elapsed() > Duration::from_secs(1) {
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
