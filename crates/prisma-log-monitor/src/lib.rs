//! Watches log lines by rules, raises alerts, and keeps their lifecycle durably.
//!
//! A [`Monitor`] follows files, a [`Rule`] says what to look for and how much of it is too much, an
//! [`Alert`] is what came of it, and a [`Store`] keeps alerts, positions and half-filled windows, so
//! that a restart (also after `kill -9`) neither repeats nor misses one.
//!
//! ```no_run
//! use prisma_log_monitor::Monitor;
//!
//! let monitor = Monitor::with_default_rules("/var/log/prisma/app.log")
//!     .on_alert(|a| println!("ALERT: {a}"))
//!     .start()?;
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! # Time
//! Rules live in event time: what the lines themselves state, in whatever order they come. A log of
//! last year gives the alerts that it would have given then. Quiet periods run on each file's own
//! clock, which follows its lines and, once everything is read, goes on with the wall clock.
//!
//! # Delivery
//! Everything that a batch of lines does (positions, windows, alerts, news) is one transaction.
//! Handlers are called after it and are told at least once; what may be a repetition says so
//! ([`Notification::redelivered`]).
//!
//! # Cost
//! A line that interests no rule costs one pass of a regex set; memory is bounded per rule
//! ([`Engine`]).
#![forbid(unsafe_code)]

mod alert;
mod codec;
mod defaults;
mod engine;
mod monitor;
mod notifier;
mod policy;
mod rule;
mod severity;
mod store;
mod text;

pub use alert::{Action, Alert, AlertFilter, AlertState, Comment, Group, Transition};
pub use defaults::default_rules;
pub use engine::{Engine, Firing, Match};
pub use monitor::{
    Monitor, MonitorBuilder, MonitorSink, Notification, NotificationKind, Progress, Report,
    RuleReport,
};
pub use notifier::{Message, Notifier, NotifyError};
pub use policy::{
    Comparison, Inhibition, InhibitionBuilder, Maintenance, MaintenanceBuilder, Matcher, Policy,
    PolicyBuilder, Route, RouteBuilder, Silence, SilenceBuilder, SilenceState, Weekday,
};
pub use prisma_log_tail::{
    Joiner, JournalSource, LineSource, SourceState, SourceStatus, StdinSource, SyslogListener,
};
pub use rule::{
    Baseline, Bound, Condition, Direction, Escalation, Explanation, FieldCondition, FieldTest,
    Kind, Measure, Reason, Rule, RuleBuilder, Windows,
};
pub use severity::Severity;
pub use store::{AlertStore, HistoryEntry, ReceiverStatus, Store};
