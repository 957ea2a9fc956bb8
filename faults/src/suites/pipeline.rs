//! Everything between the log call and the sink.

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

use super::{RECOVER, Row, Suite, got};
use crate::kid::{Call, Place, ask};
use crate::ours::{self, Options, Recovered};

pub(super) static SUITE: Suite = Suite {
    name: "pipeline",
    heading: "From the log call to the sink",
    about: "Conservation: for each sink, submitted = delivered + dropped (by reason) + in flight, \
        readable at any time. A record is *acknowledged* when the log call has returned. Ours \
        is the default set-up (queue of 8 MiB in a shared mapping that survives the process, a \
        file sink with JSON lines), unless a row says otherwise.",
    rows: &[
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
    ],
};

/// Starts the service of this place once more, closes it, and says what the start found.
pub(super) fn recover(place: &Place) -> Result<Recovered, String> {
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

pub(super) fn start_and_close(call: &Call) -> Result<Value, String> {
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
