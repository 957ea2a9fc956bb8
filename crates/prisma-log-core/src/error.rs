//! The one error type of the house.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be set up, read or written.
///
/// Messages are lowercase fragments that carry the path, line or address they are about.
/// What the error is about can be asked with the predicates; the cause, if there is one, is
/// [`std::error::Error::source`]. `Display` writes everything that is known on one line:
/// `config/logging.yaml:12:7: unknown key `compres`: CAUSE (did you mean `compress`?)`.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    place: Option<Place>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A place in a text file, as editors and compilers write it: `file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as its reader was given it; `$NAME` for an environment variable.
    pub file: PathBuf,
    /// Line, from 1; 0 when there is none.
    pub line: u32,
    /// Column in characters, from 1; 0 when there is none.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match (self.line, self.column) {
            (0, _) => Ok(()),
            (line, 0) => write!(f, ":{line}"),
            (line, column) => write!(f, ":{line}:{column}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Config,
    Io,
    Data,
    State,
}

impl Error {
    /// A setting, rule or argument is wrong; the message says which and what was expected.
    pub fn config(message: impl Into<String>) -> Self {
        Error::new(Kind::Config, message.into())
    }

    /// The operating system refused; `doing` names the operation and what it was done to.
    pub fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Error::new(Kind::Io, doing.into()).with_source(source)
    }

    /// [`Error::io`] for an operation on a file: `cannot open /var/log/app.log`.
    pub fn io_at(doing: &str, path: &Path, source: io::Error) -> Self {
        Error::io(format!("cannot {doing} {}", path.display()), source)
    }

    /// Stored or received data does not have the expected form.
    pub fn data(message: impl Into<String>) -> Self {
        Error::new(Kind::Data, message.into())
    }

    /// The call does not fit the state: already initialised, closed, no such alert.
    pub fn state(message: impl Into<String>) -> Self {
        Error::new(Kind::State, message.into())
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the place in a file that the error is about.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    /// Adds what to do about it: a lowercase sentence such as ``did you mean `compress`?``.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    fn new(kind: Kind, message: String) -> Self {
        Error(Box::new(Inner { kind, message, place: None, hint: None, source: None }))
    }

    /// The message alone, without place, cause and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The place in a file that the error is about.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether a setting, rule or argument was wrong.
    pub fn is_config(&self) -> bool {
        self.0.kind == Kind::Config
    }

    /// Whether the operating system refused an operation.
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
    }

    /// Whether stored or received data was malformed.
    pub fn is_data(&self) -> bool {
        self.0.kind == Kind::Data
    }

    /// Whether the call did not fit the state.
    pub fn is_state(&self) -> bool {
        self.0.kind == Kind::State
    }

    /// The kind of I/O error behind this one, if there is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        let source = self.0.source.as_ref()?;
        source.downcast_ref::<io::Error>().map(io::Error::kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.0.message)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            // An error of ours has told its own causes with that.
            source = if cause.is::<Error>() { None } else { cause.source() };
        }
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_why() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let error = Error::io_at("open", Path::new("/x/app.log"), refused());
        assert_eq!(error.to_string(), "cannot open /x/app.log: permission denied");
        assert!(error.is_io() && !error.is_config());
        assert_eq!(error.io_kind(), Some(io::ErrorKind::PermissionDenied));
        let place = Place { file: "a.yaml".into(), line: 3, column: 5 };
        let error =
            Error::config("unknown key `compres`").at(place).with_hint("did you mean `compress`?");
        let outer = Error::state("cannot rotate").with_source(Error::io("cannot lock", refused()));
        assert_eq!(outer.to_string(), "cannot rotate: cannot lock: permission denied");
        let shown = "a.yaml:3:5: unknown key `compres` (did you mean `compress`?)";
        assert_eq!(error.to_string(), shown);
    }
}
