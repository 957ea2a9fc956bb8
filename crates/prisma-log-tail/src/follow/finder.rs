//! Files that match patterns.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use glob::{MatchOptions, Pattern};
use prisma_log_core::{Clock, Error, SystemClock, Timestamp};

use super::archive::Packing;
use super::identity::FileId;
use super::siblings::{bases, is_never_followed, is_rotated_of, with_rotated};

/// Least time between two searches: they may visit whole trees.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Searches for files that match patterns, and keeps the list of all paths that have a source.
pub(super) struct Finder {
    /// Patterns as given, and made absolute.
    patterns: Vec<(String, Pattern)>,
    claimed: HashSet<PathBuf>,
    /// Names without a source of files that have one by another name, as the last search found
    /// them. Their rotated files are no logs of their own either.
    second_names: HashSet<PathBuf>,
    last: (Instant, Timestamp),
}

impl Finder {
    /// # Errors
    /// When a pattern is malformed.
    pub(super) fn new(patterns: &[String]) -> Result<Finder, Error> {
        let compiled = patterns.iter().map(|pattern| {
            let bad = |error: glob::PatternError| {
                Error::config(format!(
                    "bad file pattern `{pattern}`: {} at {}",
                    error.msg, error.pos
                ))
                .with_hint("write `[*]` or `[?]` or `[[]` for the character itself")
            };
            Pattern::new(pattern).map_err(bad)?;
            let mut whole = pattern.clone();
            if !whole.starts_with('/') {
                let here = absolute(Path::new("."))?;
                let here = Pattern::escape(&here.to_string_lossy());
                whole = format!("{here}/{}", pattern.trim_start_matches("./"));
            }
            Ok((pattern.clone(), Pattern::new(&whole).map_err(bad)?))
        });
        Ok(Finder {
            patterns: compiled.collect::<Result<_, Error>>()?,
            claimed: HashSet::new(),
            second_names: HashSet::new(),
            last: (Instant::now(), SystemClock.now()),
        })
    }

    /// Notes that the path has a source; `false` when it had one already.
    pub(super) fn claim(&mut self, key: &Path) -> bool {
        self.claimed.insert(key.to_path_buf())
    }

    /// Whether the path has a source.
    pub(super) fn has(&self, key: &Path) -> bool {
        self.claimed.contains(key)
    }

    /// Whether a pattern matches the absolute path.
    pub(super) fn covers(&self, key: &Path) -> bool {
        self.patterns.iter().any(|(_, pattern)| pattern.matches_path_with(key, OPTIONS))
    }

    /// The time of the last search, if it is time for the next one.
    pub(super) fn due(&mut self) -> Option<Timestamp> {
        let due = !self.patterns.is_empty() && self.last.0.elapsed() >= SEARCH_INTERVAL;
        due.then(|| std::mem::replace(&mut self.last, (Instant::now(), SystemClock.now())).1)
    }

    #[cfg(test)]
    pub(super) fn make_due(&mut self) {
        self.last.0 -= SEARCH_INTERVAL;
    }

    /// Claims and returns the files that match and have no source yet, in the order of their names.
    /// Left out are rotated files of logs that have a source, files that are open already, second
    /// names of a file, compressed ones and what is no regular file.
    pub(super) fn search(&mut self, held: &HashSet<FileId>) -> Vec<NewFile> {
        let mut found = Vec::new();
        for (pattern, _) in &self.patterns {
            let Ok(paths) = glob::glob_with(pattern, OPTIONS) else { continue };
            let archives = Packing::of_name(OsStr::new(pattern));
            // Directories that can't be read have no files that could be.
            found.extend(paths.flatten().filter(|path| {
                let name = path.file_name().unwrap_or_default();
                !is_never_followed(name) || archives.is_some() && Packing::of_name(name) == archives
            }));
        }
        found.sort();
        found.dedup();
        let mut new: Vec<NewFile> = Vec::new();
        let mut by_id: HashMap<FileId, usize> = HashMap::new();
        self.second_names.clear();
        for path in found {
            let Ok(key) = absolute(&path) else { continue };
            if self.claimed.contains(&key) || self.is_rotated(&key) {
                continue;
            }
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let id = FileId::of(&metadata);
            if !metadata.is_file() {
                continue;
            }
            // In the order of names a log comes before its rotated files.
            self.second_names.insert(key.clone());
            if held.contains(&id) {
                continue;
            }
            let is_link = path.is_symlink();
            let file = NewFile { path, key, id, is_link, is_alone: false };
            match by_id.entry(id) {
                Entry::Vacant(entry) => {
                    entry.insert(new.len());
                    new.push(file);
                }
                // A link may move on to another file, which is then found under its own name.
                Entry::Occupied(entry) if new[*entry.get()].is_link && !is_link => {
                    new[*entry.get()] = file;
                }
                Entry::Occupied(_) => {}
            }
        }
        new.sort_by(|a, b| a.path.cmp(&b.path));
        for file in &new {
            self.second_names.remove(&file.key);
            self.claim(&file.key);
        }
        find_alone(&mut new);
        new
    }

    fn is_rotated(&self, key: &Path) -> bool {
        let Some(name) = key.file_name().map(OsStrExt::as_bytes) else { return false };
        bases(name)
            .map(|base| key.with_file_name(OsStr::from_bytes(base)))
            .filter(|log| self.claimed.contains(log) || self.second_names.contains(log))
            .any(|log| is_rotated_of(key, &log))
    }
}

/// The key with its directory resolved: the same for all spellings of one path.
pub(super) fn resolved(key: &Path) -> PathBuf {
    let dir = key.parent().and_then(|dir| dir.canonicalize().ok());
    let resolved = dir.zip(key.file_name()).map(|(dir, name)| dir.join(name));
    resolved.unwrap_or_else(|| key.to_path_buf())
}

/// A file that a pattern found.
pub(super) struct NewFile {
    /// As found.
    pub(super) path: PathBuf,
    /// The absolute path.
    pub(super) key: PathBuf,
    pub(super) id: FileId,
    is_link: bool,
    /// There are no rotated files beside it.
    pub(super) is_alone: bool,
}

/// Sees which files have no rotated ones, with a fixed number of listings of each directory.
fn find_alone(new: &mut [NewFile]) {
    let mut by_dir: HashMap<&Path, Vec<&Path>> = HashMap::new();
    for file in new.iter() {
        if let Some(dir) = file.key.parent() {
            by_dir.entry(dir).or_default().push(&file.key);
        }
    }
    let mut alone: HashSet<PathBuf> = HashSet::new();
    for (dir, logs) in by_dir {
        // If it can't be listed, every source sees for itself.
        let Ok(rotated) = with_rotated(dir, &logs) else { continue };
        let logs = logs.into_iter().filter(|log| !rotated.contains(log));
        alone.extend(logs.map(Path::to_path_buf));
    }
    for file in new {
        file.is_alone = alone.contains(&file.key);
    }
}

/// The path as a key: absolute, not resolved.
///
/// # Errors
/// When the path is empty or the working directory is unknown.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let absolute =
        std::path::absolute(path).map_err(|error| Error::io_at("follow", path, error))?;
    let normal = absolute.components().filter(|part| *part != std::path::Component::CurDir);
    Ok(normal.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_is_refused_with_its_place() {
        let error = Finder::new(&["/var/log/***.log".into()]).err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(error.contains("`/var/log/***.log`") && error.contains(" at "), "{error}");
    }

    #[test]
    fn covers_absolute_keys_of_relative_patterns() {
        let finder = Finder::new(&["./logs/*.log".into(), "/x/**/a.log".into()]).unwrap();
        let check = |path: &str, expect: bool| {
            assert_eq!(finder.covers(&absolute(Path::new(path)).unwrap()), expect, "{path}");
        };
        check("logs/a.log", true);
        check("./logs/./a.log", true);
        check("logs/deep/a.log", false);
        check("logs/.hidden.log", false);
        check("/x/y/z/a.log", true);
    }
}
