//! File arguments: paths, patterns that the shell did not expand, and what is said of those that
//! lead nowhere.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use prisma_log_core::Error;
use prisma_log_tail::{SourceState, SourceStatus, Tail};

use crate::present;

/// Endings of compressed files that can't be read; `.gz` and `.zst` can.
const COMPRESSED: [&str; 4] = ["bz2", "xz", "zip", "lz4"];
/// Endings of what a writer keeps beside its log.
const BESIDE: [&str; 3] = ["lock", "torn", "tmp"];

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

/// How much of a file was read, in bytes of the file; of an archive that is less than its text.
pub(crate) fn bytes_read(file: &Path, tail: &Tail) -> u64 {
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let left: u64 = tail.sources().iter().map(|source| source.bytes_left).sum();
    size.saturating_sub(left)
}

/// Whether nothing stands in the way of reading a source, or it was read to its end.
pub(crate) fn is_well(source: &SourceStatus) -> bool {
    matches!(source.state, SourceState::Following | SourceState::Ended)
}

/// Says which files could not be read; whether there are any.
pub(crate) fn complain(sources: &[SourceStatus], files: &[PathBuf]) -> bool {
    let mut failed = false;
    for source in sources.iter().filter(|source| !is_well(source)) {
        failed = true;
        match &source.error {
            Some(error) => present::error::print(error),
            None => {
                let error = Error::state(format!("there is no file {}", source.path.display()));
                present::error::print(&error);
            }
        }
    }
    if sources.is_empty() {
        failed = true;
        present::error::print(&no_match(files));
    }
    failed
}

/// The files that the arguments name, for reading them once.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// Each once, in the order of the arguments; patterns' matches by name.
    pub(crate) files: Vec<PathBuf>,
    /// What a pattern matched and is compressed in a way that can't be read.
    pub(crate) compressed: Vec<PathBuf>,
}

/// Finds what the arguments name. What a pattern matches is read unless it is no log: a folder, a
/// hidden file, a lock; rotated files are.
///
/// # Errors
/// When a pattern is malformed.
pub(crate) fn expand(arguments: &[PathBuf]) -> Result<Expanded, Error> {
    let mut expanded = Expanded::default();
    let mut known = HashSet::new();
    let mut is_new =
        |file: &Path| known.insert(file.canonicalize().unwrap_or_else(|_| file.into()));
    for argument in arguments {
        let Some(pattern) = argument.to_str().filter(|_| is_pattern(argument)) else {
            if is_new(argument) {
                expanded.files.push(argument.clone());
            }
            continue;
        };
        let found = glob::glob(pattern).map_err(|error| {
            Error::config(format!("`{pattern}` is no pattern: {}", error.msg))
                .with_hint("quote `[`, `*` and `?` as `[[]`, `[*]` and `[?]`")
        })?;
        for file in found.flatten().filter(|file| file.is_file()) {
            let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let name = file.file_name().unwrap_or_default();
            if name.as_encoded_bytes().starts_with(b".") || BESIDE.contains(&ending) {
                continue;
            }
            if is_new(&file) {
                let is_compressed = COMPRESSED.contains(&ending);
                let list =
                    if is_compressed { &mut expanded.compressed } else { &mut expanded.files };
                list.push(file);
            }
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_lead_to_logs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in [
            "a.log",
            "a.log.1",
            "a.log.lock",
            "a.log.2.gz",
            "a.log.3.xz",
            ".a.log",
            "b.log.torn",
            "[c].log",
        ] {
            std::fs::write(at(name), "").unwrap();
        }
        std::fs::create_dir(at("d.log")).unwrap();
        std::os::unix::fs::symlink(at("a.log"), at("link.log")).unwrap();
        let found = expand(&[at("a.log"), at("*.log*"), at("[c].log"), at("none.log")]).unwrap();
        assert_eq!(found.files, ["a.log", "[c].log", "a.log.1", "a.log.2.gz", "none.log"].map(at));
        assert_eq!(found.compressed, [at("a.log.3.xz")]);
        assert!(expand(&[at("***")]).unwrap_err().is_config());
    }
}
