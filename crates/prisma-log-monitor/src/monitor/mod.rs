//! The running monitor: files in, alerts out.

mod builder;
mod notification;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use prisma_log_core::Error;

pub use builder::MonitorBuilder;
pub use notification::{Notification, NotificationKind};
pub use report::{Progress, Report, RuleReport};

use crate::{Alert, AlertFilter, Store, default_rules};

/// Watches files on a thread of its own, until it is stopped or dropped.
///
/// # Examples
/// ```no_run
/// use prisma_log_monitor::Monitor;
///
/// let monitor = Monitor::with_default_rules("/var/log/prisma/app.log")
///     .on_alert(|a| println!("ALERT: {a}"))
///     .start()?;
/// // … the service runs …
/// let report = monitor.stop()?;
/// println!("{} lines, {} alerts", report.lines, report.raised);
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a monitor stops when it is dropped"]
pub struct Monitor {
    store: Store,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Report, Error>>>,
}

impl Monitor {
    /// Settings for watching one file by [`default_rules`].
    pub fn with_default_rules(file: impl Into<PathBuf>) -> MonitorBuilder {
        Monitor::builder().rules(default_rules()).file(file)
    }

    /// Settings without files and rules.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::new()
    }

    fn from_builder(_builder: MonitorBuilder) -> Result<Monitor, Error> {
        Err(Error::state("not there yet"))
    }

    /// Stops reading, waits for the thread and tells what it did.
    ///
    /// # Errors
    /// When the store could not be written at the end, or the thread panicked.
    pub fn stop(mut self) -> Result<Report, Error> {
        self.stop.store(true, Ordering::Release);
        self.join()
    }

    /// Waits until the monitor stops by itself, as [`MonitorBuilder::until_idle`] lets it.
    ///
    /// # Errors
    /// When the store could not be written at the end, or the thread panicked.
    pub fn wait(mut self) -> Result<Report, Error> {
        self.join()
    }

    /// Whether it has stopped by itself.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn join(&mut self) -> Result<Report, Error> {
        let Some(thread) = self.thread.take() else { return Ok(Report::default()) };
        thread.join().unwrap_or_else(|_| Err(Error::state("the monitor's thread panicked")))
    }

    /// All alerts that are kept, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn alerts(&self) -> Result<Vec<Alert>, Error> {
        self.store.list(&AlertFilter::all())
    }

    /// Takes note that `by` knows about an alert; returns it as it stands then.
    ///
    /// # Errors
    /// As [`Store::acknowledge`].
    pub fn acknowledge(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        self.store.acknowledge(id, by, note)
    }

    /// Ends an alert; returns it as it stands then.
    ///
    /// # Errors
    /// As [`Store::resolve`].
    pub fn resolve(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        self.store.resolve(id, by, note)
    }

    /// The store that the monitor works on.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.join();
    }
}
