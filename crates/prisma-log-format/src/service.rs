//! What a program says about itself in every record.

use prisma_log_core::Error;

use crate::json::{ENVIRONMENT_KEY, push_text};
use crate::pairs::push_str;

/// Which service the records are of: name, version and environment, each if known.
///
/// Encoders render it once and write it in every record. The keys are those of OpenTelemetry's
/// resource attributes, in ECS those of ECS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Service {
    pub(crate) name: Option<String>,
    version: Option<String>,
    environment: Option<String>,
}

impl Service {
    /// Nothing is known.
    pub const fn new() -> Self {
        Service { name: None, version: None, environment: None }
    }

    /// The service's name, as `service.name`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The service's version, as `service.version`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Where it runs, as `deployment.environment.name`, in ECS `service.environment`.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Refuses a service of which something is given but blank; encoders do it as they are built.
    ///
    /// # Errors
    /// When the name, the version or the environment has no visible character.
    pub fn check(&self) -> Result<(), Error> {
        let all = [
            ("service name", &self.name),
            ("service version", &self.version),
            ("environment", &self.environment),
        ];
        all.into_iter().try_for_each(|(what, value)| check_not_blank(what, value.as_deref()))
    }

    /// What is known, under OpenTelemetry's keys: for sinks that have fields instead of a line.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.known(ENVIRONMENT_KEY)
    }

    fn known(&self, environment: &'static str) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("service.name", &self.name),
            ("service.version", &self.version),
            (environment, &self.environment),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }

    /// The part of a JSON object that says it, each key with a comma before it.
    pub(crate) fn json(&self, environment: &'static str) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, value) in self.known(environment) {
            push_text(format!(",\"{key}\":\"").as_bytes(), value, &mut out);
        }
        out
    }

    /// The pairs that say it, each with a space before it.
    pub(crate) fn logfmt(&self, environment: &'static str) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, value) in self.known(environment) {
            out.extend_from_slice(format!(" {key}=").as_bytes());
            push_str(value, &mut out);
        }
        out
    }
}

/// Refuses a name that is there but says nothing.
pub(crate) fn check_not_blank(what: &str, value: Option<&str>) -> Result<(), Error> {
    if value.is_some_and(|value| value.trim().is_empty()) {
        let error = Error::config(format!("the {what} is empty"));
        return Err(error.with_hint(format!("leave the {what} out, or name one")));
    }
    Ok(())
}
