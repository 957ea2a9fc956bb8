//! Settings to sinks: calls the builders' setters.

#[cfg(feature = "console")]
mod console;
#[cfg(not(feature = "console"))]
#[path = "build/console_absent.rs"]
mod console;
#[cfg(any(feature = "console", feature = "file"))]
mod encoder;
#[cfg(feature = "file")]
mod file;
#[cfg(not(feature = "file"))]
#[path = "build/file_absent.rs"]
mod file;
#[cfg(feature = "journald")]
mod journald;
#[cfg(not(feature = "journald"))]
#[path = "build/journald_absent.rs"]
mod journald;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "build/otlp_absent.rs"]
mod otlp;
#[cfg(any(feature = "console", feature = "file", feature = "journald"))]
mod service;
#[cfg(feature = "syslog")]
mod syslog;
#[cfg(not(feature = "syslog"))]
#[path = "build/syslog_absent.rs"]
mod syslog;
#[cfg(feature = "zipkin")]
mod zipkin;
#[cfg(not(feature = "zipkin"))]
#[path = "build/zipkin_absent.rs"]
mod zipkin;

use std::fmt;

pub(crate) use file::{check_every, check_zone};
#[cfg(all(feature = "notify", feature = "journald"))]
pub(crate) use journald::sink as journald_sink;
#[cfg(all(feature = "notify", feature = "syslog"))]
pub(crate) use syslog::sink as syslog_sink;

use prisma_log_core::{Error, Filter, Sink};

use crate::config::{Config, Service};
use crate::sinks::{SinkConfig, SinkKind};

/// A sink that is ready to take records, with its name and filter.
#[non_exhaustive]
pub struct NamedSink {
    /// The sink's name, its key in the file.
    pub name: String,
    /// Which of the records that pass the profile's filter go to this sink.
    pub filter: Filter,
    /// Whether it gets a thread of its own, so that other sinks never wait for it.
    pub blocking: bool,
    /// The sink that takes what this one can't, and the queue can't keep for it.
    pub fallback: Option<String>,
    /// The sink.
    pub sink: Box<dyn Sink>,
}

impl fmt::Debug for NamedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedSink")
            .field("name", &self.name)
            .field("filter", &self.filter)
            .field("blocking", &self.blocking)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Opens all sinks, in the order in which they were first written.
    ///
    /// # Errors
    /// When one can't be opened, or the program was built without its type. Files that were
    /// created until then stay.
    pub fn build_sinks(&self) -> Result<Vec<NamedSink>, Error> {
        self.sinks().iter().map(|sink| self.build_sink(sink)).collect()
    }

    fn build_sink(&self, config: &SinkConfig) -> Result<NamedSink, Error> {
        let sink = build(&config.kind, self.service()).map_err(|error| {
            match self.place_of(&config.name) {
                Some(place) if error.place().is_none() => error.at(place),
                _ => error,
            }
        })?;
        Ok(NamedSink {
            name: config.name.clone(),
            filter: config.filter.clone(),
            blocking: config.blocking,
            fallback: config.fallback.clone(),
            sink,
        })
    }

    /// Where the sink's path, or else its type, was set.
    fn place_of(&self, sink: &str) -> Option<prisma_log_core::Place> {
        ["path", "type"].iter().find_map(|key| {
            let path = format!("sinks.{sink}.{key}");
            self.entries().iter().find(|entry| entry.path == path)?.origin.place()
        })
    }
}

fn build(kind: &SinkKind, service: &Service) -> Result<Box<dyn Sink>, Error> {
    match kind {
        SinkKind::Console(settings) => console::build(settings, service),
        SinkKind::File(settings) => file::build(settings, service),
        SinkKind::Syslog(settings) => syslog::build(settings, service),
        SinkKind::Journald(settings) => journald::build(settings, service),
        SinkKind::Otlp(settings) => otlp::build(settings, service),
        SinkKind::Zipkin(settings) => zipkin::build(settings, service),
    }
}
