use super::*;

const DB: &str = "db refused \x1b[31m";

fn alert() -> Alert {
    Alert {
        id: Alert::id_of(42),
        rule: "database".into(),
        description: "the database is away".into(),
        severity: Severity::Error,
        state: AlertState::Open,
        group: Group::new(["db", "host"], ["orders".to_owned(), String::new()]),
        sources: vec!["/var/log/app.log".into()],
        first_seen: Timestamp::from_unix_seconds(0),
        last_seen: Timestamp::from_unix_seconds(125),
        count: 7,
        message: DB.into(),
        samples: vec![DB.into()],
        history: vec![Transition {
            from: None,
            to: AlertState::Open,
            at: Timestamp::from_unix_seconds(3),
            by: None,
            note: None,
        }],
        inner: Inner {
            number: 42,
            resolve_after: Duration::from_secs(60),
            quiet_since: Timestamp::from_unix_seconds(125),
            quiet_source: "/var/log/app.log".into(),
            counted: 7,
            resolved_number: None,
        },
    }
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

    alert.reopen(at(500));
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
    assert_eq!(Alert::from_bytes(&alert.to_bytes()).unwrap(), alert);
    assert!(Alert::from_bytes(b"").unwrap_err().is_data());
}

#[test]
fn the_ways_between_states() {
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Ack,
        Resolve,
        Quiet,
        Reopen,
    }
    use Step::{Ack, Quiet, Reopen, Resolve};
    let check = |steps: &[Step], expect: Result<AlertState, &str>| {
        let mut alert = alert();
        let result = steps.iter().try_for_each(|step| match step {
            Ack => alert.acknowledge("ada", "", at(1)),
            Resolve => alert.resolve("ada", "", at(2)),
            Quiet => {
                alert.resolve_quiet();
                Ok(())
            }
            Reopen => {
                alert.reopen(at(3));
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
    check(&[Ack, Ack], Err("acknowledged by ada already (it can be resolved)"));
    check(&[Resolve, Ack], Err("it is resolved by ada already (it opens again by itself"));
    check(&[Resolve, Resolve], Err("can't be resolved: it is resolved"));
    check(&[Quiet, Resolve], Err("it is resolved already"));
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
fn history_is_bounded_and_keeps_its_start() {
    let mut alert = alert();
    for round in 0..200 {
        alert.resolve("ada", "", at(round)).unwrap();
        alert.reopen(at(round));
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
}
