//! The rows of the fault matrix: one module each, and what they share.

mod deaths;
mod edges;
mod forks;
mod huge;
mod hung;
mod kills;
mod memory;
mod overflow;
mod reentry;
mod reload;
mod signals;
mod threads;
mod values;

use std::time::Duration;

use serde_json::{Value, json};

use crate::kid::{Call, Place, Run, ask};
use crate::ours::{self, Options, Recovered};
use crate::report::Section;

/// One experiment.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Numbers in the fault matrix.
    pub(crate) faults: &'static str,
    /// One line for the terminal, and the heading of the page.
    pub(crate) what: &'static str,
    /// How it is done, for the page.
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Run) -> Result<Section, String>,
    /// What its children do.
    pub(crate) child: fn(&Call) -> Result<Value, String>,
}

pub(crate) static ALL: [&Row; 19] = [
    &deaths::ROW,
    &kills::ROW,
    &signals::TERMINATE,
    &values::ROW,
    &threads::PANICS,
    &forks::ROW,
    &threads::SHORT,
    &threads::MANY,
    &signals::HANDLER,
    &reentry::ROW,
    &overflow::ROW,
    &hung::ROW,
    &huge::ROW,
    &huge::DEEP,
    &reload::ROW,
    &edges::OUTSIDE,
    &edges::NO_WORKER,
    &memory::CAP,
    &memory::ALLOCATIONS,
];

/// Runs what a child was asked to do.
pub(crate) fn child(call: &Call) -> Result<Value, String> {
    if call.row == RECOVER {
        return start_and_close(call);
    }
    let row = ALL.iter().find(|row| row.name == call.row);
    (row.ok_or_else(|| format!("no row `{}`", call.row))?.child)(call)
}

const RECOVER: &str = "recover";

/// Starts the service of this place once more, closes it, and says what the start found.
pub(crate) fn recover(place: &Place) -> Result<Recovered, String> {
    let answer = ask(place, RECOVER, "start", &[], Duration::from_secs(120))?;
    let number = |key: &str| answer[key].as_u64().unwrap_or_default();
    Ok(Recovered {
        segments: number("segments"),
        records: number("records"),
        already_written: number("already_written"),
        damaged: number("damaged"),
        elapsed: Duration::from_micros(number("elapsed_us")),
    })
}

fn start_and_close(call: &Call) -> Result<Value, String> {
    let logging = ours::to_file(&call.place, &Options::default())?;
    let found = ours::recovered(&logging);
    drop(logging);
    Ok(json!({
        "segments": found.segments,
        "records": found.records,
        "already_written": found.already_written,
        "damaged": found.damaged,
        "elapsed_us": found.elapsed.as_micros() as u64,
    }))
}

/// A child's answer of this name, zero if it gave none.
fn got(answer: &Value, key: &str) -> u64 {
    answer[key].as_u64().unwrap_or_default()
}
