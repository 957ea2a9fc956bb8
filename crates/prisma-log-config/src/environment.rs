//! What is read from the process's environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

use prisma_log_core::Error;

use crate::origin::Origin;
use crate::otel;

/// Names the profile to use.
pub(crate) const PROFILE_VARIABLE: &str = "PRISMA_ENV";
/// Names the configuration file to use.
pub(crate) const FILE_VARIABLE: &str = "PRISMA_LOG_CONFIG";
/// Starts the name of a variable that overrides one key; `__` separates the key's segments.
pub(crate) const OVERRIDE_PREFIX: &str = "PRISMA_LOG__";
/// Directives per logger, as other Rust programs read them.
pub(crate) const DIRECTIVES_VARIABLE: &str = "RUST_LOG";

/// The variables and the choice of profile that a configuration is read under.
///
/// Read are `PRISMA_ENV`, `PRISMA_LOG_CONFIG`, `PRISMA_LOG__…`, `RUST_LOG` and `OTEL_…`. An empty variable
/// counts as not set, as a shell can't tell the two apart easily.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    profile: Option<String>,
}

impl Environment {
    /// An environment of these variables only, for tests and for programs that keep their own.
    pub fn new<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<OsString>,
    {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(name, _)| is_read(name))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Environment { variables, profile: None }
    }

    /// The process's environment as it is now.
    pub fn from_process() -> Self {
        let named = std::env::vars_os()
            .filter_map(|(name, value)| name.into_string().ok().map(|name| (name, value)));
        Environment::new(named)
    }

    /// Uses this profile, whatever `PRISMA_ENV` and the file's `default_profile` say.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// The profile that is asked for, and by whom.
    pub(crate) fn chosen_profile(&self) -> Result<Option<(String, Origin)>, Error> {
        match &self.profile {
            Some(name) => Ok(Some((name.clone(), Origin::Argument))),
            None => Ok(self
                .variable(PROFILE_VARIABLE)?
                .map(|name| (name.to_owned(), Origin::Variable(PROFILE_VARIABLE.into())))),
        }
    }

    /// The file that is asked for.
    pub(crate) fn chosen_file(&self) -> Option<&OsString> {
        self.variables.get(FILE_VARIABLE)
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(crate) fn variable(&self, name: &str) -> Result<Option<&str>, Error> {
        self.variables.get(name).map(|value| text_of(name, value)).transpose()
    }

    /// Name and value of every variable that overrides a key, in the order of their names.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = (&str, Result<&str, Error>)> {
        self.variables
            .iter()
            .filter(|(name, _)| is_override(name))
            .map(|(name, value)| (name.as_str(), text_of(name, value)))
    }
}

fn is_read(name: &str) -> bool {
    [PROFILE_VARIABLE, FILE_VARIABLE, DIRECTIVES_VARIABLE].contains(&name)
        || name.starts_with(otel::PREFIX)
        || is_override(name)
}

fn is_override(name: &str) -> bool {
    name.get(..OVERRIDE_PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(OVERRIDE_PREFIX))
}

fn text_of<'a>(name: &str, value: &'a OsString) -> Result<&'a str, Error> {
    value.to_str().ok_or_else(|| {
        let error = Error::config(format!("the value is not UTF-8: {}", value.display()));
        match Origin::Variable(name.to_owned()).place() {
            Some(place) => error.at(place),
            None => error,
        }
    })
}
