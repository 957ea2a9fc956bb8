use std::time::Duration;

use prisma_log_core::Timestamp;

use super::*;
use crate::{Alert, Group, Severity};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn alert() -> Alert {
    Alert {
        severity: Severity::Critical,
        labels: vec![("team".into(), "storage".into()), ("db".into(), "shadowed".into())],
        group: [("db", "orders"), ("host", "")].into_iter().collect(),
        ..Alert::new(7, "disk-full", at(0))
    }
}

fn m(text: &str) -> Matcher {
    text.parse().unwrap()
}

#[test]
fn matchers_compare_whole_values() {
    let check = |text: &str, expect: bool| {
        let matcher = m(text);
        assert_eq!(matcher.matches(&alert()), expect, "{text}");
        assert_eq!(m(&matcher.to_string()), matcher, "{matcher}");
    };
    check("rule=disk-full", true);
    check("rule=disk", false);
    check("rule!=disk", true);
    check("rule=~disk", false);
    check("rule=~disk.*", true);
    check("rule=~\"disk-(full|slow)\"", true);
    check("rule!~disk.*", false);
    check("severity=critical", true);
    check("db = orders", true);
    check("db=shadowed", false);
    check("team=\"storage\"", true);
    check("host=", true);
    check("host!=\"\"", false);
    check("nothing=", true);
    check("nothing=~\".+\"", false);
    check("nothing!~\".+\"", true);
    check("id=A000007", true);
    check(r#"team!="a \"b\" \\ \n""#, true);
    check(r#"team=~"s\w+e""#, true);
}

#[test]
fn what_is_no_matcher_says_why() {
    let check = |text: &str, expect: &str| {
        let error = text.parse::<Matcher>().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    check("", "invalid matcher");
    check("rule", "invalid matcher");
    check("rule!x", "invalid matcher");
    check("=x", "invalid key");
    check("a\nb=x", "invalid key");
    check("rule=~(", "invalid pattern");
    check("rule=\"x", "invalid matcher");
    check("rule=\"x\"y", "invalid matcher");
    check(&format!("rule={}", "x".repeat(4097)), "4097 bytes");
}

#[test]
fn routes_lead_on_as_alertmanagers_do() {
    let to = |name: &str| Route::builder().receiver(name);
    let check = |routes: Vec<RouteBuilder>, expect: &[&str]| {
        let policy = routes.into_iter().fold(Policy::builder(), PolicyBuilder::route);
        let names = ["a", "b", "c"].map(String::from);
        let targets = policy.build().unwrap().targets(&alert(), &names);
        let found: Vec<String> =
            targets.iter().map(|t| format!("{} {}", t.receiver, t.group)).collect();
        assert_eq!(found, expect);
    };
    let rule = "rule=disk-full";
    check(vec![], &["a rule=disk-full", "b rule=disk-full", "c rule=disk-full"]);
    check(vec![to("a"), to("b")], &["a rule=disk-full"]);
    check(vec![to("a").continues(true), to("b")], &["a rule=disk-full", "b rule=disk-full"]);
    check(vec![to("a").matcher(m("rule=other")), to("b")], &["b rule=disk-full"]);
    check(vec![to("a").matcher(m("rule=other"))], &[]);
    check(vec![to("a").matcher(m(rule)).matcher(m("db=x")), to("c")], &["c rule=disk-full"]);
    check(
        vec![to("a").receiver("b").group_by(["db", "team"])],
        &["a db=orders team=storage", "b db=orders team=storage"],
    );
    check(vec![to("a").group_by([""; 0])], &["a "]);
    check(vec![to("a").group_by(["..."])], &["a rule=disk-full db=orders"]);
    // Inner routes take over what they match, and inherit.
    let inner = Route::builder().matcher(m(rule)).group_by(["db"]);
    check(vec![to("a").route(inner.clone())], &["a db=orders"]);
    check(vec![to("a").route(inner.clone().receiver("b"))], &["b db=orders"]);
    check(vec![to("a").route(to("b").matcher(m("rule=other")))], &["a rule=disk-full"]);
    check(
        vec![to("a").continues(true).route(inner.receiver("b").continues(true)).route(to("c"))],
        &["b db=orders", "c rule=disk-full"],
    );
}

#[test]
fn routes_are_told_apart_by_what_they_match_and_group_by() {
    let ids = |route: RouteBuilder| {
        let policy = Policy::builder().route(route).build().unwrap();
        policy.targets(&alert(), &["a".to_owned()])[0].route
    };
    let plain = ids(Route::builder());
    assert_eq!(plain, ids(Route::builder().group_wait(Duration::ZERO).receiver("a")));
    assert_ne!(plain, ids(Route::builder().group_by(["db"])));
    assert_ne!(plain, ids(Route::builder().matcher(m("rule!=x"))));
    assert_ne!(plain, ids(Route::builder().route(Route::builder())));
}

#[test]
fn an_alert_does_not_inhibit_itself_or_its_like() {
    let alert = |rule: &str, severity, host: &str| Alert {
        severity,
        group: [("host", host)].into_iter().collect::<Group>(),
        ..Alert::new(1, rule, at(0))
    };
    let inhibition = Inhibition::builder()
        .source(m("severity=critical"))
        .target(m("severity=~critical|warning"))
        .equal(["host", "zone"])
        .build()
        .unwrap();
    let source = alert("down", Severity::Critical, "web");
    let check = |target: &Alert, expect: bool| {
        assert!(inhibition.is_source(&source));
        assert_eq!(inhibition.mutes(&source, target), expect);
    };
    check(&source, false);
    check(&alert("other", Severity::Critical, "web"), false);
    check(&alert("slow", Severity::Warning, "web"), true);
    check(&alert("slow", Severity::Warning, "db"), false);
    check(&alert("slow", Severity::Info, "web"), false);
}

#[test]
fn maintenance_keeps_the_hours_of_its_zone() {
    let alert = alert();
    let window = |days: &[Weekday], from: &str, to: &str, zone: &str| {
        let days = days.iter().copied();
        Maintenance::builder().weekdays(days).from(from).to(to).zone(zone).build().unwrap()
    };
    let check = |window: &Maintenance, time: &str, expect: bool| {
        let time: jiff::Timestamp = time.parse().unwrap();
        let now = at(time.as_second());
        assert_eq!(window.mutes(&alert, now), expect, "{time}");
    };
    // 2026-12-01 is a Tuesday.
    let night = window(&[Weekday::Tuesday], "22:00", "06:00", "UTC");
    check(&night, "2026-12-01T21:59:59Z", false);
    check(&night, "2026-12-01T22:00:00Z", true);
    check(&night, "2026-12-02T05:59:59Z", true);
    check(&night, "2026-12-02T06:00:00Z", false);
    check(&night, "2026-12-02T23:00:00Z", false);
    check(&night, "2026-12-01T05:00:00Z", false);
    let daily = window(&[], "9:30", "24:00", "UTC");
    check(&daily, "2026-12-03T09:29:59Z", false);
    check(&daily, "2026-12-03T23:59:59Z", true);
    check(&daily, "2026-12-04T00:00:00Z", false);
    let whole = window(&[Weekday::Saturday], "00:00", "00:00", "UTC");
    check(&whole, "2026-12-05T00:00:00Z", true);
    check(&whole, "2026-12-05T23:59:59Z", true);
    check(&whole, "2026-12-06T00:00:00Z", false);
    // Berlin is an hour ahead of UTC in winter, two in summer; at 2026-03-29T02:00 clocks go to 03:00.
    let berlin = window(&[], "02:30", "05:00", "Europe/Berlin");
    check(&berlin, "2026-03-28T01:29:59Z", false);
    check(&berlin, "2026-03-28T01:30:00Z", true);
    check(&berlin, "2026-03-29T01:29:59Z", false);
    check(&berlin, "2026-03-29T01:30:00Z", true);
    check(&berlin, "2026-03-29T02:59:59Z", true);
    check(&berlin, "2026-03-29T03:00:00Z", false);
    let once = Maintenance::builder().once(at(100), at(200)).matcher(m("db=orders"));
    let once = once.build().unwrap();
    for (seconds, expect) in [(99, false), (100, true), (199, true), (200, false)] {
        assert_eq!(once.mutes(&alert, at(seconds)), expect);
    }
    let other = Maintenance::builder().once(at(100), at(200)).matcher(m("db=x")).build().unwrap();
    assert!(!other.mutes(&alert, at(150)));
}

#[test]
fn weekdays_have_names() {
    for day in Weekday::ALL {
        assert_eq!(day.as_str().parse::<Weekday>().unwrap(), day);
        assert_eq!(day.as_str()[..3].to_uppercase().parse::<Weekday>().unwrap(), day);
    }
    assert!("mo".parse::<Weekday>().is_err());
}

#[test]
fn settings_have_limits() {
    let second = Duration::from_secs(1);
    let check = |policy: PolicyBuilder, expect: &str| {
        let error = policy.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    let policy = Policy::builder;
    check(policy().max_per_minute(0), "max_per_minute is 0, expected 1 to 10000");
    check(policy().max_per_minute(10_001), "max_per_minute");
    check(policy().max_alerts_per_message(0), "max_alerts_per_message");
    check(policy().max_open_alerts(1_000_001), "max_open_alerts");
    check(policy().flapping(1, second), "flapping after 1 changes");
    check(policy().flapping(3, Duration::ZERO), "the time for flapping is 0ns");
    check(policy().give_up_after(second), "give_up_after is 1s, expected 60s");
    check(policy().shutdown_wait(61 * second), "shutdown_wait");
    let route = Route::builder;
    check(policy().route(route().group_wait(3601 * second)), "group_wait");
    check(policy().route(route().group_interval(Duration::ZERO)), "group_interval");
    check(policy().route(route().repeat_interval(second)), "repeat_interval");
    check(policy().route(route().group_by(["a"; 17])), "at most 16 keys");
    let deep = (0..8).fold(route(), |inner, _| route().route(inner));
    check(policy().route(deep), "nested deeper than 8");
    check(policy().inhibit(Inhibition::builder().source(m("a=b"))), "source and target");
    let window = Maintenance::builder;
    check(policy().maintenance(window()), "must say when");
    check(policy().maintenance(window().from("25:00")), "invalid time \"25:00\" in `from`");
    check(policy().maintenance(window().to("6")), "invalid time");
    check(policy().maintenance(window().zone("Nowhere/At_All")), "unknown time zone");
    check(policy().maintenance(window().once(at(2), at(2))), "end after its start");
    check(policy().maintenance(window().once(at(1), at(2)).from("1:00")), "neither days nor");
    assert_eq!(policy().build().unwrap(), Policy::default());
}

#[test]
fn receivers_must_be_there() {
    let policy = Policy::builder().route(Route::builder().receiver("mail")).build().unwrap();
    assert_eq!(policy.receivers(), ["mail"]);
    policy.check_receivers(&["mail".into(), "chat".into()]).unwrap();
    let error = policy.check_receivers(&["chat".into()]).unwrap_err();
    assert!(error.to_string().contains("leads to `mail`"), "{error}");
}

#[test]
fn silences_have_a_beginning_an_end_and_a_stored_form() {
    let silence = Silence::builder(" ada ")
        .matcher(m("db=~\"or.*\""))
        .matcher(m("severity!=info"))
        .lasts(Duration::from_secs(60))
        .comment("migration");
    let mut silence = silence.build(3, at(100)).unwrap();
    assert_eq!((silence.id.as_str(), silence.author.as_str()), ("S000003", "ada"));
    assert!(silence.matches(&alert()));
    let states = [(99, "pending"), (100, "active"), (159, "active"), (160, "expired")];
    for (now, expect) in states {
        assert_eq!(silence.state(at(now)).as_str(), expect);
    }
    assert_eq!(Silence::from_bytes(&silence.to_bytes()).unwrap(), silence);
    silence.expire("bob", at(120)).unwrap();
    assert_eq!((silence.ends, silence.state(at(120)).as_str()), (at(120), "expired"));
    assert!(silence.expire("bob", at(130)).unwrap_err().is_state());
    assert_eq!(Silence::from_bytes(&silence.to_bytes()).unwrap(), silence);
    let json: serde_json::Value = serde_json::from_str(&silence.to_json(at(130))).unwrap();
    assert_eq!(json["matchers"][0], "db=~\"or.*\"".replace('"', ""));
    assert_eq!((&json["state"], &json["expired_by"]), (&"expired".into(), &"bob".into()));

    let check = |silence: SilenceBuilder, expect: &str| {
        let error = silence.build(1, at(100)).unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    let new = |author: &str| Silence::builder(author).matcher(m("rule=x"));
    check(Silence::builder("ada").lasts(Duration::from_secs(1)), "1 to 32 matchers, not 0");
    check(new("ada"), "must have an end");
    check(new("").lasts(Duration::from_secs(1)), "invalid name");
    check(new("ada").ends(at(100)), "must end after its start");
    check(new("ada").starts(at(50)).ends(at(90)), "later than now");
}
