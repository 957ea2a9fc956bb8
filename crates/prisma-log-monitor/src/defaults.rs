//! The rules that come with the monitor.

use crate::Rule;

/// The rules that come with the monitor.
pub fn default_rules() -> Vec<Rule> {
    Vec::new()
}
