//! File arguments: paths, and patterns that the shell did not expand.

use std::path::Path;

/// Whether an argument is a glob pattern: it has a wildcard and no file of that very name exists.
pub(crate) fn is_pattern(argument: &Path) -> bool {
    let wild = argument.to_string_lossy().contains(['*', '?', '[']);
    wild && !argument.exists()
}
