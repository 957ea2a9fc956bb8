//! Watches log lines by rules, raises alerts, and keeps their lifecycle durably.
#![forbid(unsafe_code)]

mod alert;
mod codec;
mod defaults;
mod engine;
mod monitor;
mod rule;
mod severity;
mod store;
mod text;

pub use alert::{Alert, AlertFilter, AlertState, Group, Transition};
pub use defaults::default_rules;
pub use engine::{Engine, Firing, Match};
pub use monitor::{
    Monitor, MonitorBuilder, Notification, NotificationKind, Progress, Report, RuleReport,
};
pub use prisma_log_tail::{SourceState, SourceStatus};
pub use rule::{FieldCondition, FieldTest, Rule, RuleBuilder, Threshold};
pub use severity::Severity;
pub use store::Store;
