//! Logging as a configuration file and the environment say.

use std::path::Path;

use prisma_log_config::{
    Config, Environment, MemoryConfig, OverflowConfig, PipelineConfig, PropagatorConfig,
    SamplerConfig, TracingConfig,
};
use prisma_log_context::{Propagation, Sampler};
use prisma_log_core::Error;

use crate::reload::Configured;
use crate::{Logging, LoggingBuilder, Memory, Overflow};

impl Logging {
    /// Sets logging up as the profile chosen by `PRISMA_ENV` says; see [`Config::from_env`] for
    /// where the file is looked for, and which variables override it. Without any file a built-in
    /// profile is used.
    ///
    /// What is wrong in `RUST_LOG` is logged as a warning, and the rest of it holds. The file is
    /// watched, unless `reload.watch` says otherwise: see [`Logging::reload_from_file`].
    ///
    /// # Errors
    /// When the file or a `PRISMA_LOG__…` variable is wrong, with place and hint, or a sink can't
    /// be opened.
    pub fn from_env() -> Result<Self, Error> {
        Logging::from_config(&Config::from_env()?)
    }

    /// [`Logging::from_env`] with this file, whatever `PRISMA_LOG_CONFIG` says.
    ///
    /// # Errors
    /// As [`Logging::from_env`], and when the file can't be read.
    pub fn from_config_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Logging::from_config(&Config::load(path.as_ref(), &Environment::from_process())?)
    }

    /// Sets logging up from a configuration that was loaded before. When it came from a file, that
    /// is watched as by [`Logging::from_env`].
    ///
    /// # Errors
    /// When a sink can't be opened, the memory that is asked for can't be had, or signals can't be
    /// listened for.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        let mut builder = Logging::builder().filter(config.filter().clone());
        if let Some(name) = &config.service().name {
            builder = builder.service(name);
        }
        builder = with_pipeline(builder, config.pipeline());
        builder = with_traces(builder, config.tracing())?;
        for sink in config.build_sinks()? {
            if let Some(fallback) = sink.fallback {
                builder = builder.fallback(sink.name.clone(), fallback);
            }
            builder = match sink.blocking {
                true => builder.blocking_sink(sink.name, sink.filter, sink.sink),
                false => builder.sink(sink.name, sink.filter, sink.sink),
            };
        }
        let mut logging = builder.build()?;
        let log = logging.logger("prisma_log");
        for warning in config.warnings() {
            slog::warn!(log, "part of the logging configuration is ignored"; "error" => #warning);
        }
        logging.configured = Some(Configured::new(config, &logging.pipeline)?);
        Ok(logging)
    }
}

fn with_pipeline(builder: LoggingBuilder, settings: &PipelineConfig) -> LoggingBuilder {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let builder = builder
        .queue_bytes(size(settings.queue_bytes))
        .max_record_bytes(size(settings.max_record_bytes))
        .latency(settings.latency)
        .recover(settings.recover)
        .inline(settings.inline)
        .capture_panics(settings.capture_panics)
        .flush_on_signals(settings.flush_on_signals);
    // What a later release of the configuration may add is left at the pipeline's default.
    let builder = match &settings.memory {
        MemoryConfig::Anonymous => builder.memory(Memory::Anonymous),
        MemoryConfig::Dir(dir) => builder.memory(Memory::Dir(dir.clone())),
        _ => builder.memory(Memory::Default),
    };
    match &settings.overflow {
        OverflowConfig::Block { limit } => builder.overflow(Overflow::Block { limit: *limit }),
        OverflowConfig::DropNewest => builder.overflow(Overflow::DropNewest),
        OverflowConfig::DropOldest => builder.overflow(Overflow::DropOldest),
        OverflowConfig::Spill { dir, max_bytes } => {
            builder.overflow(Overflow::Spill { dir: dir.clone(), max_bytes: *max_bytes })
        }
        _ => builder,
    }
}

fn with_traces(builder: LoggingBuilder, settings: &TracingConfig) -> Result<LoggingBuilder, Error> {
    let ratio = Sampler::ratio(settings.ratio)?;
    let sampler = match settings.sampler {
        SamplerConfig::Ratio => ratio,
        _ => Sampler::parent_based(ratio),
    };
    let sends = |propagator| settings.propagators.contains(&propagator);
    let propagation = Propagation::w3c()
        .trace_context(sends(PropagatorConfig::TraceContext))
        .baggage(sends(PropagatorConfig::Baggage))
        .b3_single(sends(PropagatorConfig::B3))
        .b3_multi(sends(PropagatorConfig::B3Multi))
        .baggage_fields(&settings.baggage_fields);
    Ok(builder.sampler(sampler).propagation(propagation))
}
