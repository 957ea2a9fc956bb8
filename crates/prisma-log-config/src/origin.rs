//! Where a value came from.

use std::fmt;

use prisma_log_core::Place;

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it; this is the default.
    Default,
    /// The configuration that is built into the program, used when there is no file.
    BuiltIn,
    /// A place in a configuration file.
    File(Place),
    /// The environment variable of this name.
    Variable(String),
    /// The program said so itself.
    Argument,
}

impl Origin {
    /// The place to name in an error; a variable's place is `$NAME` without a line.
    pub fn place(&self) -> Option<Place> {
        match self {
            Origin::Default | Origin::BuiltIn | Origin::Argument => None,
            Origin::File(place) => Some(place.clone()),
            Origin::Variable(name) => {
                Some(Place { file: format!("${name}").into(), line: 0, column: 0 })
            }
        }
    }
}

/// Writes `config/logging.yaml:12:7`, `$PRISMA_LOG__LEVEL`, `built-in`, `argument` or `default`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::BuiltIn => f.write_str("built-in"),
            Origin::File(place) => write!(f, "{place}"),
            Origin::Variable(name) => write!(f, "${name}"),
            Origin::Argument => f.write_str("argument"),
        }
    }
}

/// One effective setting and where its value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The key, relative to the profile: `sinks.file.rotate.size`.
    pub path: String,
    /// The value in its usual notation: `10MiB`.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

impl Entry {
    pub(crate) fn new(path: impl Into<String>, value: impl Into<String>, origin: Origin) -> Self {
        Entry { path: path.into(), value: value.into(), origin }
    }
}

/// Writes `sinks.file.rotate.size = 10MiB  # config/logging.yaml:31:19`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}  # {}", self.path, self.value, self.origin)
    }
}
