//! Levels changed while the program logs, some of the changes bad.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prisma_log::{Filter, debug};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::Log;
use crate::load;
use crate::needs;
use crate::ours::{self, Logging, Options};
use crate::report::{Section, thousands};

pub(crate) static ROW: Row = Row {
    name: "reload",
    faults: "53",
    what: "levels reloaded under load, 30 % of the reloads bad",
    about: "Two threads log while a third changes the level directives again and again; a bad text is \
        refused whole. After each change a probe is logged, which must be in the file exactly if \
        the last good change lets it pass.",
    needs: needs::nothing,
    run,
    child,
};

/// The thread number of probes.
const PROBE: u64 = 9;

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("reload")?;
    let reloads: u64 = run.pick(500, 10_000);
    let limit = Duration::from_secs(300);
    let answer = ask(&place, ROW.name, "filter", &[&reloads.to_string()], limit)?;
    let log = Log::read(&place.log())?;
    let mut section = Section::new();
    let (bad, refused) = (got(&answer, "bad"), got(&answer, "refused"));
    section.info("reloads", thousands(reloads));
    section.equals("bad ones refused", bad, refused);
    let lost = |thread| log.stream(0, thread).missing(got(&answer, &format!("thread{thread}")));
    section.zero("records lost", lost(0) + lost(1));
    let probes = log.stream(0, PROBE);
    let wanted: Vec<u64> = answer["probes"]
        .as_array()
        .map_or(Vec::new(), |list| list.iter().filter_map(Value::as_u64).collect());
    let missing = wanted.iter().filter(|&&n| !probes.has(n)).count() as u64;
    section.zero("probes missing that the last good change lets pass", missing);
    let passed = wanted.len() as u64;
    section.equals("probes in the file", passed, probes.distinct);
    section.zero("lines torn or repeated", log.torn + log.repeated());
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    let reloads = call.number(0)?;
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("load");
    let stop = AtomicBool::new(false);
    let work = |thread| {
        let mut n = 0;
        while !stop.load(Ordering::Relaxed) {
            (n..n + 50).for_each(|n| load::record(&log, 0, thread, n));
            n += 50;
            std::thread::sleep(Duration::from_millis(1));
        }
        n
    };
    let (counts, (bad, refused, probes)) = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| work(0)), scope.spawn(|| work(1))];
        let done = reload(&logging, reloads);
        stop.store(true, Ordering::Relaxed);
        (threads.map(|thread| thread.join().unwrap_or_default()), done)
    });
    Ok(json!({ "bad": bad, "refused": refused, "probes": probes,
               "thread0": counts[0], "thread1": counts[1] }))
}

/// How many texts were bad, how many were refused, and the probes that must be in the file.
fn reload(logging: &Logging, reloads: u64) -> (u64, u64, Vec<u64>) {
    let probe = logging.logger("probe.inner");
    let (mut bad, mut refused, mut passes) = (0, 0, true);
    let mut wanted = Vec::new();
    let mut seed = 53;
    for n in 0..reloads {
        let draw = load::random(&mut seed);
        let (text, good, opens) = match draw % 10 {
            0 => ("load=info,probe=loud", false, false),
            1 => ("=debug", false, false),
            2 => ("probe=debug,load=trace,x=", false, false),
            3..6 => ("warn,load=info,probe=debug", true, true),
            _ => ("info,load=trace,probe=off", true, false),
        };
        bad += u64::from(!good);
        match text.parse::<Filter>() {
            Ok(filter) => {
                ours::set_filter(logging, filter);
                passes = opens;
            }
            Err(_) => refused += 1,
        }
        debug!(probe, "probe"; "r" => 0, "t" => PROBE, "n" => n);
        if passes {
            wanted.push(n);
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    (bad, refused, wanted)
}
