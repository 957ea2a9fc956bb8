//! A storm: a million matching lines a second.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prisma_log::monitor::{AlertFilter, Message, Policy, Route, Store};
use prisma_log::{Monitor, Rule};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Place, Run, ask};
use crate::needs;
use crate::os;
use crate::report::{Section, thousands};

pub(super) static ROW: Row = Row {
    name: "watch-storm",
    faults: "38",
    what: "more matches than anybody can be told of",
    about: "A file in which every line matches is read as fast as it can be: first with lines of 1,000 \
        hosts, then with 200,000 hosts of which each would be an alert of its own. Every match must be \
        in the count of an alert or counted as one that raised none, handlers must be told of each \
        alert once, and a receiver may get 30 messages a minute; what its cap holds back must be \
        counted. The memory of the monitor must not grow with the lines.",
    needs: needs::nothing,
    run,
    child,
};

const PATIENCE: Duration = Duration::from_secs(600);
/// Messages that the receiver may get in a minute.
const CAP: u32 = 30;

/// One storm.
struct Storm {
    name: &'static str,
    hosts: u64,
    /// In a short run, and in a whole one.
    lines: [u64; 2],
    /// Matches a second, at least, in a whole run.
    rate: Option<f64>,
}

const STORMS: [Storm; 2] = [
    Storm { name: "1,000 hosts", hosts: 1_000, lines: [1_000_000, 20_000_000], rate: Some(1e6) },
    Storm { name: "200,000 hosts", hosts: 200_000, lines: [200_000, 5_000_000], rate: None },
];

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("watch-storm")?;
    let mut section = Section::new();
    for storm in &STORMS {
        let Storm { name, hosts, rate, .. } = *storm;
        let lines = run.pick(storm.lines[0], storm.lines[1]);
        let mut peaks = Vec::new();
        let mut last = Value::Null;
        for lines in [lines / 10, lines] {
            place.clear()?;
            write(&place, lines, hosts).map_err(|error| error.to_string())?;
            last = ask(&place, ROW.name, "watch", &[], PATIENCE)?;
            peaks.push(got(&last, "rss_kib") as f64 / 1024.0);
        }
        let per_second = lines as f64 / last["seconds"].as_f64().unwrap_or(f64::INFINITY);
        section.info(format!("{name}: lines, all of which match"), thousands(lines));
        match rate.filter(|_| !run.quick) {
            Some(rate) => section.at_least(
                format!("{name}: million matches a second"),
                rate / 1e6,
                per_second / 1e6,
                "",
            ),
            // What a short run measures is mostly how it starts.
            None => {
                section.info(format!("{name}: matches a second"), thousands(per_second as u64));
            }
        }
        count(&mut section, name, lines, &last);
        section.info(
            format!("{name}: peak memory for a tenth of the lines"),
            format!("{:.1} MiB", peaks[0]),
        );
        section.at_most(format!("{name}: peak memory for all of them"), 64.0, peaks[1], "MiB");
    }
    Ok(section)
}

fn count(section: &mut Section, name: &str, lines: u64, answer: &Value) {
    let of = |key: &str| got(answer, key);
    section.equals(format!("{name}: matches"), lines, of("matches"));
    section.equals(
        format!("{name}: counted in alerts, or as one that raised none"),
        lines,
        of("counted") + of("uncounted"),
    );
    section.info(format!("{name}: alerts"), thousands(of("alerts")));
    section.equals(format!("{name}: handlers told of a raised alert"), of("raised"), of("told"));
    section.at_most(
        format!("{name}: messages that the receiver got within a minute"),
        f64::from(CAP),
        of("most_in_a_minute") as f64,
        "",
    );
    // Each alert is in a group of its own, and a message is due for each.
    section.equals(
        format!("{name}: messages made for alerts, or held back and counted"),
        of("raised"),
        of("single_messages") + of("suppressed"),
    );
    section.equals(
        format!("{name}: news that the receiver took, that digests count, or that waits"),
        of("raised"),
        of("news_told") + of("news_omitted") + of("news_pending"),
    );
}

fn write(place: &Place, lines: u64, hosts: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(place.log())?);
    let mut line = String::new();
    for number in 0..lines {
        let host = number * 7_919 % hosts.min(lines);
        line.clear();
        let _ = writeln!(line, "{{\"message\":\"storm\",\"host\":\"h{host}\"}}");
        file.write_all(line.as_bytes())?;
    }
    file.flush()
}

/// What the receiver got: when, of how many alerts.
#[derive(Default)]
struct Got(Vec<(Instant, usize, u64)>);

impl Got {
    /// Most messages that came within a minute.
    fn most_in_a_minute(&self) -> usize {
        let minute = Duration::from_secs(60);
        let since = |&(at, ..): &(Instant, usize, u64)| {
            self.0.iter().filter(|(other, ..)| *other >= at && *other - at < minute).count()
        };
        self.0.iter().map(since).max().unwrap_or(0)
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let say = |error: prisma_log_core::Error| error.to_string();
    let rule = Rule::builder("storm").message("^storm$").group_by(["host"]);
    let route = Route::builder().receiver("pager").group_by(["..."]).group_wait(Duration::ZERO);
    let policy = Policy::builder().max_per_minute(CAP).route(route).build().map_err(say)?;
    let store = call.place.dir.join("alerts.redb");
    let told = Arc::new(AtomicU64::new(0));
    let messages = Arc::<Mutex<Got>>::default();
    let begin = Instant::now();
    let report = Monitor::builder()
        .rules([rule.build().map_err(say)?])
        .file(call.place.log())
        .store(&store)
        .from_start(true)
        .until_idle(Duration::from_millis(200))
        .policy(policy)
        .receiver("pager", {
            let messages = Arc::clone(&messages);
            move |message: &Message| {
                let entry = (Instant::now(), message.news.len(), message.omitted);
                messages.lock().unwrap_or_else(PoisonError::into_inner).0.push(entry);
                Ok(())
            }
        })
        .on_alert({
            let told = Arc::clone(&told);
            move |_| {
                told.fetch_add(1, Ordering::Relaxed);
            }
        })
        .start()
        .and_then(Monitor::wait)
        .map_err(say)?;
    let seconds = begin.elapsed().as_secs_f64();
    let rss_kib = os::most_memory_in_use() / 1024;
    let alerts = Store::open_existing(&store)
        .and_then(|store| store.list(&AlertFilter::all()))
        .map_err(say)?;
    let counted: u64 = alerts.iter().map(|alert| alert.count).sum();
    let pager = report.receivers.first().ok_or("the receiver is unknown")?;
    let messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
    let single = messages.0.iter().filter(|(_, news, omitted)| *news == 1 && *omitted == 0).count();
    Ok(json!({
        "seconds": seconds, "rss_kib": rss_kib, "matches": report.rules[0].matches,
        "raised": report.raised, "told": told.load(Ordering::Relaxed),
        "alerts": alerts.len(), "counted": counted, "uncounted": report.not_opened,
        "most_in_a_minute": messages.most_in_a_minute(), "single_messages": single,
        "suppressed": pager.suppressed, "news_told": pager.told, "news_omitted": pager.omitted,
        "news_pending": pager.pending(),
    }))
}
