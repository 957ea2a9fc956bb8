//! `kill -9` at random moments: no alert missed, none repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prisma_log::{FileSink, Filter, Logging, Retention, Rotation, info, warn};

use crate::support::plog;

/// How often, unless the variable `PRISMA_KILL_ROUNDS` says otherwise.
const KILLS: u64 = 50;
/// Matching lines of one burst; the rule fires at the third.
const LINES_A_BURST: u64 = 5;
const RULES: &str = "
version: 1
rules:
  - name: burst
    severity: error
    match: { message: '^burst$' }
    threshold: { count: 3, window: 1h }
    group_by: [burst]
    resolve_after: 24h
";

fn monitor(dir: &Path) -> Child {
    plog()
        .current_dir(dir)
        .args(["monitor", "app.log", "--rules", "rules.yaml", "--store", "alerts.redb"])
        .args(["--from-start", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("plog starts")
}

/// The whole lines that a killed process had printed.
fn printed(mut child: Child) -> Vec<serde_json::Value> {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn kill_minus_nine_neither_misses_nor_repeats_an_alert() {
    let kills = std::env::var("PRISMA_KILL_ROUNDS")
        .map_or(KILLS, |rounds| rounds.parse().expect("PRISMA_KILL_ROUNDS is a number"));
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("rules.yaml"), RULES).unwrap();
    let file = FileSink::builder(dir.join("app.log"))
        .rotation(Rotation::new().max_bytes(64 * 1024))
        .retention(Retention::new().archives(100_000))
        .build()
        .unwrap();
    let logging = Logging::builder().sink("file", Filter::default(), file).build().unwrap();
    // What was rotated away before a monitor had ever stored where it stands belongs to none.
    let first = plog()
        .current_dir(dir)
        .args(["monitor", "app.log", "--rules", "rules.yaml", "--store", "alerts.redb"])
        .args(["--from-start", "--until-idle", "10ms"])
        .output();
    assert!(first.expect("plog starts").status.success());
    let (done, bursts, records) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let mut news = Vec::new();

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let log = logging.logger("writer");
            while !done.load(Ordering::Relaxed) {
                let burst = bursts.fetch_add(1, Ordering::Relaxed);
                for line in 0..LINES_A_BURST {
                    warn!(log, "burst"; "burst" => burst, "line" => line);
                    for filler in 0..6 {
                        info!(log, "filler"; "filler" => filler, "text" => "x".repeat(80));
                    }
                    records.fetch_add(7, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(8));
            }
        });
        for _ in 0..kills {
            let mut child = monitor(dir);
            std::thread::sleep(Duration::from_millis(fastrand::u64(10..350)));
            child.kill().unwrap();
            news.extend(printed(child));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(logging.flush(Duration::from_secs(60)).complete);

    let last = plog()
        .current_dir(dir)
        .args(["monitor", "app.log", "--rules", "rules.yaml", "--store", "alerts.redb"])
        .args(["--from-start", "--json", "--until-idle", "1s"])
        .output()
        .unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let last: Vec<serde_json::Value> = String::from_utf8(last.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    news.extend(last.iter().filter(|line| line["event"] == "raised").cloned());

    // The store, as an operator sees it.
    let mut by_burst = BTreeMap::new();
    let mut wrong_counts = 0;
    let alerts: Vec<_> = last.iter().filter(|line| line["event"] == "alert").collect();
    for alert in &alerts {
        let burst = alert["group"]["burst"].as_str().unwrap().to_owned();
        *by_burst.entry(burst).or_insert(0) += 1;
        wrong_counts += u64::from(alert["count"] != LINES_A_BURST);
    }
    let bursts = bursts.into_inner();
    let missing: Vec<u64> =
        (0..bursts).filter(|burst| !by_burst.contains_key(&burst.to_string())).collect();
    let missed = missing.len() as u64;
    let repeated = by_burst.values().filter(|&&times| times > 1).count();

    // What was printed: every alert at least once, twice only when marked so.
    let mut printed = BTreeMap::new();
    let mut unmarked = 0;
    for line in &news {
        let number = line["notification"].as_u64().unwrap();
        let times = printed.entry(number).or_insert(0);
        *times += 1;
        unmarked += u64::from(*times > 1 && line["redelivered"] != true);
    }
    let redelivered = news.iter().filter(|line| line["redelivered"] == true).count();
    let ids: BTreeSet<_> = news.iter().map(|line| line["id"].as_str().unwrap()).collect();
    let unprinted = alerts.len() - ids.len();
    let files = std::fs::read_dir(dir).unwrap().flatten();
    let files = files.filter(|f| f.file_name().to_string_lossy().starts_with("app.log")).count();
    let records = records.into_inner();
    println!(
        "{kills} kills, {records} records in {files} files, {bursts} alerts expected: {missed} \
         missed, {repeated} repeated, {wrong_counts} with a wrong count; {unprinted} never printed, \
         {redelivered} printed again and marked, {unmarked} printed again unmarked",
    );
    // `cargo xtask faults` makes its table of it.
    if let Some(path) = std::env::var_os("PRISMA_FAULTS_JSON") {
        let figures = serde_json::json!({
            "kills": kills, "records": records, "files": files, "alerts expected": bursts,
            "missed": missed, "repeated": repeated, "wrong counts": wrong_counts,
            "never printed": unprinted, "printed again marked": redelivered,
            "printed again unmarked": unmarked,
        });
        std::fs::write(path, format!("{figures:#}\n")).unwrap();
    }
    assert!(bursts >= 2 * kills, "the writer came to {bursts} bursts only");
    assert_eq!((missed, repeated, wrong_counts), (0, 0, 0), "missing: {missing:?}");
    assert_eq!((unprinted, unmarked), (0, 0));
}
