//! One value of a hundred panics or fails while it is logged.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use prisma_log::{FnValue, KV, info};
use serde_json::{Value, json};
use slog::{Key, Serializer};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::{Log, Seen, number};
use crate::load;
use crate::needs;
use crate::ours::{self, Logger, Options};
use crate::report::{Section, thousands};

pub(crate) static ROW: Row = Row {
    name: "values",
    faults: "4",
    what: "1 % of the values panic or fail",
    about: "Two threads log ordinary records; every hundredth has a `Display`, `Debug`, value, \
        key-value list, lazy value or message argument that panics or returns an error.",
    needs: needs::nothing,
    run,
    child,
};

const THREADS: u64 = 2;

fn run(run: &Run) -> Result<Section, String> {
    let records: u64 = run.pick(50_000, 1_000_000);
    let place = run.place("values")?;
    let limit = Duration::from_secs(300);
    let answer = ask(&place, ROW.name, "log", &[&records.to_string()], limit)?;
    let mut told: [Seen; THREADS as usize] = Default::default();
    let log = Log::read_from(&place.log(), 0, |line| {
        if let (Some(thread), Some(n)) = (number(line, b"bad "), number(line, b" at ")) {
            told[thread as usize].add(n);
        }
    })?;
    let (mut good, mut bad) = (0, 0);
    for thread in 0..THREADS {
        let seen = log.stream(0, thread);
        let each = records / THREADS;
        let missing: Vec<u64> = (0..each).filter(|&n| !seen.has(n)).collect();
        good += missing.iter().filter(|&&n| !is_bad(n)).count() as u64;
        let told = &told[thread as usize];
        bad += missing.iter().filter(|&&n| is_bad(n) && !told.has(n)).count() as u64;
    }
    let mut section = Section::new();
    section.info("records", thousands(records));
    section.info("of them with a bad value", thousands(got(&answer, "bad")));
    section.zero("panics that reached a caller", got(&answer, "panics"));
    section.zero("deaths of the worker", got(&answer, "deaths"));
    section.zero("good records missing", good);
    section.zero("records with a bad value missing", bad);
    let repeated = log.repeated() + told.iter().map(|seen| seen.repeated).sum::<u64>();
    section.zero("lines torn or repeated", log.torn + repeated);
    Ok(section)
}

fn is_bad(n: u64) -> bool {
    n % 100 == 7
}

fn child(call: &Call) -> Result<Value, String> {
    // Ten thousand messages of the default hook say nothing.
    std::panic::set_hook(Box::new(|_| {}));
    let each = call.number(0)? / THREADS;
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("values");
    let work = |thread| {
        let (mut panics, mut bad) = (0, 0);
        for n in 0..each {
            if is_bad(n) {
                bad += 1;
                let call = AssertUnwindSafe(|| bad_record(&log, thread, n));
                panics += u64::from(catch_unwind(call).is_err());
            } else {
                load::record(&log, 0, thread, n);
            }
        }
        (panics, bad)
    };
    let counts: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let alive = ours::flush(&logging, Duration::from_secs(60)) && ours::worker_lives(&logging);
    let panics: u64 = counts.iter().map(|count| count.0).sum();
    let bad: u64 = counts.iter().map(|count| count.1).sum();
    Ok(json!({ "panics": panics, "bad": bad, "deaths": u64::from(!alive) }))
}

/// Says which it is in the message, or beside a bad message: what stands behind a bad value in slog's
/// order of key-values is out of anyone's reach.
fn bad_record(log: &Logger, thread: u64, n: u64) {
    match n / 100 % 11 {
        0 => info!(log, "bad {} at {}", thread, n; "v" => %Bad(true)),
        1 => info!(log, "bad {} at {}", thread, n; "v" => %Bad(false)),
        2 => info!(log, "bad {} at {}", thread, n; "v" => ?Bad(true)),
        3 => info!(log, "bad {} at {}", thread, n; "v" => ?Bad(false)),
        4 => info!(log, "bad {} at {}", thread, n; "v" => Bad(true)),
        5 => info!(log, "bad {} at {}", thread, n; "v" => Bad(false)),
        6 => info!(log, "bad {} at {}", thread, n; Bad(true)),
        7 => info!(log, "bad {} at {}", thread, n; Bad(false)),
        8 => info!(log, "bad {}", Bad(true); "r" => 0, "t" => thread, "n" => n),
        9 => info!(log, "bad {}", Bad(false); "r" => 0, "t" => thread, "n" => n),
        _ => info!(log, "bad {} at {}", thread, n;
            "v" => FnValue(|_| -> u64 { panic!("a lazy value") })),
    }
}

/// Panics or fails whatever is asked of it.
struct Bad(bool);

impl Bad {
    fn fail<E>(&self, error: E) -> Result<(), E> {
        assert!(!self.0, "a value");
        Err(error)
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a val")?;
        self.fail(fmt::Error)
    }
}

impl fmt::Debug for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl slog::Value for Bad {
    fn serialize(&self, _: &slog::Record<'_>, _: Key, _: &mut dyn Serializer) -> slog::Result {
        self.fail(slog::Error::Other)
    }
}

impl KV for Bad {
    fn serialize(&self, _: &slog::Record<'_>, serializer: &mut dyn Serializer) -> slog::Result {
        serializer.emit_u64("before".into(), 1)?;
        self.fail(slog::Error::Other)
    }
}
