//! A monitor on real files, from the first line to the report.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, ManualClock, SystemClock, Timestamp};
use prisma_log_monitor::{
    Alert, AlertFilter, AlertState, Condition, Monitor, MonitorBuilder, Report, Rule, Store,
    default_rules,
};
use tempfile::TempDir;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_millis(150);

/// A directory with a log and room for a store.
struct Site {
    dir: TempDir,
    told: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn new() -> Self {
        Site { dir: tempfile::tempdir().unwrap(), told: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// A monitor on `app.log` that reads from the start and keeps a store; what handlers are told
    /// goes to `told`.
    fn monitor(&self, rule: Rule) -> MonitorBuilder {
        let (alerts, resolved, errors) = (self.told.clone(), self.told.clone(), self.told.clone());
        Monitor::builder()
            .rules([rule])
            .file(self.path("app.log"))
            .store(self.path("store.redb"))
            .from_start(true)
            .on_alert(move |n| {
                alerts.lock().unwrap().push(format!("{} {} {}", n.kind.as_str(), n.id, n.count));
            })
            .on_resolved(move |n| {
                resolved.lock().unwrap().push(format!("{} {}", n.kind.as_str(), n.id));
            })
            .on_error(move |e| errors.lock().unwrap().push(format!("error: {e}")))
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn wait_for(&self, what: &str) {
        wait_until(what, || self.told().iter().any(|told| told.contains(what)));
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn run(builder: MonitorBuilder) -> Report {
    builder.until_idle(IDLE).start().unwrap().wait().unwrap()
}

fn refused() -> Rule {
    Rule::builder("refused").message("refused").count(3).build().unwrap()
}

/// JSON lines of the house, one second apart, from this second of 2026-01-02T03 on.
fn lines(from: u32, count: u32, message: &str) -> String {
    let line = |s: u32| {
        format!(
            "{{\"timestamp\":\"2026-01-02T03:{:02}:{:02}.000000Z\",\"level\":\"ERROR\",\"logger\":\"db\",\"message\":\"{message} {s}\"}}\n",
            s / 60,
            s % 60
        )
    };
    (from..from + count).map(line).collect()
}

#[test]
fn the_three_lines_of_the_readme() {
    let site = Site::new();
    site.append("app.log", "");
    let (seen, path) = (site.told.clone(), site.path("app.log"));
    let monitor = Monitor::with_default_rules(&path)
        .on_alert(move |a| seen.lock().unwrap().push(format!("ALERT: {a}")))
        .start()
        .unwrap();
    // Nothing is written beside the log, which may be in a directory that nobody may write to.
    assert_eq!(fs::read_dir(site.dir.path()).unwrap().count(), 1);
    // Written before the monitor has looked at the file, these lines may count as old.
    let wrote = || site.append("app.log", "{\"level\":\"CRITICAL\",\"message\":\"it is over\"}\n");
    wait_until("the alert", || {
        wrote();
        site.told().iter().any(|told| told.starts_with("ALERT: CRITICAL critical-record"))
    });
    assert!(monitor.alerts().unwrap().iter().any(|alert| alert.rule == "critical-record"));
    let report = monitor.stop().unwrap();
    assert!(report.raised >= 1 && report.lines >= 1, "{report:?}");
}

#[test]
fn an_alert_lives_from_open_to_open_again() {
    let site = Site::new();
    let start = SystemClock.now();
    let clock = Arc::new(ManualClock::new(start));
    let monitor = site.monitor(refused()).clock(clock.clone()).start().unwrap();
    site.append("app.log", &lines(0, 4, "refused"));
    site.wait_for("raised A000001");
    wait_until("the fourth match", || monitor.alerts().unwrap()[0].count == 4);

    // The operator works in another process, on the same file.
    let operator = Store::open_existing(site.path("store.redb")).unwrap();
    let alert = operator.acknowledge("A000001", "ada", "on it").unwrap();
    assert_eq!(alert.state, AlertState::Acknowledged);
    assert!(operator.acknowledge("A000001", "bob", "").unwrap_err().is_state());
    site.append("app.log", &lines(10, 1, "refused"));
    wait_until("the fifth match", || monitor.alerts().unwrap()[0].count == 5);
    assert_eq!(monitor.alerts().unwrap()[0].state, AlertState::Acknowledged);

    // Nothing is written any more: the wall clock carries the log's time on.
    clock.advance(Duration::from_secs(299));
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(operator.get("1").unwrap().state, AlertState::Acknowledged);
    clock.advance(Duration::from_secs(2));
    site.wait_for("resolved A000001");
    let alert = operator.get("1").unwrap();
    let expect: Timestamp = alert.last_seen.saturating_add(Duration::from_secs(300));
    assert_eq!(alert.resolution().unwrap().at, expect);

    site.append("app.log", &lines(500, 3, "refused"));
    site.wait_for("reopened A000001");
    monitor.resolve("A000001", "ada", "fixed it").unwrap();
    let report = monitor.stop().unwrap();
    assert_eq!((report.raised, report.resolved, report.reopened), (1, 1, 1));
    assert_eq!(report.lines, 8);
    assert_eq!(site.told(), ["raised A000001 3", "resolved A000001", "reopened A000001 8"]);
    let states: Vec<AlertState> = operator.get("1").unwrap().history.iter().map(|t| t.to).collect();
    use AlertState::{Acknowledged, Open, Resolved};
    assert_eq!(states, [Open, Acknowledged, Resolved, Open, Resolved]);
}

#[test]
fn a_restart_neither_repeats_nor_misses() {
    let site = Site::new();
    let text = lines(0, 7, "refused");
    let mut lines = 0;
    // The file grows line by line over seven runs; windows, counts and positions go on.
    for line in text.split_inclusive('\n') {
        site.append("app.log", line);
        let report = run(site.monitor(refused()));
        assert_eq!(report.sources.len(), 1);
        lines += report.lines;
    }
    assert_eq!(lines, 7);
    assert_eq!(site.told(), ["raised A000001 3"]);
    let store = Store::open_existing(site.path("store.redb")).unwrap();
    let alerts = store.list(&AlertFilter::all()).unwrap();
    assert_eq!((alerts.len(), alerts[0].count), (1, 7));
}

#[test]
fn without_from_start_only_what_comes_after_is_read_across_runs() {
    let site = Site::new();
    site.append("app.log", &lines(0, 5, "refused"));
    assert_eq!(run(site.monitor(refused()).from_start(false)).lines, 0);
    site.append("app.log", &lines(100, 3, "refused"));
    assert_eq!(run(site.monitor(refused()).from_start(false)).lines, 3);
    assert_eq!(site.told(), ["raised A000001 3"]);
}

#[test]
fn a_broken_handler_stops_nothing() {
    let site = Site::new();
    site.append("app.log", &lines(0, 3, "refused"));
    let builder = site.monitor(refused()).on_alert(|_| panic!("no printer"));
    let report = run(builder);
    assert_eq!((report.raised, report.notified, report.handler_panics), (1, 1, 1));
    assert_eq!(site.told(), ["error: the alert handler panicked on A000001: no printer"]);
    // It was told; the next run does not try again.
    assert_eq!(run(site.monitor(refused())).notified, 0);
}

#[test]
fn a_last_line_without_an_end_counts_when_nothing_follows() {
    let site = Site::new();
    let text = lines(0, 3, "refused");
    site.append("app.log", text.trim_end());
    let report = run(site.monitor(refused()));
    assert_eq!((report.lines, report.raised), (3, 1));
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let site = Site::new();
    fs::create_dir(site.path("directory")).unwrap();
    site.append("good.log", &lines(0, 3, "refused"));
    let builder = site.monitor(refused()).file(site.path("directory")).file(site.path("good.log"));
    let report = run(builder);
    assert_eq!((report.lines, report.raised), (3, 1));
    let error_of = |name: &str| {
        let source = report.sources.iter().find(|source| source.path == site.path(name)).unwrap();
        source.error.as_ref().map(ToString::to_string)
    };
    assert_eq!(error_of("good.log"), None);
    assert!(error_of("directory").unwrap().contains("directory"), "{report:?}");
    assert!(error_of("app.log").unwrap().contains("app.log"), "{report:?}");
    let told = site.told();
    assert_eq!(told.iter().filter(|told| told.starts_with("error")).count(), 2, "{told:?}");
}

#[test]
fn the_log_has_a_time_of_its_own() {
    let site = Site::new();
    // Two incidents half an hour apart, read at once.
    let text = lines(0, 4, "refused") + &lines(1800, 3, "refused") + &lines(1803, 1, "fine");
    site.append("app.log", &text);
    run(site.monitor(refused()));
    assert_eq!(site.told(), ["raised A000001 3", "resolved A000001", "reopened A000001 7"]);
    let store = Store::open_existing(site.path("store.redb")).unwrap();
    let alert: Alert = store.get("1").unwrap();
    assert_eq!(alert.first_seen.to_string(), "2026-01-02T03:00:00.000000Z");
    assert_eq!(alert.last_seen.to_string(), "2026-01-02T03:30:02.000000Z");
}

#[test]
fn wrong_settings_are_refused() {
    let site = Site::new();
    let check = |builder: MonitorBuilder, expect: &str| {
        let error = builder.start().map(drop).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(Monitor::builder().file("x.log"), "no rules");
    check(Monitor::builder().rules([refused(), refused()]).file("x.log"), "two rules");
    check(Monitor::builder().rules(default_rules()), "file");
    check(site.monitor(refused()).store(site.path("no/where")), "No such file or directory");
    check(site.monitor(refused()).store(site.dir.path()), "Is a directory");
}

#[test]
fn two_monitors_do_not_share_a_store() {
    let site = Site::new();
    let first = site.monitor(refused()).start().unwrap();
    let error = site.monitor(refused()).start().map(drop).unwrap_err();
    assert!(error.is_state(), "{error}");
    assert!(error.to_string().contains("another monitor works on the store"), "{error}");
    #[cfg(unix)]
    {
        let link = site.path("link.redb");
        std::os::unix::fs::symlink(site.path("store.redb"), &link).unwrap();
        let error = site.monitor(refused()).store(link).start().map(drop).unwrap_err();
        assert!(error.to_string().contains("another monitor works on the store"), "{error}");
    }
    first.stop().unwrap();
    site.monitor(refused()).start().unwrap().stop().unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_may_lead_to_a_store_that_is_still_to_be_made() {
    let site = Site::new();
    fs::create_dir(site.path("disk")).unwrap();
    let (link, store) = (site.path("link.redb"), site.path("disk/store.redb"));
    std::os::unix::fs::symlink(&store, &link).unwrap();
    let first = site.monitor(refused()).store(&link).start().unwrap();
    assert!(link.is_symlink());
    let error = site.monitor(refused()).store(&store).start().map(drop).unwrap_err();
    assert!(error.to_string().contains("another monitor works on the store"), "{error}");
    first.stop().unwrap();
}

#[test]
fn a_store_that_goes_away_is_waited_for() {
    let site = Site::new();
    let monitor = site.monitor(refused()).start().unwrap();
    let (store, away) = (site.path("store.redb"), site.path("away"));
    fs::rename(&store, &away).unwrap();
    site.append("app.log", &lines(0, 3, "refused"));
    site.wait_for("error: cannot open alert store");
    fs::rename(&away, &store).unwrap();
    site.wait_for("raised A000001 3");
    let report = monitor.stop().unwrap();
    assert_eq!((report.lines, report.raised), (3, 1));
    assert!(report.errors >= 1);
}

#[cfg(unix)]
#[test]
fn a_deleted_store_ends_the_monitor() {
    let check = |text: &str| {
        let site = Site::new();
        let monitor = site.monitor(refused()).start().unwrap();
        fs::remove_file(site.path("store.redb")).unwrap();
        site.append("app.log", text);
        wait_until("the end", || monitor.is_finished());
        let error = monitor.wait().unwrap_err();
        let what = format!("the store {} was deleted", site.path("store.redb").display());
        assert!(error.is_state() && error.to_string().contains(&what), "{error}");
        assert_eq!(error.hint(), Some("start the monitor again"));
        assert_eq!(site.told().len(), 1, "{:?}", site.told());
        // So it does what the hint says, from the start.
        site.append("app.log", &lines(0, 3, "refused"));
        assert_eq!(run(site.monitor(refused())).raised, 1);
    };
    check("");
    check(&lines(0, 3, "refused"));
}

#[test]
fn lost_lines_are_told() {
    let site = Site::new();
    site.append("app.log", &lines(0, 1, "fine"));
    run(site.monitor(refused()));
    // Written and deleted while no monitor ran.
    site.append("app.log", &lines(1, 1, "fine"));
    fs::rename(site.path("app.log"), site.path("app.log.1")).unwrap();
    site.append("app.log", &lines(2, 1, "fine"));
    fs::remove_file(site.path("app.log.1")).unwrap();
    let report = run(site.monitor(refused()));
    assert_eq!((report.lines, report.errors), (1, 1));
    let path = site.path("app.log");
    let expect =
        format!("1 rotated file of {} could not be read: lines may be lost", path.display());
    assert_eq!(site.told(), [format!("error: {expect}")]);
}

#[test]
fn forgotten_groups_are_told() {
    const SURPLUS: u64 = 7;
    let site = Site::new();
    let rule = Rule::builder("each").message(r"from (?<who>\d+)").count(2).group_by(["who"]);
    let text: String = (0..10_000 + SURPLUS).map(|n| format!("ERROR from {n}\n")).collect();
    site.append("app.log", &text);
    let report = run(site.monitor(rule.build().unwrap()));
    assert_eq!(report.rules[0].evicted_groups, SURPLUS);
    // What came after the first word is told at the end.
    let told = site.told();
    let groups = |told: &String| {
        let rest = told.strip_prefix("error: rule `each` forgot ")?;
        let (groups, why) = rest.split_once(' ')?;
        why.contains("more than 10000 or 16 MiB at once").then(|| groups.parse::<u64>().unwrap())
    };
    assert!((1..=2).contains(&told.len()), "{told:?}");
    assert_eq!(told.iter().map(groups).sum::<Option<u64>>(), Some(SURPLUS), "{told:?}");
}

#[test]
fn patterns_that_are_given_up_on_a_line_are_told() {
    let site = Site::new();
    site.append("app.log", &format!("{}quick\nquick\n", "a".repeat(1 << 20)));
    // Almost there a million times.
    let almost = format!("{}c", "a".repeat(20));
    let texts = Condition::Contains(vec!["quick".to_owned(), almost]);
    let report = run(site.monitor(Rule::builder("texts").condition(texts).build().unwrap()));
    assert_eq!((report.undecided, report.rules[0].matches), (1, 1), "{:?}", site.told());
    let told = site.told();
    let told: Vec<_> = told.iter().filter(|told| told.contains("was given up")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("on a line 1 time:"), "{told:?}");
}

#[test]
fn a_glob_picks_up_files_that_come_later() {
    let site = Site::new();
    site.append("a.log", &lines(0, 2, "refused"));
    let rule = Rule::builder("refused").message("refused").count(3).group_by(["source"]);
    let monitor = site
        .monitor(rule.build().unwrap())
        .glob(site.path("*.log").to_string_lossy())
        .start()
        .unwrap();
    site.append("b.log", &lines(0, 3, "refused"));
    site.wait_for("raised A000001 3");
    site.append("a.log", &lines(2, 1, "refused"));
    site.wait_for("raised A000002 3");
    let alerts = monitor.alerts().unwrap();
    let sources: Vec<_> = alerts.iter().map(|alert| alert.sources.clone()).collect();
    assert_eq!(sources, [[site.path("b.log")], [site.path("a.log")]]);
    assert_eq!(monitor.stop().unwrap().lines, 6);
}

#[test]
fn progress_ends_at_the_total() {
    let site = Site::new();
    let text = lines(0, 3000, "fine");
    site.append("app.log", &text);
    let last = Arc::new(Mutex::new(None));
    let seen = last.clone();
    run(site.monitor(refused()).on_progress(move |p| *seen.lock().unwrap() = Some(*p)));
    let last = last.lock().unwrap().unwrap();
    assert_eq!((last.lines, last.bytes), (3000, text.len() as u64));
    assert_eq!(last.total_bytes, last.bytes);
}

#[test]
fn dropping_a_monitor_stops_it() {
    let site = Site::new();
    let path: &Path = &site.path("app.log");
    drop(site.monitor(refused()).file(path).start().unwrap());
    site.append("app.log", &lines(0, 3, "refused"));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(site.told(), [""; 0]);
}

#[test]
fn rules_change_while_the_monitor_runs() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    std::fs::write(&log, "").unwrap();
    let day = Duration::from_secs(86_400);
    let burst = || Rule::builder("burst").message("^burst").count(3).window(day);
    let monitor = Monitor::builder()
        .rules([burst().build().unwrap(), Rule::builder("old").message("old").build().unwrap()])
        .file(&log)
        .store(dir.path().join("alerts.redb"))
        .from_start(true)
        .start()
        .unwrap();
    let append = |text: &str| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    };
    let await_alert = |rule: &str| {
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while !monitor.alerts().unwrap().iter().any(|alert| alert.rule == rule) {
            assert!(std::time::Instant::now() < until, "no alert of {rule}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    append("burst 1\nburst 2\nold\n");
    await_alert("old");
    assert!(monitor.reload(std::iter::empty::<Rule>()).unwrap_err().is_config());
    let twice = [burst().build().unwrap(), burst().build().unwrap()];
    assert!(monitor.reload(twice).unwrap_err().is_config());
    // The window goes on where it stood, although the rule has another place now.
    let new = Rule::builder("new").message("new").build().unwrap();
    monitor.reload([new, burst().build().unwrap()]).unwrap();
    append("old\nnew\nburst 3\n");
    await_alert("burst");
    let report = monitor.stop().unwrap();
    let rules: Vec<_> = report.rules.iter().map(|rule| (&*rule.rule, rule.matches)).collect();
    assert_eq!(rules, [("new", 1), ("burst", 3)]);
    let store = prisma_log_monitor::Store::open(dir.path().join("alerts.redb")).unwrap();
    let alerts = store.list(&AlertFilter::all()).unwrap();
    let seen: Vec<_> = alerts.iter().map(|alert| (&*alert.rule, alert.count)).collect();
    assert_eq!(seen, [("old", 1), ("new", 1), ("burst", 3)]);
}

#[test]
fn records_of_the_process_raise_alerts() {
    use prisma_log_core::{Fields, Level, Record, Sink as _};
    let rule = Rule::builder("slow")
        .field(prisma_log_monitor::FieldCondition::greater("ms", 500.0))
        .count(3)
        .window(Duration::from_secs(60))
        .group_by(["route"])
        .build()
        .unwrap();
    let (told, news) = std::sync::mpsc::channel();
    let monitor = Monitor::builder()
        .rules([rule])
        .records_only()
        .on_alert(move |alert| told.send(alert.alert.clone()).unwrap())
        .start()
        .unwrap();
    let mut sink = monitor.sink();
    let mut fields = Fields::new();
    fields.push("ms", 501u64);
    fields.push("route", "/orders");
    let now = SystemClock.now();
    let mut record = Record::new(now, Level::Info, "shop", "request done");
    record.fields = fields.as_ref();
    sink.write(&[record, Record::new(now, Level::Info, "shop", "other"), record]).unwrap();
    assert!(news.try_recv().is_err());
    sink.write(&[record]).unwrap();
    let alert = news.recv_timeout(PATIENCE).unwrap();
    assert_eq!((alert.count, alert.group.get("route")), (3, Some("/orders")));
    assert_eq!(alert.sources, [PathBuf::from("process")]);
    let report = monitor.stop().unwrap();
    assert_eq!((report.records, report.raised, report.rules[0].matches), (4, 1, 3));
    let error = sink.write(&[record]).unwrap_err();
    assert!(error.error.is_state() && error.delivered == 0);
}
