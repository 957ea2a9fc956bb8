//! Logging profiles and alert rules from YAML, with the place of every mistake.
//!
//! [`Config::from_env`] finds the configuration file, picks a profile, applies the environment
//! and gives back settings that know where each value came from ([`Config::entries`]).
//! [`Config::build_sinks`] turns them into sinks. [`check`] reports every mistake of a file at
//! once, each with file, line, column and a hint. [`rules`] does the same for alert rules.
//!
//! This is the only crate that knows how settings are written down: the crates below have
//! builders, and this one calls their setters.
//!
//! ```
//! use prisma_log_config::{Config, Environment};
//!
//! let environment = Environment::new([("PRISMA_ENV", "staging"), ("PRISMA_LOG__LEVEL", "debug")]);
//! let config = Config::builtin(&environment)?;
//! assert_eq!(config.profile(), "staging");
//! let level = config.entries().iter().find(|entry| entry.path == "level").unwrap();
//! assert_eq!(level.to_string(), "level = debug  # $PRISMA_LOG__LEVEL");
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod build;
mod choose;
mod config;
mod environment;
mod filter;
mod hint;
mod merge;
mod origin;
mod otel;
mod overrides;
mod pipeline;
mod profiles;
mod reload;
mod scalars;
mod section;
mod sinks;
mod source;
mod tracing;
mod tree;
mod yaml;

#[cfg(feature = "monitor")]
pub mod packs;
#[cfg(feature = "monitor")]
pub mod rules;

pub use build::NamedSink;
pub use config::{Config, Service, check};
pub use environment::Environment;
pub use origin::{Entry, Origin};
pub use pipeline::{MemoryConfig, OverflowConfig, PipelineConfig};
pub use reload::ReloadConfig;
pub use scalars::parse_duration;
#[cfg(feature = "monitor")]
pub use scalars::parse_time;
pub use sinks::{
    Color, Compress, ConsoleConfig, Facility, FileConfig, Format, HttpCompression, HttpTls,
    JournaldConfig, KeepConfig, OtlpConfig, OtlpProtocol, RotateConfig, SinkConfig, SinkKind,
    Stream, SyncConfig, SyslogConfig, SyslogFraming, SyslogProtocol, SyslogTls, Transport,
    ZipkinConfig,
};
pub use tracing::{PropagatorConfig, SamplerConfig, TracingConfig};
