use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::{ManualClock, Timestamp};
use prisma_log_tail::LogLine;

use super::*;
use crate::engine::{Finding, Findings};
use crate::monitor::{Notification, NotificationKind};
use crate::policy::Limits;
use crate::{Alert, AlertFilter, AlertState, Engine, Policy, Rule, RuleBuilder};

mod people;
mod storm;

const FILE: &str = "/var/log/app.log";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn rule() -> RuleBuilder {
    Rule::builder("refused").message(r"refused(?: by (?<db>\S+))?").count(3).group_by(["db"])
}

/// A store and an engine, and what the steps told.
struct Bench {
    store: Store,
    engine: Engine,
    limits: Limits,
    news: Vec<String>,
}

impl Bench {
    fn new(store: Store, rule: RuleBuilder) -> Self {
        let engine = Engine::new([rule.build().unwrap()]).unwrap();
        let clock = Arc::new(ManualClock::new(at(77)));
        Bench {
            store: store.with_clock(clock),
            engine,
            limits: Policy::default().limits,
            news: Vec::new(),
        }
    }

    fn in_memory() -> Self {
        Bench::new(Store::in_memory().unwrap(), rule())
    }

    fn observe(&mut self, lines: &[(i64, &str)]) -> Vec<Finding> {
        let mut findings = Findings::new(1, 0);
        for (seconds, message) in lines {
            let mut line = LogLine::default();
            line.timestamp = Some(at(*seconds));
            line.message = (*message).into();
            let raw = message.as_bytes();
            self.engine.observe_into(Path::new(FILE), &line, raw, at(0), &mut findings);
        }
        findings.take_list()
    }

    fn apply(&mut self, findings: &[Finding], due: &[u64], delivered: &[u64]) -> Vec<Notification> {
        let changed = self.engine.take_changed();
        let step = Step {
            findings,
            checkpoints: &[],
            changed: &changed,
            delivered,
            due,
            limits: self.limits,
            now_in: &|source| self.engine.source_clock(source)?.watermark(),
        };
        let news = self.store.apply(self.engine.rules(), &step).unwrap().news;
        let show = |n: &Notification| format!("{} {} {}", n.kind.as_str(), n.alert.id, n.count);
        self.news.extend(news.iter().map(show));
        news
    }

    /// One step with these lines; all alerts are looked at for their quiet period at the end.
    fn step(&mut self, lines: &[(i64, &str)]) {
        let findings = self.observe(lines);
        let alerts = self.store.list(&AlertFilter::unresolved()).unwrap();
        let due: Vec<u64> = alerts.iter().map(|alert| alert.inner.number).collect();
        self.apply(&findings, &due, &[]);
    }

    fn alerts(&self) -> Vec<Alert> {
        self.store.list(&AlertFilter::all()).unwrap()
    }
}

const R: &str = "refused";

#[test]
fn an_alert_is_raised_once_and_counts_on() {
    let mut bench = Bench::in_memory();
    bench.step(&[(0, R), (1, R)]);
    assert_eq!(bench.alerts(), []);
    bench.step(&[(2, R), (3, R), (4, "fine")]);
    bench.step(&[(5, R), (6, R), (7, R), (8, "refused by orders")]);
    assert_eq!(bench.news, ["raised A000001 3"]);
    let alert = bench.store.get("A000001").unwrap();
    assert_eq!(bench.alerts(), std::slice::from_ref(&alert));
    assert_eq!((alert.count, alert.first_seen, alert.last_seen), (7, at(0), at(7)));
    assert_eq!((alert.state, alert.samples.len()), (AlertState::Open, 5));
    assert_eq!(alert.message, R);
    assert_eq!(alert.sources, [PathBuf::from(FILE)]);
    bench.step(&[(9, "refused by orders"), (10, "refused by orders")]);
    assert_eq!(bench.news[1..], ["raised A000002 3"]);
    assert_eq!(bench.store.get("2").unwrap().group.to_string(), "db=orders");
}

#[test]
fn people_and_time_end_alerts_and_recurrence_opens_them_again() {
    let mut bench = Bench::in_memory();
    bench.step(&[(0, R), (1, R), (2, R)]);
    let alert = bench.store.acknowledge("A000001", "ada", "on it").unwrap();
    assert_eq!(alert.acknowledgement().unwrap().at, at(77));
    bench.step(&[(301, "fine")]);
    assert_eq!(bench.news, ["raised A000001 3"], "299 quiet seconds are not enough");
    bench.step(&[(302, "fine")]);
    assert_eq!(bench.news[1..], ["resolved A000001 3"]);
    assert_eq!(bench.store.get("1").unwrap().resolution().unwrap().at, at(302));
    // Below the threshold nothing happens, at the threshold the same alert opens again.
    bench.step(&[(400, R), (401, R)]);
    assert_eq!(bench.store.get("1").unwrap().count, 3);
    bench.step(&[(402, R)]);
    assert_eq!(bench.news[2..], ["reopened A000001 6"]);
    bench.store.resolve("A000001", "ada", "").unwrap();
    assert_eq!(bench.alerts().len(), 1);
    assert_eq!(bench.alerts()[0].history.len(), 5);
}

#[test]
fn batches_do_not_change_what_the_log_says() {
    let lines = [(0, R), (1, R), (2, R), (500, R), (501, R), (502, R), (503, R), (900, "fine")];
    let expect =
        ["raised A000001 3", "resolved A000001 3", "reopened A000001 6", "resolved A000001 7"];
    for size in 1..=lines.len() {
        let mut bench = Bench::in_memory();
        for chunk in lines.chunks(size) {
            bench.step(chunk);
        }
        assert_eq!(bench.news, expect, "batches of {size}");
    }
}

#[test]
fn one_clock_that_is_ahead_does_not_open_an_alert_over_and_over() {
    let mut bench = Bench::in_memory();
    bench.step(&[(1800, "fine")]);
    for second in 0..600 {
        bench.step(&[(second, R)]);
    }
    let reopened = bench.news.iter().filter(|news| news.starts_with("reopened")).count();
    assert!(reopened <= 1, "{:?}", bench.news);
    assert_eq!(bench.alerts().len(), 1);
}

#[test]
fn an_alert_outlives_its_cooldown() {
    let rule = rule().count(5).window(MINUTE).cooldown(10 * MINUTE);
    let mut bench = Bench::new(Store::in_memory().unwrap(), rule);
    bench.step(&[(0, R), (1, R), (2, R), (3, R), (4, R)]);
    for second in 360..560 {
        bench.step(&[(second, R)]);
    }
    assert_eq!(bench.news, ["raised A000001 5"]);
    let alert = bench.store.get("1").unwrap();
    assert_eq!((alert.state, alert.count), (AlertState::Open, 205));
}

#[test]
fn a_step_back_into_another_era_ends_alerts() {
    let mut bench = Bench::in_memory();
    bench.step(&[(90_000, R), (90_001, R), (90_002, R), (90_002 - 3600, "fine")]);
    assert_eq!(bench.news, ["raised A000001 3"]);
    bench.step(&[(90_001 - 3600, "fine")]);
    assert_eq!(bench.news[1..], ["resolved A000001 3"]);
}

#[test]
fn matches_that_are_counted_are_not_counted_again() {
    let mut bench = Bench::in_memory();
    bench.step(&[(0, R), (1, R), (2, R), (3, R)]);
    bench.store.resolve("1", "ada", "").unwrap();
    // The match at 3 filled the window too, but is in the count.
    bench.step(&[(4, R), (5, R)]);
    assert_eq!(bench.news[1..], ["reopened A000001 6"]);
}

#[test]
fn news_is_left_until_it_is_delivered() {
    let mut bench = Bench::in_memory();
    let findings = bench.observe(&[(0, R), (1, R), (2, R)]);
    let news = bench.apply(&findings, &[], &[]);
    assert_eq!((news[0].number, news[0].redelivered), (1, false));

    // Killed before the handler was called: the next run finds it.
    let saved = bench.store.load(&mut bench.engine).unwrap();
    assert_eq!(saved.watched.len(), 1);
    assert_eq!(saved.news.len(), 1);
    assert_eq!((saved.news[0].number, saved.news[0].kind), (1, NotificationKind::Raised));
    assert!(saved.news[0].redelivered);
    assert_eq!(saved.news[0].alert, news[0].alert);
    let json: serde_json::Value = serde_json::from_str(&saved.news[0].to_json()).unwrap();
    assert_eq!((&json["redelivered"], &json["notification"]), (&true.into(), &1.into()));
    assert_eq!((&json["event"], &json["id"]), (&"raised".into(), &"A000001".into()));

    bench.apply(&[], &[], &[1]);
    assert_eq!(bench.store.load(&mut bench.engine).unwrap().news, []);
}

#[test]
fn a_step_that_is_not_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.redb");
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule());
    bench.step(&[(0, R), (1, R)]);
    // Seen by the engine, but the process dies before the step.
    bench.observe(&[(2, R), (3, R)]);
    drop(bench);
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule());
    bench.store.load(&mut bench.engine).unwrap();
    assert_eq!(bench.engine.source_clock(Path::new(FILE)).unwrap().watermark(), Some(at(1)));
    bench.step(&[(2, R), (3, R)]);
    assert_eq!(bench.news, ["raised A000001 3"]);
    assert_eq!(bench.alerts()[0].count, 4);
}

#[test]
fn windows_of_rules_that_are_gone_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.redb");
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule());
    bench.step(&[(0, R), (1, R)]);
    let store = bench.store.clone();
    let mut other = Bench::new(store.clone(), Rule::builder("other").message("x"));
    store.load(&mut other.engine).unwrap();
    let mut again = Bench::new(store.clone(), rule());
    store.load(&mut again.engine).unwrap();
    again.step(&[(2, R)]);
    assert_eq!(again.news, [""; 0]);
}

#[test]
fn handles_in_many_threads_see_one_truth() {
    const ROUNDS: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.redb");
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule().count(1));
    let lines: Vec<String> = (0..ROUNDS).map(|i| format!("refused by db{i}")).collect();
    let lines: Vec<(i64, &str)> = lines.iter().map(|line| (0, line.as_str())).collect();
    bench.step(&lines);
    let acknowledged: u64 = std::thread::scope(|scope| {
        let operators = ["ada", "bob", "cyn"].map(|by| {
            let path = &path;
            scope.spawn(move || {
                // A file of its own, as in another process.
                let store = Store::open_existing(path).unwrap();
                let results = (1..=ROUNDS).map(|id| store.acknowledge(&id.to_string(), by, ""));
                results.filter(Result::is_ok).count() as u64
            })
        });
        for round in 0..ROUNDS as i64 {
            bench.step(&[(round, "refused by db0")]);
        }
        operators.map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert_eq!(acknowledged, ROUNDS, "every alert is acknowledged exactly once");
    let alerts = bench.alerts();
    assert!(alerts.iter().all(|alert| alert.state == AlertState::Acknowledged));
    assert_eq!(alerts[0].count, 1 + ROUNDS);
}

#[test]
fn resolved_alerts_are_kept_up_to_a_limit() {
    let mut bench = Bench::new(Store::in_memory().unwrap(), rule().count(1));
    let surplus = 20;
    let lines: Vec<String> =
        (0..tables::MAX_RESOLVED + surplus).map(|i| format!("refused by db{i}")).collect();
    let lines: Vec<(i64, &str)> = lines.iter().map(|line| (0, line.as_str())).collect();
    bench.step(&lines);
    bench.step(&[(1000, "fine")]);
    let alerts = bench.alerts();
    assert_eq!(alerts.len() as u64, tables::MAX_RESOLVED);
    assert_eq!(alerts[0].inner.number, surplus + 1, "the oldest go first");
    assert!(bench.store.get("1").unwrap_err().is_state());
    // What is forgotten starts a new life.
    bench.news.clear();
    bench.step(&[(2000, "refused by db0"), (2000, "refused by db49")]);
    assert_eq!(bench.news, ["raised A000071 1", "reopened A000050 2"]);
    assert_eq!(bench.store.list(&AlertFilter::unresolved()).unwrap().len(), 2);
}

#[test]
fn what_is_asked_for_must_exist() {
    let store = Store::in_memory().unwrap();
    let check = |id: &str, expect: &str| {
        for result in
            [store.get(id), store.acknowledge(id, "ada", ""), store.resolve(id, "ada", "")]
        {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    };
    check("A000009", "there is no alert A000009 (`plog alerts list`");
    check("nonsense", "invalid alert id \"nonsense\"");
    assert_eq!(store.list(&AlertFilter::all()).unwrap(), []);
}

#[test]
fn files_that_are_no_store_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let check = |path: &Path, expect: &str| {
        for result in [Store::open(path), Store::open_existing(path)] {
            let error = result.map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    };
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("text"), "not a database, but some text\n".repeat(200)).unwrap();
    std::fs::write(path("short"), "x").unwrap();
    check(&path("text"), "is not an alert store");
    check(&path("short"), "is not an alert store");
    check(dir.path(), "Is a directory");
    check(&path("no/such/directory/store"), "No such file or directory");
    check(&path("text").join("store"), "Not a directory");

    let foreign = path("foreign");
    let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("theirs");
    write(&foreign, |transaction| drop(transaction.open_table(table).unwrap()));
    check(&foreign, "is a database of another program");

    let newer = path("newer");
    drop(Store::open(&newer).unwrap());
    write(&newer, |transaction| {
        transaction.open_table(tables::META).unwrap().insert("version", 3).unwrap();
    });
    check(&newer, "has version 3, this program knows 2");

    let error = Store::open_existing(path("missing")).unwrap_err();
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound));
    assert!(!path("missing").exists());
    std::fs::write(path("empty"), "").unwrap();
    assert!(Store::open_existing(path("empty")).unwrap_err().to_string().contains("is empty"));
    Store::open(path("empty")).unwrap();
}

fn write(path: &Path, work: impl FnOnce(&redb::WriteTransaction)) {
    let mut builder = redb::Database::builder();
    builder.set_concurrency_mode(redb::ConcurrencyMode::MultiWriter);
    let transaction = builder.create(path).unwrap().begin_write().unwrap();
    work(&transaction);
    transaction.commit().unwrap();
}

#[test]
fn stores_of_the_first_version_are_brought_up_to_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule());
    bench.step(&[(0, R), (1, R), (2, R)]);
    let mut expect = bench.store.acknowledge("1", "ada", "on it").unwrap();
    drop(bench);
    write(&path, |transaction| {
        let mut first = crate::codec::Writer::new();
        expect.write_first(&mut first);
        let mut alerts = transaction.open_table(tables::ALERTS).unwrap();
        alerts.insert(1, &*first.finish()).unwrap();
        transaction.delete_table(tables::FLAPPING).unwrap();
        transaction.delete_table(tables::SILENCES).unwrap();
        transaction.delete_table(tables::INBOX).unwrap();
        transaction.delete_table(tables::GROUPS).unwrap();
        transaction.delete_table(tables::MESSAGES).unwrap();
        transaction.delete_table(tables::RECEIVERS).unwrap();
        transaction.open_table(tables::META).unwrap().insert("version", 1).unwrap();
    });
    expect.inner.open_since = Timestamp::from_unix_nanos(i64::MAX);
    expect.inner.changes.clear();
    for _ in 0..2 {
        let mut bench = Bench::new(Store::open_existing(&path).unwrap(), rule());
        assert_eq!(bench.store.get("1").unwrap(), expect);
        assert_eq!(bench.store.silences().unwrap(), []);
        assert_eq!(bench.store.load(&mut bench.engine).unwrap().watched.len(), 1);
    }
}

#[test]
fn a_store_that_is_removed_or_replaced_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule().count(1));
    bench.step(&[(0, R)]);
    std::fs::rename(&path, dir.path().join("moved")).unwrap();
    let error = bench.store.acknowledge("1", "ada", "").unwrap_err();
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound), "{error}");
    drop(Store::open(&path).unwrap());
    assert_eq!(bench.alerts(), [], "another store is another truth");
    std::fs::rename(dir.path().join("moved"), &path).unwrap();
    assert_eq!(bench.alerts().len(), 1);
}

#[test]
fn a_creator_that_was_killed_leaves_nothing_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    // What a kill can leave: a name without content, half a store under the other name, the lock.
    std::fs::write(&path, "").unwrap();
    std::fs::write(dir.path().join("store-new"), [0; 5000]).unwrap();
    std::fs::write(dir.path().join("store-lock"), "").unwrap();
    drop(Store::open(&path).unwrap());
    assert!(!dir.path().join("store-new").exists());
    // Somebody else is at it for longer than anybody waits: nothing is left behind.
    let busy = dir.path().join("busy");
    let held = lock(&busy, Duration::ZERO).unwrap();
    assert!(Store::open(&busy).unwrap_err().is_state());
    assert!(!busy.exists());
    drop(held);
    // Many may create one at the same time.
    let path = dir.path().join("other");
    std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| Store::open(&path).map(drop)));
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn an_exclusive_user_is_waited_for_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(Store::open(&path).unwrap());
    let other = redb::Database::builder().open(&path).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Store::open(&path).map(|_| ()));
        std::thread::sleep(Duration::from_millis(100));
        drop(other);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn damage_is_an_error_and_never_another_alert() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut bench = Bench::new(Store::open(&path).unwrap(), rule().window(MINUTE));
    bench.step(&[(0, R), (1, R), (2, R), (3, R)]);
    let expect = bench.alerts();
    drop(bench);
    let good = std::fs::read(&path).unwrap();
    let (mut unharmed, mut refused) = (0, 0);
    // Every byte of the header, and a sample of the rest.
    for at in (0..320).chain((320..good.len()).step_by(499)) {
        let mut bad = good.clone();
        bad[at] ^= 0x41;
        std::fs::write(&path, &bad).unwrap();
        let result = Store::open(&path).and_then(|store| {
            let mut engine = Engine::new([rule().build()?])?;
            store.load(&mut engine)?;
            store.list(&AlertFilter::all())
        });
        match result {
            Ok(alerts) => {
                assert_eq!(alerts, expect, "byte {at}");
                unharmed += 1;
            }
            Err(error) => {
                assert!(!error.is_config(), "byte {at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "{refused} refused, {unharmed} unharmed");
    for len in (0..good.len()).step_by(4099) {
        std::fs::write(&path, &good[..len]).unwrap();
        let alerts = Store::open(&path).and_then(|store| store.list(&AlertFilter::all()));
        // An empty file is a new store; every other torso is refused.
        assert_eq!(alerts.is_ok(), len == 0, "cut to {len}: {alerts:?}");
    }
}
