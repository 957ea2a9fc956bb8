//! What stands for CrowdSec's parsers of single services: patterns of lines.

mod hosts;
mod services;

/// A form of line, and what it says.
pub(super) struct Row {
    /// What the log's type or the line's program contains; empty for any.
    pub(super) of: &'static str,
    pub(super) log_type: &'static str,
    /// Further fields, `key=value` separated by spaces.
    pub(super) more: &'static str,
    /// `{ip}` is an address. Every named group becomes a field; `ip` is the source address, `user`
    /// all that scenarios call a user.
    pub(super) pattern: &'static str,
}

const fn row(
    of: &'static str,
    log_type: &'static str,
    more: &'static str,
    pattern: &'static str,
) -> Row {
    Row { of, log_type, more, pattern }
}

/// All of them; the first that matches counts.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    hosts::ROWS.iter().chain(services::ROWS)
}
