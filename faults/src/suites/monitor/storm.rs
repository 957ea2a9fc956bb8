//! A storm: a million matching lines a second.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use prisma_log::monitor::{AlertFilter, Store};
use prisma_log::{Monitor, Rule};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::needs;
use crate::os;
use crate::report::{Section, thousands};

pub(super) static ROW: Row = Row {
    name: "watch-storm",
    faults: "38",
    what: "more matches than anybody can be told of",
    about: "A file in which every line matches, for 200,000 groups, is read as fast as it can be. The \
        memory of the monitor must not grow with them, every match must be in the count of an alert \
        or counted as forgotten, and handlers must be told of each alert that was raised once.",
    needs: needs::nothing,
    run,
    child,
};

const PATIENCE: Duration = Duration::from_secs(600);
const GROUPS: u64 = 200_000;

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("watch-storm")?;
    let lines: u64 = run.pick(200_000, 5_000_000);
    let (few, many) = (lines / 10, lines);
    let mut section = Section::new();
    let mut peaks = Vec::new();
    for lines in [few, many] {
        place.clear()?;
        let mut text = String::new();
        for line in 0..lines {
            let group = line * 7_919 % GROUPS.min(lines);
            let _ = writeln!(text, "{{\"message\":\"storm\",\"host\":\"h{group}\"}}");
        }
        fs::write(place.log(), text).map_err(|error| error.to_string())?;
        let answer = ask(&place, ROW.name, "watch", &[], PATIENCE)?;
        peaks.push(got(&answer, "rss_kib") as f64 / 1024.0);
        if lines == many {
            let seconds = answer["seconds"].as_f64().unwrap_or_default();
            section.info("lines, all of which match", thousands(lines));
            section.info("matches a second", thousands((lines as f64 / seconds) as u64));
            section.equals("matches", lines, got(&answer, "matches"));
            section.equals("alerts told of", got(&answer, "raised"), got(&answer, "told"));
            section.equals(
                "counted in alerts, or by reason not",
                lines,
                got(&answer, "counted") + got(&answer, "uncounted"),
            );
            section.info("alerts", thousands(got(&answer, "alerts")));
        }
    }
    section.info("peak memory for a tenth of the lines", format!("{:.1} MiB", peaks[0]));
    section.info("peak memory for all of them", format!("{:.1} MiB", peaks[1]));
    section.at_most("peak memory, in times of a tenth's", 1.5, peaks[1] / peaks[0], "");
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    let rule = Rule::builder("storm").message("^storm$").group_by(["host"]);
    let store = call.place.dir.join("alerts.redb");
    let told = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let begin = Instant::now();
    let report = Monitor::builder()
        .rules([rule.build().map_err(|error| error.to_string())?])
        .file(call.place.log())
        .store(&store)
        .from_start(true)
        .until_idle(Duration::from_millis(200))
        .on_alert({
            let told = std::sync::Arc::clone(&told);
            move |_| {
                told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        })
        .start()
        .and_then(Monitor::wait)
        .map_err(|error| error.to_string())?;
    let seconds = begin.elapsed().as_secs_f64();
    let rss_kib = os::most_memory_in_use() / 1024;
    let alerts = Store::open_existing(&store)
        .and_then(|store| store.list(&AlertFilter::all()))
        .map_err(|error| error.to_string())?;
    let counted: u64 = alerts.iter().map(|alert| alert.count).sum();
    Ok(json!({
        "seconds": seconds, "rss_kib": rss_kib, "matches": report.rules[0].matches,
        "raised": report.raised, "told": told.load(std::sync::atomic::Ordering::Relaxed),
        "alerts": alerts.len(), "counted": counted, "uncounted": report.not_opened,
    }))
}
