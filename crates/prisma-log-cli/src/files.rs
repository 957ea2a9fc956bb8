//! File arguments: paths, patterns that the shell did not expand, and what is said of those that
//! lead nowhere.

use std::path::{Path, PathBuf};

use prisma_log_core::Error;

/// Whether an argument is a glob pattern: it has a wildcard and no file of that very name exists.
pub(crate) fn is_pattern(argument: &Path) -> bool {
    let wild = argument.to_string_lossy().contains(['*', '?', '[']);
    wild && !argument.exists()
}

/// None of the arguments led to a file.
pub(crate) fn no_match(files: &[PathBuf]) -> Error {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    Error::state(format!("no file matches {}", files.join(", ")))
}
