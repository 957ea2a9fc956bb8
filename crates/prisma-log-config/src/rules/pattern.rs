//! Regular expressions, with the reason why one is refused on one line.

use prisma_log_core::Error;
use prisma_log_monitor::Rule;

use crate::tree::Node;

/// Reports a pattern that can't be compiled, at its node.
///
/// # Errors
/// When the pattern can't be compiled.
pub(super) fn check_pattern(node: &Node, path: &str, pattern: &str) -> Result<(), Error> {
    match Rule::builder("rule").line(pattern).build() {
        Ok(_) => Ok(()),
        Err(error) => {
            let (reason, column) = reason_of(error.message());
            let at = column.map_or(String::new(), |column| format!(" at its character {column}"));
            Err(node.error(format!("`{path}`: bad pattern{at}: {reason}")))
        }
    }
}

/// The reason in the builder's error, which may be a drawing of several lines with a `^` under the
/// culprit, and the culprit's position in a pattern of one line.
pub(super) fn reason_of(message: &str) -> (&str, Option<usize>) {
    let bare = message.split_once("`: ").map_or(message, |(_, what)| what);
    let Some(reason) = bare.lines().find_map(|line| line.strip_prefix("error: ")) else {
        return (bare, None);
    };
    let caret = bare.lines().find_map(|line| {
        let (indent, rest) = line.split_at(line.find('^')?);
        // Only in a drawing of a pattern of one line is nothing else on the marks' line.
        let marks = rest.chars().all(|c| c == '^' || c == ' ') && indent.trim().is_empty();
        marks.then(|| indent.chars().count().checked_sub(DRAWING_INDENT)).flatten()
    });
    (reason, caret.map(|column| column + 1))
}

/// What the regex crate's drawings are indented by.
const DRAWING_INDENT: usize = 4;
