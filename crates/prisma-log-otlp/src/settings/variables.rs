//! Environment variables, or what stands for them.

use std::collections::BTreeMap;
use std::env;

use prisma_log_core::{Error, Place};

/// Where variables are looked up. A variable that is empty counts as one that is not set.
#[derive(Clone, Debug, Default)]
pub(crate) enum Variables {
    /// There are none.
    #[default]
    None,
    /// The process's.
    Process,
    These(BTreeMap<String, String>),
}

impl Variables {
    /// # Errors
    /// When the variable is not UTF-8.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, Error> {
        let value = match self {
            Variables::None => None,
            Variables::These(map) => map.get(name).cloned(),
            Variables::Process => match env::var(name) {
                Ok(value) => Some(value),
                Err(env::VarError::NotPresent) => None,
                Err(env::VarError::NotUnicode(_)) => return Err(wrong(name, "is not UTF-8")),
            },
        };
        let value = value.map(|value| value.trim().to_owned());
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// Whether proxies from variables count.
    pub(crate) fn is_process(&self) -> bool {
        matches!(self, Variables::Process)
    }
}

/// An error about a variable.
pub(super) fn wrong(name: &str, why: impl Into<String>) -> Error {
    let place = Place { file: format!("${name}").into(), line: 0, column: 0 };
    Error::config(why).at(place)
}
