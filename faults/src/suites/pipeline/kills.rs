//! `kill -9` at random moments under full load.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Row, recover};
use crate::kid::{Call, Kid, Place, Progress, Run};
use crate::lines::Log;
use crate::needs;
use crate::oracle::Oracle;
use crate::ours::{self, Options};
use crate::report::{Section, quantile};
use crate::{load, oracle};

pub(crate) static ROW: Row = Row {
    name: "kills",
    faults: "1, 5",
    what: "SIGKILL at random moments under full load",
    about: "Two threads log as fast as they can; after each call a thread counts the record as \
        acknowledged in a file of its own that the kill leaves behind. 10 to 120 ms later the \
        process is killed, and the service starts again. Then every acknowledged record must be in \
        the file exactly once, and every line must be whole. After every tenth kill the start \
        itself is killed too, once or more, before it may finish.",
    needs: needs::nothing,
    run,
    child,
};

const THREADS: u64 = 2;
const READY: usize = 2;
/// A file beyond this size is checked and gone; until then each process goes on with the last
/// one's.
const FILE_BYTES: u64 = 400 << 20;

#[derive(Default)]
struct Totals {
    acknowledged: u64,
    lost: u64,
    repeated: u64,
    strange: u64,
    torn: u64,
    blank: u64,
    tails: u64,
    replayed: u64,
    already_written: u64,
    damaged: u64,
    left: u64,
    interrupted: u64,
}

impl Totals {
    fn bad(&self) -> [u64; 4] {
        [self.lost, self.repeated, self.torn, self.strange]
    }
}

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("kills")?;
    let oracle = Oracle::open(&place.ring.join("oracle"))?;
    let kills = run.pick(30, 1_000);
    let mut seed = 0x5eed;
    let mut totals = Totals::default();
    let mut times = Vec::new();
    let mut progress = Progress::new("kills", kills);
    let mut checked = 0;
    for number in 0..kills {
        kill_under_load(&place, oracle, number, &mut seed)?;
        let interrupted = if number % 10 == 9 { kill_starts(&place, &mut seed)? } else { 0 };
        totals.interrupted += interrupted;
        let found = recover(&place)?;
        times.push(found.elapsed.as_secs_f64() * 1e3);
        totals.replayed += found.records;
        totals.already_written += found.already_written;
        totals.damaged += found.damaged;
        let before = totals.bad();
        checked = check(&place, oracle, number, checked, &mut totals)?;
        if totals.bad() != before {
            let [lost, repeated, torn, strange] = totals.bad();
            eprintln!(
                "  kill {number}, {interrupted} starts killed after it: now {lost} lost, {repeated} \
                 repeated, {torn} torn, {strange} never acknowledged"
            );
        }
        progress.at(number);
    }
    let torn_file = place.dir.join("app.log.torn");
    let mut section = Section::new();
    section.info("kills", kills);
    section.info("of them followed by kills of the start", totals.interrupted);
    section.info("acknowledged records", crate::report::thousands(totals.acknowledged));
    section.zero("acknowledged records lost", totals.lost);
    section.zero("lines torn", totals.torn);
    section.zero("records repeated", totals.repeated);
    section.zero("records never acknowledged beyond the one under way", totals.strange);
    section.zero("bytes that could not be read from a ring", totals.damaged);
    section.zero("rings left behind", totals.left);
    section.info("replayed by the next start", crate::report::thousands(totals.replayed));
    section.info("in a ring and in the file already", totals.already_written);
    section.info("torn ends that the file sink moved aside", totals.tails);
    section.info("bytes of them", fs::metadata(torn_file).map_or(0, |data| data.len()));
    section.info("recovery, p50", format!("{:.1} ms", quantile(&mut times, 0.5)));
    section.info("recovery, max", format!("{:.1} ms", quantile(&mut times, 1.0)));
    Ok(section)
}

fn kill_under_load(
    place: &Place,
    oracle: Oracle,
    number: u64,
    seed: &mut u64,
) -> Result<(), String> {
    (0..=READY).for_each(|slot| oracle.set(slot, 0));
    let mut kid = Kid::start(place, ROW.name, "load", &[&number.to_string()])?;
    while oracle.get(READY) == 0 {
        if !kid.is_running() {
            return kid.wait(Duration::ZERO)?.answer().and(Err("ended before its kill".to_owned()));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(Duration::from_micros(10_000 + load::random(seed) % 110_000));
    kid.kill();
    kid.wait(Duration::from_secs(10)).map(drop)
}

/// Kills the next start in its first 20 ms, up to three times; how many were killed.
fn kill_starts(place: &Place, seed: &mut u64) -> Result<u64, String> {
    let mut killed = 0;
    for _ in 0..=load::random(seed) % 3 {
        let mut kid = Kid::start(place, super::RECOVER, "start", &[])?;
        std::thread::sleep(Duration::from_micros(500 + load::random(seed) % 20_000));
        killed += u64::from(kid.is_running());
        kid.kill();
        kid.wait(Duration::from_secs(10))?;
    }
    Ok(killed)
}

/// Reads what the last run added; gives back where the next begins.
fn check(
    place: &Place,
    oracle: Oracle,
    number: u64,
    from: u64,
    totals: &mut Totals,
) -> Result<u64, String> {
    let log = Log::read_from(&place.log(), from, |_| {})?;
    totals.torn += log.torn;
    totals.blank += log.blank;
    totals.left += place.rings_left();
    totals.repeated += log.repeated();
    // Of another run: a record replayed twice, beyond a whole recovery.
    totals.repeated +=
        log.streams.iter().filter(|(s, _)| s.run != number).map(|(_, s)| s.distinct).sum::<u64>();
    for thread in 0..THREADS {
        let seen = log.stream(number, thread);
        let acknowledged = oracle.get(thread as usize);
        totals.acknowledged += acknowledged;
        let missing = seen.missing(acknowledged);
        if missing > 0 {
            let first = (0..acknowledged).find(|&n| !seen.has(n)).unwrap_or_default();
            eprintln!("  thread {thread}: {missing} missing from {first} of {acknowledged}");
        }
        totals.lost += missing;
        totals.strange += seen.beyond(acknowledged).saturating_sub(1);
    }
    let torn = place.dir.join("app.log.torn");
    if torn.exists() {
        totals.tails += 1;
    }
    if log.end < FILE_BYTES {
        return Ok(log.end);
    }
    fs::remove_file(place.log()).map_err(|error| error.to_string())?;
    Ok(0)
}

fn child(call: &Call) -> Result<Value, String> {
    let number = call.number(0)?;
    let oracle = oracle::Oracle::open(&call.place.ring.join("oracle"))?;
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("kills");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = log.clone();
            scope.spawn(move || {
                for n in 0.. {
                    load::record(&log, number, thread, n);
                    oracle.set(thread as usize, n + 1);
                    if n == 0 {
                        oracle.add(READY, 1);
                    }
                }
            });
        }
    });
    Ok(json!({}))
}
