//! What a program is run by, and which settings make no sense.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::CommandNotifier;
use super::argument::Argument;
use crate::Secret;

/// What a program is run by, looked at.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<Argument>,
    pub(super) environment: Vec<(String, Secret)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) timeout: Duration,
    pub(super) permanent: Vec<i32>,
}

/// Builds a [`CommandNotifier`].
#[derive(Clone, Debug)]
#[must_use = "nothing is run before `build`"]
pub struct CommandNotifierBuilder {
    arguments: Vec<String>,
    settings: Settings,
}

impl CommandNotifierBuilder {
    pub(super) fn new(program: PathBuf) -> Self {
        CommandNotifierBuilder {
            arguments: Vec::new(),
            settings: Settings {
                program,
                arguments: Vec::new(),
                environment: Vec::new(),
                directory: None,
                timeout: Duration::from_secs(30),
                permanent: Vec::new(),
            },
        }
    }

    /// Adds an argument, which may have placeholders.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the program's environment; names that begin with `PLOG_` are ours. The
    /// value is not shown in errors and by `Debug`.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.settings.environment.push((name.into(), value.into()));
        self
    }

    /// Where the program runs; by default where we do.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.directory = Some(path.into());
        self
    }

    /// How long the program may run, from 100 ms to 10 minutes; by default 30 s. Then it is killed.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings.timeout = limit;
        self
    }

    /// Exit statuses, from 1 to 255, by which the program says that it will never take the message;
    /// by default none.
    pub fn permanent_statuses(mut self, statuses: impl IntoIterator<Item = i32>) -> Self {
        self.settings.permanent = statuses.into_iter().collect();
        self
    }

    /// The notifier.
    ///
    /// # Errors
    /// When an absolute path names no file, a placeholder is unknown, or a setting is out of its
    /// range.
    pub fn build(self) -> Result<CommandNotifier, Error> {
        let mut settings = self.settings;
        let shown = settings.program.display().to_string();
        if shown.is_empty() || shown.contains('\0') {
            return Err(Error::config(format!("invalid program {shown:?}")));
        }
        if settings.program.is_absolute() && !settings.program.is_file() {
            return Err(Error::config(format!("there is no program {shown}")));
        }
        if let Some(directory) = settings.directory.as_ref().filter(|path| !path.is_dir()) {
            return Err(Error::config(format!("there is no directory {}", directory.display())));
        }
        for (name, value) in &settings.environment {
            if name.is_empty() || name.contains(['=', '\0']) || name.starts_with("PLOG_") {
                return Err(Error::config(format!("invalid environment variable {name:?}"))
                    .with_hint("a name without `=` that does not begin with PLOG_"));
            }
            if value.expose().contains('\0') {
                return Err(Error::config(format!("variable {name} has a NUL byte in it")));
            }
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(600)).contains(&settings.timeout) {
            let error = Error::config(format!("invalid timeout of {:?}", settings.timeout));
            return Err(error.with_hint("use 100 ms to 10 minutes"));
        }
        if let Some(status) = settings.permanent.iter().find(|code| !(1..=255).contains(*code)) {
            return Err(
                Error::config(format!("invalid exit status {status}")).with_hint("use 1 to 255")
            );
        }
        settings.arguments = Argument::all(&self.arguments)?;
        Ok(CommandNotifier { settings })
    }
}
