//! Logging as a configuration file and the environment say.

use prisma_log_config::Config;
use prisma_log_core::Error;

use crate::Logging;

impl Logging {
    /// Sets logging up as the profile chosen by `PRISMA_ENV` says; see [`Config::from_env`] for
    /// where the file is looked for, and which variables override it. Without any file a built-in
    /// profile is used.
    ///
    /// What is wrong in `RUST_LOG` is logged as a warning, and the rest of it holds.
    ///
    /// # Errors
    /// When the file or a `PRISMA_LOG__…` variable is wrong, with place and hint, or a sink can't
    /// be opened.
    pub fn from_env() -> Result<Self, Error> {
        Logging::from_config(&Config::from_env()?)
    }

    /// Sets logging up from a configuration that was loaded before.
    ///
    /// # Errors
    /// When a sink can't be opened.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        let mut builder = Logging::builder().filter(config.filter().clone());
        for sink in config.build_sinks()? {
            builder = builder.sink(sink.name, sink.filter, sink.sink);
        }
        let logging = builder.build()?;
        let log = logging.logger("prisma_log");
        for warning in config.warnings() {
            slog::warn!(log, "part of the logging configuration is ignored"; "error" => #warning);
        }
        Ok(logging)
    }
}
