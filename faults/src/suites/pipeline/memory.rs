//! How much memory logging takes, and what it does without any.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prisma_log::{BatchError, Context, Durability, Error, Filter, Record, Sink, info, o};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{self, Call, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Logger, Logging, Options};
use crate::report::{Section, thousands};
use crate::{alloc, load, os};

pub(crate) static CAP: Row = Row {
    name: "memory-cap",
    faults: "57",
    what: "memory while every sink is dead",
    about: "One sink fails every batch, a blocking one never returns; two threads log about a \
        million records a second. The most memory ever in use, beyond that of the started logger, \
        stays within the queue's 8 MiB and 6 MiB for everything else.",
    needs: needs::nothing,
    run: run_cap,
    child,
};

pub(crate) static ALLOCATIONS: Row = Row {
    name: "allocations",
    faults: "58",
    what: "allocations of a log call, and calls without memory to allocate",
    about: "A counting allocator: calls of a warm thread allocate nothing. Then the same calls while \
        every allocation of the thread is refused: no abort, and every record is in the file. What \
        the first calls of new threads do while one allocation, the first to the twentieth, is \
        refused is shown: learning a call site allocates, and Rust ends the process then.",
    needs: needs::nothing,
    run: run_allocations,
    child,
};

const QUEUE_BYTES: usize = 8 << 20;

fn run_cap(run: &Run) -> Result<Section, String> {
    let place = run.place("memory-cap")?;
    let seconds = run.pick("2", "60");
    let answer = ask(&place, CAP.name, "dead", &[seconds], Duration::from_secs(200))?;
    let mut section = Section::new();
    section.info("records", thousands(got(&answer, "records")));
    let grown = got(&answer, "grown") as f64 / f64::from(1 << 20);
    section.at_most("most memory beyond that at the start", 14.0, grown, "MiB");
    section.zero("records that the pipeline does not know of", got(&answer, "handed_over"));
    section.zero("records unaccounted for by the failing sink", got(&answer, "failing"));
    section.zero("records unaccounted for by the hung sink", got(&answer, "hung"));
    Ok(section)
}

const CALLS: u64 = 100_000;
const FORMS: [&str; 5] =
    ["plain values", "Display and Debug", "message arguments", "child logger", "in a context"];
const FIRST: u64 = 20;

fn run_allocations(run: &Run) -> Result<Section, String> {
    let place = run.place("allocations")?;
    let limit = Duration::from_secs(120);
    let mut section = Section::new();
    let answer = ask(&place, ALLOCATIONS.name, "count", &[], limit)?;
    for (form, title) in FORMS.iter().enumerate() {
        let allocations = answer["counts"][form].as_u64().unwrap_or(u64::MAX);
        section.zero(format!("{title}: allocations of 100,000 calls"), allocations);
    }
    place.clear()?;
    let outcome = ask(&place, ALLOCATIONS.name, "refuse", &[], limit);
    let outcome = outcome.err().unwrap_or_else(|| "went well".to_owned());
    section.check("every allocation refused", "went well", &outcome, outcome == "went well");
    let log = Log::read(&place.log())?;
    let lost = (0..FORMS.len() as u64).map(|form| log.stream(1, form).missing(CALLS / 10)).sum();
    section.zero("every allocation refused: records lost", lost);
    let (mut aborts, mut lost, mut first) = (0, 0, String::new());
    for number in 0..FIRST {
        place.clear()?;
        let outcome = ask(&place, ALLOCATIONS.name, "refuse-first", &[&number.to_string()], limit);
        match outcome {
            Ok(_) => lost += Log::read(&place.log())?.stream(1, number).missing(10),
            Err(error) if first.is_empty() => (aborts, first) = (1, format!(" ({error})")),
            Err(_) => aborts += 1,
        }
    }
    let what = format!("a new thread's n-th allocation refused, n up to {FIRST}: aborts");
    section.info(what, format!("{aborts}{first}"));
    section.zero("a new thread's n-th allocation refused: records lost where it lived on", lost);
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    if call.role == "dead" {
        return dead(call);
    }
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("allocations");
    match call.role.as_str() {
        "count" => Ok(count(&log)),
        "refuse" => Ok(refuse(&log)),
        "refuse-first" => refuse_first(&logging, call.number(0)?),
        _ => Err(call.unknown()),
    }
}

struct Failing;

impl Sink for Failing {
    fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
        let error = std::io::Error::from_raw_os_error(libc::EIO);
        Err(BatchError::none_delivered(Error::io("cannot write", error)))
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// Never returns from its first batch.
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

fn dead(call: &Call) -> Result<Value, String> {
    let limit = Duration::from_secs(call.number(0)?);
    let options = Options { queue_bytes: Some(QUEUE_BYTES), ..Options::default() };
    let builder = ours::builder(&call.place, &options).sink("failing", Filter::default(), Failing);
    let logging = ours::build(ours::blocking_sink(builder, "hung", Hung))?;
    let log = logging.logger("memory");
    let before = os::memory_in_use();
    let stop = AtomicBool::new(false);
    let records = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (log, stop, records) = (&log, &stop, &records);
            scope.spawn(move || {
                let begin = Instant::now();
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    (n..n + 1_000).for_each(|n| load::record(log, 0, thread, n));
                    n += 1_000;
                    // Half a million a second from each of the two.
                    let due = Duration::from_micros(n * 2);
                    std::thread::sleep(due.saturating_sub(begin.elapsed()));
                }
                records.fetch_add(n, Ordering::Relaxed);
            });
        }
        std::thread::sleep(limit);
        stop.store(true, Ordering::Relaxed);
    });
    // What the hung sink holds never gets through; the other's must.
    let _complete = ours::flush(&logging, Duration::from_secs(1));
    let grown = os::most_memory_in_use().saturating_sub(before);
    let records = records.load(Ordering::Relaxed);
    let unaccounted = |sink| {
        let counts = ours::counts(&logging, sink);
        let sum = counts.delivered + counts.dropped + counts.in_flight;
        // The pipeline's own notices come on top of what calls handed over.
        counts.submitted.abs_diff(sum) + records.saturating_sub(counts.submitted)
    };
    let handed_over = records.saturating_sub(ours::handed_over(&logging));
    // A notice may be on its way at any moment; nothing else may stay there.
    let begin = Instant::now();
    while unaccounted("failing") + ours::counts(&logging, "failing").in_flight > 0
        && begin.elapsed() < Duration::from_secs(5)
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    let failing = unaccounted("failing") + ours::counts(&logging, "failing").in_flight;
    kid::answer(&json!({ "records": records, "grown": grown, "failing": failing,
                         "hung": unaccounted("hung"), "handed_over": handed_over }));
    // Closing would wait for the hung sink.
    os::exit_at_once(0)
}

/// Prints itself without allocating.
#[derive(Debug)]
struct Plain(u32);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plain {}", self.0)
    }
}

/// A record in one of the forms, with its own identity.
fn form(log: &Logger, young: &Logger, form: u64, run: u64, n: u64) {
    let value = Plain(7);
    match form {
        0 | 4 => load::record(log, run, form, n),
        1 => info!(log, "values"; "r" => run, "t" => form, "n" => n, "d" => %value, "g" => ?value),
        2 => info!(log, "message {} {}", n, value; "r" => run, "t" => form, "n" => n),
        _ => load::record(young, run, form, n),
    }
}

fn with_all_forms(log: &Logger, mut work: impl FnMut(u64, &dyn Fn(u64, u64))) {
    let young = log.new(o!("tenant" => "acme", "shard" => 4));
    for number in 0..FORMS.len() as u64 {
        let _scope = (number == 4).then(|| Context::new().user_id("u1").request_id("q1").enter());
        let call = |run, n| form(log, &young, number, run, n);
        // Warm: the site is known, buffers have grown.
        (0..1_000).for_each(|n| call(0, n));
        work(number, &call);
    }
}

fn count(log: &Logger) -> Value {
    let mut counts = Vec::new();
    with_all_forms(log, |_, call| {
        let before = alloc::count();
        (0..CALLS).for_each(|n| call(1, n));
        counts.push(alloc::count() - before);
    });
    json!({ "counts": counts })
}

fn refuse(log: &Logger) -> Value {
    with_all_forms(log, |_, call| alloc::refusing(|| (0..CALLS / 10).for_each(|n| call(1, n))));
    Value::Null
}

fn refuse_first(logging: &Logging, number: u64) -> Result<Value, String> {
    let log = logging.logger("allocations");
    let work = move || {
        alloc::refuse_after(number);
        (0..10).for_each(|n| load::record(&log, 1, number, n));
        alloc::refuse_none();
    };
    std::thread::spawn(work).join().map_err(|_| "the thread panicked")?;
    Ok(Value::Null)
}
