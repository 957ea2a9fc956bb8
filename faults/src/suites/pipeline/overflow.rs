//! A full queue, under every policy.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use prisma_log::{
    BatchError, Durability, Error, Filter, Level, Overflow, Record, Sink, Value as Field, info,
    warn,
};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::Seen;
use crate::needs;
use crate::ours::{self, Logger, Options};
use crate::report::{Section, Table, thousands};

pub(crate) static ROW: Row = Row {
    name: "overflow",
    faults: "10",
    what: "a full queue: reported drops and real ones, by policy",
    about: "Four threads log records of 1 KiB as fast as they can into a queue of 2 MiB, in front of \
        a sink that takes 1 ms for each. What the sink saw is compared with what was offered, with \
        the ledger, and with the notices that the log itself holds. Some fifty of the records are \
        warnings, which must be the last to go.",
    needs: needs::nothing,
    run,
    child,
};

const THREADS: u64 = 4;
const QUEUE_BYTES: usize = 2 << 20;
const WARNINGS: u64 = 50;

/// Name, title, records offered in a short and in a whole run.
const POLICIES: [(&str, &str, u64, u64); 6] = [
    ("block", "block", 2_500, 10_000),
    ("block-limit", "block, 5 ms at most", 4_000, 20_000),
    ("drop-newest", "drop_newest", 50_000, 1_000_000),
    ("drop-oldest", "drop_oldest", 50_000, 1_000_000),
    ("spill", "spill", 2_800, 20_000),
    ("spill-full", "spill, 1 MiB at most", 7_000, 100_000),
];

fn policy(name: &str, call: &Call) -> Result<Overflow, String> {
    let dir = call.place.dir.join("spill");
    Ok(match name {
        "block" => Overflow::Block { limit: None },
        "block-limit" => Overflow::Block { limit: Some(Duration::from_millis(5)) },
        "drop-newest" => Overflow::DropNewest,
        "drop-oldest" => Overflow::DropOldest,
        "spill" => Overflow::Spill { dir, max_bytes: 1 << 30 },
        "spill-full" => Overflow::Spill { dir, max_bytes: 1 << 20 },
        _ => return Err(call.unknown()),
    })
}

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let head = [
        "policy",
        "offered",
        "in the sink",
        "really dropped",
        "ledger",
        "notices",
        "warnings dropped",
        "longest call",
    ];
    let mut table = Table::new(&head);
    for (name, title, few, many) in POLICIES {
        let place = run.place(name)?;
        let records = run.pick(few, many);
        let limit = Duration::from_secs(600);
        let answer = ask(&place, ROW.name, name, &[&records.to_string()], limit)?;
        let count = |key: &str| got(&answer, key);
        let dropped = count("offered") - count("seen");
        table.body.push(
            [
                title.to_owned(),
                thousands(count("offered")),
                thousands(count("seen")),
                thousands(dropped),
                thousands(count("ledger")),
                thousands(count("notices")),
                count("warnings").to_string(),
                format!("{:.1} ms", count("longest_us") as f64 / 1e3),
            ]
            .to_vec(),
        );
        section.equals(format!("{title}: drops in the ledger"), dropped, count("ledger"));
        section.equals(
            format!("{title}: drops in the log's own notices"),
            dropped,
            count("notices"),
        );
        section.zero(format!("{title}: records seen twice"), count("repeated"));
        section.zero(format!("{title}: warnings dropped"), count("warnings"));
        section.zero(format!("{title}: in flight at the end"), count("in_flight"));
        if matches!(name, "block" | "spill") {
            section.zero(format!("{title}: dropped"), dropped);
        } else {
            section.holds(format!("{title}: the queue was full"), dropped > 0);
        }
    }
    section.table(table);
    Ok(section)
}

#[derive(Default)]
struct Watched {
    streams: [Seen; THREADS as usize],
    warnings: u64,
    notices: u64,
}

/// Takes 1 ms for a record, and remembers it.
struct Watch(Arc<Mutex<Watched>>);

impl Sink for Watch {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            sleep(Duration::from_millis(1));
            let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let number = |key| match record.fields.get(key) {
                Some(Field::U64(number)) => Some(number),
                _ => None,
            };
            if let (Some(thread), Some(n)) = (number("t"), number("n")) {
                watched.streams[thread as usize].add(n);
                watched.warnings += u64::from(record.level >= Level::Warning);
            } else {
                watched.notices += ours::dropped_by_notice(record);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let each = call.number(0)? / THREADS;
    let watched = Arc::new(Mutex::new(Watched::default()));
    let options = Options {
        policy: Some(policy(&call.role, call)?),
        queue_bytes: Some(QUEUE_BYTES),
        ..Options::default()
    };
    let sink = Watch(Arc::clone(&watched));
    let builder = ours::builder(&call.place, &options).sink("watch", Filter::default(), sink);
    let logging = ours::build(builder)?;
    let log = logging.logger("overflow");
    let longest = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || flood(log, thread, each))
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).max().unwrap_or_default()
    });
    if !ours::flush(&logging, Duration::from_secs(300)) {
        return Err("a flush of five minutes did not get through".to_owned());
    }
    let counts = ours::counts(&logging, "watch");
    drop(logging);
    let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
    let warnings = THREADS * each.div_ceil(warning_every(each));
    Ok(json!({
        "offered": THREADS * each,
        "seen": watched.streams.iter().map(|seen| seen.distinct).sum::<u64>(),
        "repeated": watched.streams.iter().map(|seen| seen.repeated).sum::<u64>(),
        "warnings": warnings - watched.warnings,
        "notices": watched.notices,
        "ledger": counts.dropped,
        "in_flight": counts.in_flight,
        "longest_us": longest.as_micros() as u64,
    }))
}

fn warning_every(each: u64) -> u64 {
    each.div_ceil(WARNINGS / THREADS)
}

/// Logs, and says how long the longest call took.
fn flood(log: &Logger, thread: u64, each: u64) -> Duration {
    let text = "x".repeat(1_000);
    let text = text.as_str();
    let mut longest = Duration::ZERO;
    for n in 0..each {
        let begin = Instant::now();
        if n % warning_every(each) == 0 {
            warn!(log, "important"; "t" => thread, "n" => n, "text" => text);
        } else {
            info!(log, "ordinary"; "t" => thread, "n" => n, "text" => text);
        }
        longest = longest.max(begin.elapsed());
    }
    longest
}
