//! Industrial logging for Rust services: the front door.
//!
//! ```no_run
//! use prisma_log::{Context, Logging, Monitor, error, info};
//!
//! # fn main() -> Result<(), prisma_log::Error> {
//! let logging = Logging::from_env()?;
//! let log = logging.logger("my.service");
//! info!(log, "application started");
//! error!(log, "an error occurred"; "error_code" => "E001");
//!
//! let _scope =
//!     Context::new().user_id("user123").session_id("session456").request_id("req789").enter();
//! info!(log, "in a request"); // carries trace_id, span_id, user_id, session_id, request_id
//!
//! let monitor = Monitor::with_default_rules("/var/log/prisma/app.log")
//!     .on_alert(|a| println!("ALERT: {a}"))
//!     .start()?;
//! # drop(monitor);
//! # Ok(())
//! # }
//! ```
//!
//! The API is slog's: [`Logger`] is slog's own type, the macros keep slog's grammar, `o!` and
//! child loggers work as there. Two things differ: these macros test the level **before** they
//! evaluate any argument, and the facade keeps all levels compiled in (slog drops Debug and Trace
//! from release builds unless told otherwise), so that levels are a matter of configuration.
//! Should a crate of yours ask slog for a lower `max_level_*`, cargo's feature union decides.
//!
//! # Features
//! `config` (profiles from YAML), `console` and `monitor` are on by default. Without them the
//! facade still logs to files, set up in code through [`Logging::builder`]. Off by default are
//! `gzip` and `zstd` (compressed archives), `syslog`, `syslog-tls`,
//! `journald`, `otlp`, `otlp-tls` and `zipkin` (sinks), `bridge-log` and `bridge-tracing` (what
//! libraries log through `log` and `tracing`), `tower` (layers for HTTP), `notify`, `notify-webhook`
//! and `notify-email` (receivers of alerts), `sighup`
//! (SIGHUP has the configuration read again and files opened anew, where the configuration says
//! so) and `classic` (slog-async, slog-json and slog-term set up from the same configuration).
#![forbid(unsafe_code)]

mod global;
mod logging;
mod macros;
mod private;

#[cfg(feature = "classic")]
pub mod classic;
#[cfg(feature = "config")]
mod configured;
#[cfg(feature = "config")]
mod reload;
#[cfg(not(feature = "config"))]
#[path = "reload_absent.rs"]
mod reload;

pub use global::{global, set_global};
pub use logging::{Logger, Logging, LoggingBuilder};
pub use prisma_log_context::{
    Context, InContext, Incoming, Propagation, Sampler, Scope, Span, SpanBuilder, SpanKind,
    SpanStatus, Tracer, carry,
};
pub use prisma_log_core::{
    BatchError, Clock, Durability, Encoder, Error, Fields, FieldsRef, Filter, LedgerSnapshot,
    Level, ManualClock, Place, Record, Sink, SinkCommand, SinkPosition, Site, SpanId, SystemClock,
    Timestamp, TraceId, Value,
};
pub use prisma_log_file::{Compression, CronSchedule, Every, FileSink, Retention, Rotation, Sync};
pub use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};
pub use prisma_log_pipeline::{
    ClockKind, Emergency, FlushReport, Health, Limit, Memory, MemoryHealth, Overflow,
    PipelineDrain, RecoveryReport, SinkHealth, SinkReport, SinkState, Verdict, WorkerState,
};
pub use slog::{self, FnValue, KV, o};

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

#[cfg(feature = "bridge-log")]
pub use prisma_log_bridge::LogBridge;
#[cfg(feature = "bridge-tracing")]
pub use prisma_log_bridge::{TracingBridge, TracingSink};
#[cfg(feature = "config")]
pub use prisma_log_config as config;
#[cfg(feature = "console")]
pub use prisma_log_console::ConsoleSink;
#[cfg(feature = "rayon")]
pub use prisma_log_context::rayon;
#[cfg(feature = "tokio")]
pub use prisma_log_context::tokio;
#[cfg(feature = "journald")]
pub use prisma_log_journald::JournaldSink;
#[cfg(feature = "monitor")]
pub use prisma_log_monitor::{self as monitor, Alert, Monitor, Rule};
#[cfg(feature = "notify")]
pub use prisma_log_notify as notify;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
pub use prisma_log_otlp as otlp;
#[cfg(feature = "otlp")]
pub use prisma_log_otlp::OtlpSink;
#[cfg(feature = "zipkin")]
pub use prisma_log_otlp::ZipkinSink;
#[cfg(feature = "syslog")]
pub use prisma_log_syslog::{self as syslog, SyslogSink};
#[cfg(feature = "tower")]
pub use prisma_log_tower as tower;
#[cfg(feature = "config")]
pub use reload::{ReloadReport, SettingChange};
