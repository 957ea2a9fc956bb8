//! What a check found, with the place.

use std::fmt;

use crate::shell::{Failure, Outcome};

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path below the workspace root.
    file: String,
    /// Line, from 1; 0 for the file as a whole.
    line: usize,
    error: bool,
    message: String,
}

impl Finding {
    /// Something that must not be.
    pub(crate) fn error(file: &str, line: usize, message: impl Into<String>) -> Self {
        Finding { file: file.to_owned(), line, error: true, message: message.into() }
    }

    /// Something to know; the check stays green.
    pub(crate) fn note(file: &str, line: usize, message: impl Into<String>) -> Self {
        Finding { file: file.to_owned(), line, error: false, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.error { "error: " } else { "note: " })?;
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Prints the findings by place; red if there is an error among them.
pub(crate) fn report(mut findings: Vec<Finding>) -> Outcome {
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.iter().filter(|finding| finding.error).count() {
        0 => Ok(()),
        1 => Err(Failure::new("1 error")),
        errors => Err(Failure::new(format!("{errors} errors"))),
    }
}
