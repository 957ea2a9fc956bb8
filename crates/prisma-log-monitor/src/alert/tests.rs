use super::*;

const DB: &str = "db refused \x1b[31m";

fn alert() -> Alert {
    let mut alert = Alert {
        description: "the database is away".into(),
        severity: Severity::Error,
        group: Group::new(["db", "host"], ["orders".to_owned(), String::new()]),
        labels: vec![("team".into(), "storage".into())],
        sources: vec!["/var/log/app.log".into()],
        first_seen: at(0),
        last_seen: at(125),
        count: 7,
        message: DB.into(),
        samples: vec![DB.into()],
        ..Alert::new(42, "database", at(3))
    };
    alert.inner.resolve_after = Duration::from_secs(60);
    alert.inner.quiet_since = at(125);
    alert.inner.quiet_source = "/var/log/app.log".into();
    alert.inner.counted = 7;
    alert
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

#[test]
fn one_line_for_people() {
    let expect = "ERROR database [db=orders]: 7 in 2m5s, open, A000042: db refused \\u{1b}[31m";
    assert_eq!(alert().to_string(), expect);
}

#[test]
fn spans_are_short() {
    let check = |ms, expect: &str| assert_eq!(Span(Duration::from_millis(ms)).to_string(), expect);
    check(0, "0ms");
    check(999, "999ms");
    check(59_999, "59s");
    check(60_000, "1m");
    check(3_600_000 * 3 + 60_000 * 20, "3h20m");
    check(86_400_000 * 4 + 3_600_000, "4d1h");
}

#[test]
fn one_line_for_programs() {
    let mut alert = alert();
    alert.acknowledge("ada", "on it", at(130)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&alert.to_json()).unwrap();
    assert_eq!(json["id"], "A000042");
    assert_eq!(json["severity"], "error");
    assert_eq!(json["state"], "acknowledged");
    assert_eq!(json["group"], serde_json::json!({"db": "orders", "host": ""}));
    assert_eq!(json["count"], 7);
    assert_eq!(json["last_seen"], "1970-01-01T00:02:05.000000Z");
    assert_eq!(json["samples"][0], DB);
    assert_eq!(json["acknowledged_by"], "ada");
    assert_eq!(json["acknowledged_note"], "on it");
    assert_eq!(json["resolved_by"], serde_json::Value::Null);
    assert_eq!(json["history"][0]["from"], serde_json::Value::Null);
    assert_eq!(json["history"][1]["from"], "open");

    alert.resolve_quiet();
    let json: serde_json::Value = serde_json::from_str(&alert.to_json()).unwrap();
    assert_eq!(json["acknowledged_by"], "ada", "kept for the record");
    assert_eq!(json["resolved_by"], serde_json::Value::Null);
    assert_eq!(json["resolved_at"], "1970-01-01T00:03:05.000000Z");

    alert.recur(at(500));
    let json: serde_json::Value = serde_json::from_str(&alert.to_json()).unwrap();
    assert_eq!(json["acknowledged_by"], serde_json::Value::Null);
    assert_eq!(json["resolved_at"], serde_json::Value::Null);
}

#[test]
fn the_stored_form_is_complete() {
    let mut alert = alert();
    alert.acknowledge("ada", "", at(130)).unwrap();
    alert.resolve("bob", "fixed", at(140)).unwrap();
    alert.inner.resolved_number = Some(9);
    alert.comment("cyn", "was the network", at(150)).unwrap();
    alert.assign("bob", "cyn", at(160)).unwrap();
    alert.why = Some("7 of 9".into());
    alert.inner.escalation =
        vec![Escalation { after: Duration::from_secs(9), severity: Severity::Critical }];
    for second in 0..3 {
        alert.changed(at(second), Some((2, Duration::from_secs(60))));
    }
    assert!(alert.flapping);
    assert_eq!(Alert::from_bytes(&alert.to_bytes()).unwrap(), alert);
    assert!(Alert::from_bytes(b"").unwrap_err().is_data());
}

#[test]
fn the_ways_between_states() {
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Ack,
        Resolve,
        Unack,
        OpenAgain,
        Quiet,
        Reopen,
    }
    use Step::{Ack, OpenAgain, Quiet, Reopen, Resolve, Unack};
    let check = |steps: &[Step], expect: Result<AlertState, &str>| {
        let mut alert = alert();
        let result = steps.iter().try_for_each(|step| match step {
            Ack => alert.acknowledge("ada", "", at(1)),
            Resolve => alert.resolve("ada", "", at(2)),
            Unack => alert.unacknowledge("ada", "", at(2)),
            OpenAgain => alert.reopen("ada", "", at(2)),
            Quiet => {
                alert.resolve_quiet();
                Ok(())
            }
            Reopen => {
                alert.recur(at(3));
                Ok(())
            }
        });
        match (result, expect) {
            (Ok(()), Ok(state)) => assert_eq!(alert.state, state, "{steps:?}"),
            (Err(error), Err(text)) => {
                assert!(error.is_state(), "{error}");
                assert!(error.to_string().contains(text), "{error}");
            }
            (got, expect) => panic!("{steps:?}: {got:?}, expected {expect:?}"),
        }
    };
    check(&[Ack], Ok(AlertState::Acknowledged));
    check(&[Resolve], Ok(AlertState::Resolved));
    check(&[Ack, Resolve], Ok(AlertState::Resolved));
    check(&[Ack, Quiet, Reopen, Ack], Ok(AlertState::Acknowledged));
    check(&[Quiet, Reopen], Ok(AlertState::Open));
    check(&[Ack, Ack], Err("acknowledged by ada already (it can be unacknowledged or resolved)"));
    check(&[Resolve, Ack], Err("it is resolved by ada already (it opens again by itself"));
    check(&[Resolve, Resolve], Err("can't be resolved: it is resolved"));
    check(&[Quiet, Resolve], Err("it is resolved already"));
    check(&[Ack, Unack], Ok(AlertState::Open));
    check(&[Ack, Unack, Ack], Ok(AlertState::Acknowledged));
    check(&[Unack], Err("can't be unacknowledged: it is open already"));
    check(&[Resolve, OpenAgain], Ok(AlertState::Open));
    check(&[Ack, OpenAgain], Err("can't be opened again: it is acknowledged by ada already"));
}

#[test]
fn names_and_notes_have_limits() {
    let check = |by: &str, note: &str, expect: &str| {
        let error = alert().acknowledge(by, note, at(1)).unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    check("", "", "invalid name");
    check("  ", "", "invalid name");
    check("a\nb", "", "invalid name");
    check(&"x".repeat(257), "", "invalid name");
    check("ada", &"x".repeat(4097), "4097 bytes");
}

#[test]
fn comments_and_assignments_are_kept_and_noted() {
    let mut alert = alert();
    alert.acknowledge("ada", "", at(1)).unwrap();
    alert.comment("bob", " looks like the switch ", at(2)).unwrap();
    alert.assign("cyn", "bob", at(3)).unwrap();
    assert_eq!(alert.comments[0].text, "looks like the switch");
    assert_eq!(alert.assignee.as_deref(), Some("cyn"));
    assert_eq!(alert.acknowledgement().unwrap().by.as_deref(), Some("ada"), "still acknowledged");
    let actions: Vec<_> = alert.history.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["raised", "acknowledged", "commented", "assigned"]);
    let json: serde_json::Value = serde_json::from_str(&alert.to_json()).unwrap();
    assert_eq!(json["acknowledged_by"], "ada");
    assert_eq!(json["comments"][0]["by"], "bob");
    assert_eq!(json["assignee"], "cyn");
    assert_eq!(json["labels"], serde_json::json!({"team": "storage"}));
    assert_eq!(json["history"][3]["note"], "to cyn");
    alert.assign("", "bob", at(4)).unwrap();
    assert_eq!(alert.assignee, None);
    assert!(alert.comment("bob", "  ", at(5)).unwrap_err().is_config());
    for _ in 1..32 {
        alert.comment("bob", "more", at(6)).unwrap();
    }
    assert!(alert.comment("bob", "too much", at(7)).unwrap_err().is_state());
    assert_eq!(alert.comments.len(), 32);
}

#[test]
fn what_changes_too_often_flaps_until_it_stays() {
    let limit = Some((3, Duration::from_secs(100)));
    let check = |times: &[i64], expect: bool| {
        let mut alert = alert();
        times.iter().for_each(|&time| alert.changed(at(time), limit));
        assert_eq!(alert.flapping, expect, "{times:?}");
        let last = times.last().map(|&last| at(last + 100));
        assert_eq!(alert.calm_at(), last.filter(|_| expect));
        assert!(alert.inner.changes.len() <= 4);
    };
    check(&[], false);
    check(&[1, 2, 3], false);
    check(&[1, 2, 3, 101], true);
    check(&[1, 2, 3, 102], false);
    check(&[1, 50, 100, 150, 200, 250], false);
    check(&[4, 3, 2, 1], true);
    check(&[1, 2, 3, 4, 5, 6, 7], true);
    let mut alert = alert();
    (0..9).for_each(|time| alert.changed(at(time), None));
    assert!(!alert.flapping, "nobody looks");
}

#[test]
fn severity_rises_while_nobody_takes_it_on() {
    let step = |after, severity| Escalation { after: Duration::from_secs(after), severity };
    let mut alert = alert();
    alert.severity = Severity::Warning;
    alert.inner.open_since = at(1000);
    alert.inner.escalation =
        vec![step(10, Severity::Warning), step(20, Severity::Error), step(30, Severity::Critical)];
    assert_eq!(alert.escalates_at(), Some(at(1020)));
    assert!(!alert.escalate(at(1019)));
    assert!(alert.escalate(at(1020)) && alert.severity == Severity::Error);
    assert!(!alert.escalate(at(1020)));
    assert_eq!(alert.escalates_at(), Some(at(1030)));
    alert.acknowledge("ada", "", at(1025)).unwrap();
    assert!(!alert.escalate(at(9999)), "somebody has it");
    alert.unacknowledge("ada", "", at(2000)).unwrap();
    assert!(!alert.escalate(at(2029)), "time begins anew");
    assert!(alert.escalate(at(2030)) && alert.severity == Severity::Critical);
    assert_eq!(alert.escalates_at(), None);
    let last = alert.history.last().unwrap();
    assert_eq!(last.note.as_deref(), Some("error to critical: nobody took it on"));
}

/// A row as the first version wrote it.
#[test]
fn rows_of_the_first_version_are_read() {
    let mut alert = alert();
    alert.acknowledge("ada", "", at(130)).unwrap();
    alert.resolve_quiet();
    alert.recur(at(500));
    let mut first = crate::codec::Writer::new();
    alert.write_first(&mut first);
    alert.labels.clear();
    alert.inner.open_since = Timestamp::from_unix_nanos(i64::MAX);
    assert_eq!(Alert::from_bytes(&first.finish()).unwrap(), alert);
}

#[test]
fn history_is_bounded_and_keeps_its_start() {
    let mut alert = alert();
    for round in 0..200 {
        alert.resolve("ada", "", at(round)).unwrap();
        alert.recur(at(round));
    }
    assert_eq!(alert.history.len(), 101);
    assert_eq!(alert.history[0].from, None);
}

#[test]
fn ids() {
    assert_eq!(Alert::id_of(7), "A000007");
    let check = |id: &str, expect| assert_eq!(Alert::number_of(id), expect, "{id}");
    check("A000007", Some(7));
    check("a7", Some(7));
    check("7", Some(7));
    check("A12345678", Some(12_345_678));
    check("", None);
    check("A", None);
    check("B1", None);
    check("+1", None);
}

#[test]
fn filters() {
    let check = |filter: AlertFilter, expect| assert_eq!(filter.passes(&alert()), expect);
    check(AlertFilter::all(), true);
    check(AlertFilter::unresolved(), true);
    check(AlertFilter::all().state(AlertState::Resolved), false);
    check(AlertFilter::all().rule("database"), true);
    check(AlertFilter::all().rule("data"), false);
    check(AlertFilter::all().severity_at_least(Severity::Error), true);
    check(AlertFilter::all().severity_at_least(Severity::Critical), false);
    check(AlertFilter::all().matcher("team=storage".parse().unwrap()), true);
    check(AlertFilter::all().matcher("db!=orders".parse().unwrap()), false);
    check(AlertFilter::all().since(at(125)), true);
    check(AlertFilter::all().since(at(126)), false);
    check(AlertFilter::all().until(at(1)), true);
    check(AlertFilter::all().until(at(0)), false);
    check(AlertFilter::all().text("REFUSED"), true);
    check(AlertFilter::all().text("accepted"), false);
    check(AlertFilter::all().assignee(""), true);
    check(AlertFilter::all().assignee("bob"), false);
}
