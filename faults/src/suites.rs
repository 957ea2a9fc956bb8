//! The suites: each is a list of rows, one module each, with a verdict of its own.

mod monitor;
mod pipeline;
mod sinks;

use serde_json::Value;

use crate::kid::{Call, Run};
use crate::report::Section;

/// Rows that are run, judged and published together.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// Its heading in RELIABILITY.md.
    pub(crate) heading: &'static str,
    /// What its figures mean, for the page.
    pub(crate) about: &'static str,
    pub(crate) rows: &'static [&'static Row],
}

/// One experiment. Its name is its own among the rows of all suites.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Numbers in the fault matrix.
    pub(crate) faults: &'static str,
    /// One line for the terminal, and the heading of the page.
    pub(crate) what: &'static str,
    /// How it is done, for the page.
    pub(crate) about: &'static str,
    /// What it can't do without, or else why it can't run here.
    pub(crate) needs: fn() -> Result<(), String>,
    pub(crate) run: fn(&Run) -> Result<Section, String>,
    /// What its children do.
    pub(crate) child: fn(&Call) -> Result<Value, String>,
}

pub(crate) static ALL: [&Suite; 3] = [&pipeline::SUITE, &sinks::SUITE, &monitor::SUITE];

pub(crate) fn find(name: &str) -> Option<&'static Suite> {
    ALL.into_iter().find(|suite| suite.name == name)
}

/// Runs what a child was asked to do.
pub(crate) fn child(call: &Call) -> Result<Value, String> {
    if call.row == RECOVER {
        return pipeline::start_and_close(call);
    }
    let row = ALL.iter().flat_map(|suite| suite.rows).find(|row| row.name == call.row);
    (row.ok_or_else(|| format!("no row `{}`", call.row))?.child)(call)
}

/// What stands in for a row's name in a child that starts the service and closes it.
const RECOVER: &str = "recover";

/// A child's answer of this name, zero if it gave none.
fn got(answer: &Value, key: &str) -> u64 {
    answer[key].as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_row() {
        let mut names: Vec<_> =
            ALL.iter().flat_map(|suite| suite.rows).map(|row| row.name).collect();
        names.push(RECOVER);
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
