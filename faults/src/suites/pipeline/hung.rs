//! A sink that never returns, beside one that works.

use std::time::{Duration, Instant};

use prisma_log::{BatchError, Durability, Error, Filter, Record, Sink};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{self, Call, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Logging, Options};
use crate::report::{Section, quantile, thousands};
use crate::{load, os};

pub(crate) static ROW: Row = Row {
    name: "hung-sink",
    faults: "11",
    what: "one sink sleeps for ever; the other goes on",
    about: "A file sink alone and beside a blocking sink that never returns from its first batch, in \
        turns: time until all records are in the file, and the caller's latency in bursts of 1,000. \
        Closing gives up on the hung sink at its deadline.",
    needs: needs::nothing,
    run,
    child,
};

fn run(run: &Run) -> Result<Section, String> {
    let records: u64 = run.pick(100_000, 1_000_000);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (mut p_alone, mut p_beside) = (Vec::new(), Vec::new());
    let (mut lost, mut unaccounted) = (0, 0);
    for _ in 0..run.pick(1, 9) {
        for (role, rates, latencies) in
            [("alone", &mut alone, &mut p_alone), ("beside", &mut beside, &mut p_beside)]
        {
            let place = run.place(role)?;
            let limit = Duration::from_secs(120);
            let answer = ask(&place, ROW.name, role, &[&records.to_string()], limit)?;
            let log = Log::read(&place.log())?;
            lost += log.stream(0, 0).missing(records) + log.torn + log.repeated();
            unaccounted += got(&answer, "unaccounted");
            rates.push(records as f64 / answer["seconds"].as_f64().unwrap_or(f64::NAN));
            latencies.push(answer["p999_us"].as_f64().unwrap_or(f64::NAN));
        }
    }
    let place = run.place("closing")?;
    let limit = Duration::from_secs(60);
    let closing = ask(&place, ROW.name, "closing", &["10000"], limit)?;
    let lost_closing = Log::read(&place.log())?.stream(0, 0).missing(10_000);
    let (rate_alone, rate_beside) = (quantile(&mut alone, 0.5), quantile(&mut beside, 0.5));
    let change = (1.0 - rate_beside / rate_alone) * 100.0;
    let mut section = Section::new();
    section.zero("records of the other sink lost", lost + lost_closing);
    section.zero("records of the hung sink unaccounted for", unaccounted);
    section.info("records/s alone", thousands(rate_alone as u64));
    section.info("records/s beside a hung sink", thousands(rate_beside as u64));
    if run.quick {
        section.info("throughput lost", format!("{change:.1} %"));
    } else {
        section.at_most("throughput lost", 5.0, change, "%");
    }
    section.info("caller's p99.9 alone", format!("{:.1} µs", quantile(&mut p_alone, 0.5)));
    section.info("caller's p99.9 beside", format!("{:.1} µs", quantile(&mut p_beside, 0.5)));
    let seconds = closing["seconds"].as_f64().unwrap_or(f64::NAN);
    section.at_most("closing with a hung sink", 15.0, seconds, "s");
    Ok(section)
}

/// Never returns.
struct Hung;

impl Sink for Hung {
    fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
        loop {
            std::thread::sleep(Duration::from_secs(3_600));
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let records = call.number(0)?;
    let mut builder = ours::builder(&call.place, &Options::default());
    builder = builder.sink("file", Filter::default(), ours::file(&call.place)?);
    if call.role != "alone" {
        builder = ours::blocking_sink(builder, "hung", Hung);
    }
    let logging = ours::build(builder)?;
    if call.role == "closing" {
        let log = logging.logger("hung");
        (0..records).for_each(|n| load::record(&log, 0, 0, n));
        let begin = Instant::now();
        drop(logging);
        return Ok(json!({ "seconds": begin.elapsed().as_secs_f64() }));
    }
    let (seconds, p999) = measure(&logging, records)?;
    let hung = ours::counts(&logging, "hung");
    let unaccounted = hung.submitted.abs_diff(hung.delivered + hung.dropped + hung.in_flight)
        + hung.delivered
        + submitted(records).saturating_sub(ours::handed_over(&logging));
    kid::answer(&json!({ "seconds": seconds, "p999_us": p999, "unaccounted": unaccounted }));
    // Closing waits for the hung sink, which is another figure.
    os::exit_at_once(0)
}

const BURSTS: u64 = 100;
const BURST: u64 = 1_000;

fn submitted(records: u64) -> u64 {
    records + BURSTS * BURST
}

fn measure(logging: &Logging, records: u64) -> Result<(f64, f64), String> {
    let log = logging.logger("hung");
    let mut times = Vec::with_capacity((BURSTS * BURST) as usize);
    for burst in 0..BURSTS {
        for n in 0..BURST {
            let begin = Instant::now();
            load::record(&log, 1, 0, burst * BURST + n);
            times.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    let in_file = |count: u64| {
        let begin = Instant::now();
        while ours::counts(logging, "file").delivered < count {
            if begin.elapsed() > Duration::from_secs(60) {
                return Err("the file sink stands still".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    };
    in_file(BURSTS * BURST)?;
    let begin = Instant::now();
    (0..records).for_each(|n| load::record(&log, 0, 0, n));
    in_file(submitted(records))?;
    Ok((begin.elapsed().as_secs_f64(), quantile(&mut times, 0.999)))
}
