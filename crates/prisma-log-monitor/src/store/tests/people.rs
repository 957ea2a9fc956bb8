//! What people ask for and do, and what time does.

use super::*;

#[test]
fn what_people_ask_for_is_filtered_limited_and_streamed() {
    let mut bench = Bench::new(Store::in_memory().unwrap(), rule().count(1));
    let lines = ["refused by a", "refused by b", "refused by c"];
    for (second, line) in lines.iter().enumerate() {
        bench.step(&[(second as i64, line)]);
    }
    bench.store.resolve("2", "ada", "").unwrap();
    bench.store.comment("3", "bob", "the switch").unwrap();
    let check = |filter: AlertFilter, expect: &[&str]| {
        let ids = |alerts: Vec<Alert>| alerts.into_iter().map(|alert| alert.id).collect::<Vec<_>>();
        assert_eq!(ids(bench.store.list(&filter).unwrap()), expect);
    };
    check(AlertFilter::all().limit(2), &["A000002", "A000003"]);
    check(AlertFilter::unresolved().limit(2), &["A000001", "A000003"]);
    check(AlertFilter::all().text("SWITCH"), &["A000003"]);
    check(AlertFilter::all().matcher("db=~\"a|b\"".parse().unwrap()), &["A000001", "A000002"]);
    check(AlertFilter::all().since(at(1)), &["A000002", "A000003"]);
    check(AlertFilter::all().until(at(1)), &["A000001"]);
    let mut out = Vec::new();
    assert_eq!(bench.store.export(&AlertFilter::unresolved(), &mut out).unwrap(), 2);
    let text = String::from_utf8(out).unwrap();
    let ids: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, ["A000001", "A000003"]);
    let history = bench.store.history(&AlertFilter::all()).unwrap();
    let steps: Vec<String> =
        history.iter().map(|entry| format!("{} {}", entry.alert, entry.step.action)).collect();
    assert_eq!(
        steps,
        [
            "A000001 raised",
            "A000002 raised",
            "A000003 raised",
            "A000002 resolved",
            "A000003 commented"
        ]
    );
    let json: serde_json::Value = serde_json::from_str(&history[3].to_json()).unwrap();
    assert_eq!((&json["alert"], &json["by"]), (&"A000002".into(), &"ada".into()));
    let mut broken = Broken;
    let error = bench.store.export(&AlertFilter::all(), &mut broken).unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(bench.alerts().len(), 3, "the store is none the worse");
}

struct Broken;

impl std::io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_alert_that_is_opened_by_hand_has_its_quiet_period_again() {
    let mut bench = Bench::new(Store::in_memory().unwrap(), rule().count(1));
    bench.step(&[(0, R)]);
    bench.step(&[(400, "fine")]);
    let alert = bench.store.reopen("1", "ada", "not over").unwrap();
    assert_eq!(alert.state, AlertState::Open);
    // The clock on the wall stands at 77 s after the line of 400 s was read at 0 s.
    assert_eq!(alert.inner.quiet_since, at(477));
    assert!(bench.store.operations().unwrap() > 0);
    bench.step(&[(776, "fine")]);
    assert!(!bench.store.get("1").unwrap().is_resolved());
    bench.step(&[(777, "fine")]);
    assert!(bench.store.get("1").unwrap().is_resolved());
}

#[test]
fn escalation_and_flapping_are_seen_to_by_steps() {
    let rule = rule().count(1).severity(crate::Severity::Warning);
    let rule = rule.escalate(MINUTE, crate::Severity::Critical);
    let clock = Arc::new(ManualClock::new(at(0)));
    let mut bench = Bench::new(Store::in_memory().unwrap(), rule);
    bench.store = bench.store.clone().with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    bench.limits.flapping = Some((3, 10_000 * SECOND));
    bench.step(&[(0, R)]);
    clock.set(at(59));
    bench.step(&[(10, "fine")]);
    clock.set(at(60));
    bench.step(&[(11, "fine")]);
    assert_eq!(bench.news, ["raised A000001 1", "escalated A000001 1"]);
    assert_eq!(bench.store.get("1").unwrap().severity, crate::Severity::Critical);
    bench.step(&[(1000, "fine"), (1001, R), (2000, "fine"), (2001, R)]);
    let alert = bench.store.get("1").unwrap();
    assert!(alert.flapping && !alert.is_resolved());
    assert_eq!(alert.severity, crate::Severity::Warning, "a new life");
    let watched = bench.store.watched().unwrap();
    assert_eq!(watched.len(), 2, "for its end, and for its calm");
    bench.step(&[(9000, "fine")]);
    assert!(bench.store.get("1").unwrap().flapping);
    bench.apply(&[], &[1], &[]);
    bench.step(&[(12_301, "fine")]);
    bench.apply(&[], &[1], &[]);
    let alert = bench.store.get("1").unwrap();
    let last = alert.history.last().unwrap();
    assert_eq!((alert.flapping, last.action.as_str(), last.at), (false, "calmed", at(12_301)));
}
