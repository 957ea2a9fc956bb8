//! Whether the counts are ripgrep's.

use super::{Setting, child, pattern_file};
use crate::monitor::patterns;

/// Compares counts of single patterns, and returns how many were compared.
///
/// The eight are counted in the whole file. Of more patterns, some are counted in the shorter one:
/// ripgrep counts one at a time.
pub(super) fn counts(setting: &Setting, size: usize) -> Result<usize, String> {
    let set = patterns::set(size);
    let file = if size == 8 { &setting.files[0] } else { &setting.short };
    let every = match (size, setting.quick) {
        (8, _) => 1,
        (_, false) => size / 50,
        (_, true) => size / 10,
    };
    let patterns = pattern_file(size, file)?;
    let (ours, _) = child::count(1, &patterns, &[file])?;
    let mut checked = 0;
    let mut lines = 0;
    for (pattern, &count) in set.iter().zip(&ours.counts).step_by(every) {
        let (expected, _) = setting.ripgrep.count(std::slice::from_ref(pattern), true, file)?;
        if count != expected {
            return Err(format!("`{pattern}`: ours counts {count} lines, ripgrep {expected}"));
        }
        checked += 1;
        lines += count;
    }
    if lines == 0 {
        return Err(format!("{size} patterns: no line holds any"));
    }
    Ok(checked)
}
