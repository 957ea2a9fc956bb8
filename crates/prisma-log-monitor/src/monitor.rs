//! The running monitor: files in, alerts out.

mod backoff;
mod builder;
mod current;
mod deliver;
mod dispatch;
mod intake;
mod mail;
mod notification;
mod repeat;
mod report;
mod signal;
mod sink;
mod sources;
mod tell;
#[cfg_attr(not(target_os = "linux"), path = "monitor/unwatched.rs")]
mod watcher;
mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prisma_log_core::{Clock, Error};
use prisma_log_tail::Tail;

pub use builder::MonitorBuilder;
pub use notification::{Notification, NotificationKind};
pub use report::{Progress, Report, RuleReport};
pub use sink::MonitorSink;

use crate::store::lock;
use crate::{Alert, AlertFilter, Engine, Policy, Rule, Store, default_rules};
use current::Current;
use dispatch::Dispatch;
use intake::SharedIntake;
use signal::Signal;
use sources::Sources;
use tell::Teller;
use worker::{Parts, Worker};

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
#[must_use = "a monitor stops when it is dropped"]
pub struct Monitor {
    store: Store,
    intake: SharedIntake,
    clock: Arc<dyn Clock>,
    current: Current,
    signal: Arc<Signal>,
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

    fn from_builder(builder: MonitorBuilder) -> Result<Monitor, Error> {
        if builder.rules.is_empty() {
            return Err(Error::config("the monitor has no rules"));
        }
        let mut engine = Engine::new(builder.rules)?
            .with_clock(Arc::clone(&builder.clock))
            .with_joiner(builder.joiner.clone());
        let has_files = !builder.files.is_empty() || !builder.globs.is_empty();
        let has_others = !builder.others.is_empty() || builder.journal.is_some() || builder.is_fed;
        let mut tail = Tail::builder().from_start(builder.from_start);
        if let Some(joiner) = &builder.joiner {
            tail = tail.join(joiner.clone());
        }
        for file in builder.files {
            tail = tail.file(file);
        }
        for glob in builder.globs {
            tail = tail.glob(glob);
        }
        let (store, lock) = match builder.store {
            Some(path) => {
                let store = Store::open(&path)?;
                // No two monitors count the same lines into one store.
                (store, Some(lock(&path, Duration::ZERO)?))
            }
            None => (Store::in_memory()?, None),
        };
        let store = store.with_clock(Arc::clone(&builder.clock));
        let saved = store.load(&mut engine)?;
        let mut sources = Sources::default();
        if has_files || !has_others {
            // Without any source, this says so.
            let tail = tail.checkpoints(saved.checkpoints.iter().cloned()).build()?;
            sources.files(tail);
        }
        if let Some(journal) = builder.journal {
            sources.push(Box::new(journal.checkpoints(saved.checkpoints).build()?));
        }
        for source in builder.others {
            sources.push(source);
        }
        let current = Current::new(builder.policy, dispatch::names_of(&builder.receivers)?)?;
        let dispatch = Dispatch::start(&store, &current, builder.receivers, &builder.clock)?;
        let intake = SharedIntake::new(engine);
        let clock = Arc::clone(&builder.clock);
        let signal = Arc::<Signal>::default();
        let worker = Worker::new(Parts {
            sources,
            intake: intake.clone(),
            store: store.clone(),
            clock: builder.clock,
            teller: Teller::new(builder.handlers),
            until_idle: builder.until_idle,
            signal: Arc::clone(&signal),
            current: current.clone(),
            dispatch,
            watched: saved.watched,
        });
        let run = move || {
            let report = worker.run(&saved.news);
            drop(lock);
            report
        };
        let thread = thread::Builder::new()
            .name("prisma-monitor".into())
            .spawn(run)
            .map_err(|error| Error::io("cannot start the monitor's thread", error))?;
        Ok(Monitor { store, intake, clock, current, signal, thread: Some(thread) })
    }

    /// Stops reading, waits for the thread and tells what it did.
    ///
    /// # Errors
    /// When the store could not be written at the end, when it was deleted meanwhile, or when the
    /// thread panicked.
    pub fn stop(mut self) -> Result<Report, Error> {
        self.signal.stop();
        self.join()
    }

    /// Waits until the monitor stops by itself: when it is idle, as [`MonitorBuilder::until_idle`]
    /// lets it, or when its store is deleted.
    ///
    /// # Errors
    /// As [`Monitor::stop`].
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

    /// Goes on with other rules, from the next line on. Windows are kept of rules whose name, kind and
    /// `group_by` stay as they were; alerts stay, whatever becomes of their rules.
    ///
    /// # Errors
    /// When there is no rule, two have the same name, or all patterns together are too large; the
    /// rules stay as they were then.
    pub fn reload(&self, rules: impl IntoIterator<Item = Rule>) -> Result<(), Error> {
        let engine = Engine::new(rules)?.with_clock(Arc::clone(&self.clock));
        if engine.rules().is_empty() {
            return Err(Error::config("the monitor has no rules"));
        }
        self.intake.lock().exchange(engine);
        self.signal.wake();
        Ok(())
    }

    /// Goes on with another policy, within about a second. What receivers were told stays known; news
    /// that waits goes where the new routes lead it.
    ///
    /// # Errors
    /// When a route leads to a receiver that is not there; the policy stays as it was then.
    pub fn reload_policy(&self, policy: Policy) -> Result<(), Error> {
        self.current.exchange(policy)
    }

    /// A sink that gives the monitor the records of this process, besides what it reads from files;
    /// several may be made.
    pub fn sink(&self) -> MonitorSink {
        MonitorSink::new(self.intake.clone(), Arc::clone(&self.signal))
    }

    /// The store that the monitor works on.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.signal.stop();
        let _ = self.join();
    }
}
