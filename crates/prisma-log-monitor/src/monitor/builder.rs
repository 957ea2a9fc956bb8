//! Settings of a monitor.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Clock, Error, SystemClock};
use prisma_log_tail::{Joiner, JournalSourceBuilder, LineSource};

use super::dispatch::Receiver;
use super::{Monitor, Notification, Progress};
use crate::{Notifier, Policy, Rule};

type Handler<T> = Box<dyn FnMut(&T) + Send>;

/// Collects a monitor's settings.
#[must_use = "nothing is watched until `start`"]
pub struct MonitorBuilder {
    pub(super) rules: Vec<Rule>,
    pub(super) files: Vec<PathBuf>,
    pub(super) globs: Vec<String>,
    pub(super) others: Vec<Box<dyn LineSource>>,
    pub(super) journal: Option<JournalSourceBuilder>,
    pub(super) joiner: Option<Joiner>,
    /// Whether records of the process are all that there may be.
    pub(super) is_fed: bool,
    pub(super) store: Option<PathBuf>,
    pub(super) from_start: bool,
    pub(super) until_idle: Option<Duration>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) handlers: Handlers,
    pub(super) policy: Policy,
    pub(super) receivers: Vec<Receiver>,
}

#[derive(Default)]
pub(super) struct Handlers {
    pub(super) alert: Option<Handler<Notification>>,
    pub(super) resolved: Option<Handler<Notification>>,
    pub(super) error: Option<Handler<Error>>,
    pub(super) progress: Option<Handler<Progress>>,
}

impl MonitorBuilder {
    pub(super) fn new() -> Self {
        MonitorBuilder {
            rules: Vec::new(),
            files: Vec::new(),
            globs: Vec::new(),
            others: Vec::new(),
            journal: None,
            joiner: None,
            is_fed: false,
            store: None,
            from_start: false,
            until_idle: None,
            clock: Arc::new(SystemClock),
            handlers: Handlers::default(),
            policy: Policy::default(),
            receivers: Vec::new(),
        }
    }

    /// The rules, in place of those before; names must differ.
    pub fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules = rules.into_iter().collect();
        self
    }

    /// Follows a file, across rotation and truncation. It need not exist yet.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Follows every file that the pattern matches, now or later.
    pub fn glob(mut self, pattern: impl Into<String>) -> Self {
        self.globs.push(pattern.into());
        self
    }

    /// Reads lines from somewhere else besides: standard input
    /// ([`StdinSource`](prisma_log_tail::StdinSource)), a syslog listener
    /// ([`SyslogListener`](prisma_log_tail::SyslogListener)), or a source of one's own. The monitor
    /// stops when all of its sources have ended.
    pub fn source(mut self, source: impl LineSource + 'static) -> Self {
        self.others.push(Box::new(source));
        self
    }

    /// Reads the systemd journal besides, from where the store says that it stood.
    pub fn journal(mut self, journal: JournalSourceBuilder) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Takes lines of files together to records, such as stack traces: rules are asked about records
    /// then. Without it each line is a record.
    pub fn join(mut self, joiner: Joiner) -> Self {
        self.joiner = Some(joiner);
        self
    }

    /// Lets the monitor start without any file or other source: records of the process come through
    /// [`Monitor::sink`].
    pub fn records_only(mut self) -> Self {
        self.is_fed = true;
        self
    }

    /// Keeps alerts, positions and windows in this file, so that the next run goes on exactly where
    /// this one stood. Without it they are kept in memory and end with the monitor; nothing is
    /// written beside the log then.
    pub fn store(mut self, path: impl Into<PathBuf>) -> Self {
        self.store = Some(path.into());
        self
    }

    /// Whether files that have no stored position are read from their start (`true`) or only what
    /// is written from now on (`false`, the default).
    pub fn from_start(mut self, from_start: bool) -> Self {
        self.from_start = from_start;
        self
    }

    /// Stops by itself when no new line came for `idle`; a last line without a line end is
    /// processed then. Without it the monitor runs until it is stopped.
    pub fn until_idle(mut self, idle: Duration) -> Self {
        self.until_idle = Some(idle);
        self
    }

    /// Called with every alert that is new, recurs after it was resolved or rises in severity, whatever the
    /// policy says, on the monitor's thread:
    /// while it runs, no line is read. A panic is contained and counted.
    pub fn on_alert(mut self, handler: impl FnMut(&Notification) + Send + 'static) -> Self {
        self.handlers.alert = Some(Box::new(handler));
        self
    }

    /// Called with every alert that its quiet period has resolved, on the monitor's thread.
    pub fn on_resolved(mut self, handler: impl FnMut(&Notification) + Send + 'static) -> Self {
        self.handlers.resolved = Some(Box::new(handler));
        self
    }

    /// Called with every problem of the run: a file that can't be read, a store that can't be
    /// written or is deleted, lines or groups that are lost, a handler that panicked. Without it
    /// problems are only counted. A store that still can't be written is told ever more rarely, at last once a minute.
    pub fn on_error(mut self, handler: impl FnMut(&Error) + Send + 'static) -> Self {
        self.handlers.error = Some(Box::new(handler));
        self
    }

    /// A receiver of messages, which the policy's routes call by this name: 1 to 64 bytes without control
    /// characters. It has a thread of its own; what it does not take is kept and tried again, also by
    /// the next run on the same store.
    pub fn receiver(mut self, name: impl Into<String>, notifier: impl Notifier + 'static) -> Self {
        self.receivers.push((name.into(), Box::new(notifier)));
        self
    }

    /// Who is told what, when, and how much of it; without it every receiver is told of every alert.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Called about ten times a second while lines are read, and at the end.
    pub fn on_progress(mut self, handler: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.handlers.progress = Some(Box::new(handler));
        self
    }

    /// The clock that stands in for lines without a time and runs quiet periods; the system's
    /// unless told otherwise.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the store and starts the monitor's thread.
    ///
    /// A file that is missing or can't be read is no error: it is reported to `on_error` and
    /// picked up when it appears.
    ///
    /// # Errors
    /// When there is no file, glob or rule, when two rules have the same name, when a glob is
    /// malformed, when the store can't be opened, or when the thread can't be started.
    pub fn start(self) -> Result<Monitor, Error> {
        Monitor::from_builder(self)
    }
}

impl fmt::Debug for MonitorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorBuilder")
            .field("rules", &self.rules)
            .field("files", &self.files)
            .field("globs", &self.globs)
            .field("store", &self.store)
            .field("from_start", &self.from_start)
            .field("until_idle", &self.until_idle)
            .finish_non_exhaustive()
    }
}
