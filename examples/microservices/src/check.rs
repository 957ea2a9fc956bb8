//! Many requests, and a look at every record of every service: is it in the trace of the request it
//! was written for, and is all there that should be?

mod due;
mod line;
mod report;
mod tally;

use std::time::Instant;

use crate::Error;
use crate::check::report::Report;
use crate::check::tally::Tally;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::traffic::{self, Plan};

/// Whether all holds.
pub(crate) fn run(options: &Options) -> Result<bool, Error> {
    let plan = Plan::new(options);
    let fleet = Fleet::start(options)?;
    let begin = Instant::now();
    let answers = traffic::send(&plan, &fleet, options)?;
    let seconds = begin.elapsed().as_secs_f64();
    let ledgers = fleet.stop()?;

    let mut tally = Tally::new(&plan);
    for ledger in &ledgers {
        tally.read(ledger)?;
    }
    let findings = tally.finish();
    let report = Report { options, seconds, answers: &answers, ledgers: &ledgers, findings };
    report.show();
    let json = options.folder.join("check.json");
    std::fs::write(&json, format!("{:#}\n", report.json()))
        .map_err(|why| format!("cannot write {}: {why}", json.display()))?;
    println!("\n{}", report.verdict());
    Ok(report.holds())
}
