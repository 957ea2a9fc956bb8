//! Rules from a file are the rules that the builder makes.

use std::path::Path;
use std::time::Duration;

use prisma_log_config::rules::{self, AlertConfig};
use prisma_log_core::Level;
use prisma_log_monitor::{
    Baseline, Bound, Condition, Direction, FieldCondition, Inhibition, Kind, Maintenance, Measure,
    Policy, Route, Rule, RuleBuilder, Severity, Weekday, Windows,
};

use crate::{file, said};

#[test]
fn every_key_reaches_the_builder() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rules.yaml");
    let everything = Rule::builder("everything")
        .description("All that a rule can say.")
        .severity(Severity::Critical)
        .message(r"^order (?<id>\d+)")
        .message("lost")
        .line("order")
        .except("health")
        .except("test")
        .level_at_least(Level::Warning)
        .logger("shop.orders")
        .logger("shop::cart")
        .field(FieldCondition::greater("duration_ms", 500.0))
        .field(FieldCondition::greater_or_equal("a", 1.0))
        .field(FieldCondition::less("b", -2.5))
        .field(FieldCondition::less_or_equal("c", 1000.0))
        .field(FieldCondition::equals("status", "503"))
        .field(FieldCondition::not_equals("kind", "a b"))
        .field(FieldCondition::matches("path", r"^/admin\d"))
        .field(FieldCondition::exists("user.id"))
        .field(FieldCondition::missing("bot"))
        .field(FieldCondition::equals("user name", "a b"))
        .field(FieldCondition::exists("x"))
        .count(5)
        .window(Duration::from_secs(90))
        .distinct("user.id")
        .group_by(["source.ip", "id"])
        .cooldown(Duration::from_secs(600))
        .resolve_after(Duration::from_secs(3600))
        .build()
        .unwrap();
    let bucket = Rule::builder("bucket")
        .line("failed")
        .leaky_bucket(5, Duration::from_secs(10))
        .distinct("user")
        .group_by(["source.ip"])
        .build()
        .unwrap();
    let rules = rules::load(&path).unwrap();
    assert_eq!(rules[..2], [everything, bucket]);
}

/// The rule with this name in the file with every key.
fn shown(name: &str) -> Rule {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rules.yaml");
    let rules = rules::load(&path).unwrap();
    rules.into_iter().find(|rule| rule.name() == name).unwrap()
}

#[test]
fn conditions_are_a_tree() {
    let message = |pattern: &str| Condition::Message(pattern.into());
    let logger = |name: &str| Condition::Logger(name.into());
    let not = |condition| Condition::Not(Box::new(condition));
    let contains =
        |texts: &[&str]| Condition::Contains(texts.iter().map(|text| (*text).to_owned()).collect());
    let any = vec![
        Condition::Field(FieldCondition::greater("duration_ms", 500.0)),
        Condition::All(vec![
            Condition::Level(Level::Error),
            Condition::Any(vec![logger("db"), logger("cache")]),
        ]),
        Condition::All(vec![message("lost"), not(contains(&["expected"]))]),
    ];
    let all = vec![Condition::Level(Level::Warning), Condition::except("test")];
    let expect = Rule::builder("tree")
        .condition(Condition::Text("slow".into()))
        .condition(contains(&["timeout", "timed out"]))
        .condition(Condition::Any(any))
        .condition(Condition::All(all))
        .condition(not(Condition::Field(FieldCondition::missing("user.id"))))
        .condition(not(Condition::Any(vec![logger("shop.health")])))
        .label("team", "payments")
        .label("page", "yes")
        .group_by(["host"])
        .max_groups(1_000)
        .late(Duration::from_secs(60))
        .escalate(Duration::from_secs(900), Severity::Error)
        .escalate(Duration::from_secs(3600), Severity::Critical)
        .should_match("2026-11-24T08:00:00Z ERROR db: slow: timed out, lost")
        .should_not("fine")
        .should_not("all is well")
        .build()
        .unwrap();
    assert_eq!(shown("tree"), expect);
}

#[test]
fn each_kind_has_its_section() {
    let check = |name: &str, rule: fn(RuleBuilder) -> RuleBuilder, kind: Kind| {
        let expect = rule(Rule::builder(name)).kind(kind).build().unwrap();
        assert_eq!(shown(name), expect);
    };
    let line = |rule: RuleBuilder| rule.line("x");
    let started = |rule: RuleBuilder| rule.message("started");
    let seconds = Duration::from_secs;
    let (minute, hour) = (seconds(60), seconds(3600));
    check(
        "tumbling",
        line,
        Kind::Frequency {
            measure: Measure::Distinct("user.id".into()),
            at_least: 5.0,
            window: hour,
            windows: Windows::Tumbling,
        },
    );
    check(
        "sum",
        line,
        Kind::Frequency {
            measure: Measure::Sum("bytes".into()),
            at_least: 1.5e9,
            window: seconds(300),
            windows: Windows::Sliding,
        },
    );
    let gateway = |rule: RuleBuilder| rule.logger("gateway");
    check(
        "rate",
        gateway,
        Kind::Rate {
            of: Condition::Field(FieldCondition::greater_or_equal("status", 500.0)),
            ratio: 0.05,
            min_volume: 50,
            window: seconds(300),
        },
    );
    check(
        "error-rate",
        gateway,
        Kind::Rate {
            of: Condition::Level(Level::Error),
            ratio: 0.25,
            min_volume: 100,
            window: minute,
        },
    );
    let spike = |factor, direction, baseline, min_count, window| Kind::Spike {
        factor,
        direction,
        baseline,
        min_count,
        window,
    };
    check("spike", line, spike(3.0, Direction::Both, Baseline::Previous, 20, seconds(600)));
    let days = |days| Baseline::SameHour { days };
    check("spike-of-the-hour", line, spike(2.5, Direction::Down, days(14), 10, hour));
    check("usual-spike", line, spike(2.0, Direction::Up, days(7), 10, hour));
    let heartbeat = |rule: RuleBuilder| rule.logger("heartbeat");
    check("flatline", heartbeat, Kind::Flatline { at_least: 1, window: seconds(30) });
    check("few", heartbeat, Kind::Flatline { at_least: 3, window: minute });
    let by_user = |rule: RuleBuilder| rule.line("x").group_by(["user.id"]);
    check("change", by_user, Kind::Change { field: "user.country".into() });
    let learn = seconds(86_400);
    check("new-value", line, Kind::NewValue { field: "user.agent".into(), learn });
    let warnings = |rule: RuleBuilder| rule.level_at_least(Level::Warning);
    check("new-template", warnings, Kind::NewTemplate { learn: hour });
    check(
        "percentile",
        line,
        Kind::Percentile {
            field: "duration_ms".into(),
            percentile: 99.9,
            bound: Bound::Above(500.0),
            min_volume: 10,
            window: seconds(300),
        },
    );
    check(
        "low",
        line,
        Kind::Percentile {
            field: "free".into(),
            percentile: 50.0,
            bound: Bound::Below(-1.5),
            min_volume: 100,
            window: minute,
        },
    );
    let stopped = Condition::Message("stopped".into());
    let error = Condition::Level(Level::Error);
    let by_pid = |rule: RuleBuilder| rule.message("started").group_by(["pid"]);
    let within = seconds(300);
    check("sequence", by_pid, Kind::Sequence { then: vec![stopped.clone(), error], within });
    check("short-sequence", started, Kind::Sequence { then: vec![stopped], within });
}

#[test]
fn levels_may_be_compared_in_any_case() {
    let check = |text: &str, expect: Condition| {
        let (_dir, path) =
            file(&format!("{{version: 1, rules: [{{name: a, match: {{any: ['{text}']}}}}]}}"));
        let rule = Rule::builder("a").condition(Condition::Any(vec![expect])).build().unwrap();
        assert_eq!(rules::load(&path).unwrap(), [rule], "{text}");
    };
    let not = |level| Condition::Not(Box::new(Condition::Level(level)));
    let stated = || Condition::Field(FieldCondition::exists("level"));
    check("level >= warn", Condition::Level(Level::Warning));
    check("level > Warning", Condition::Level(Level::Error));
    check("level < error", Condition::All(vec![stated(), not(Level::Error)]));
    check("level <= error", Condition::All(vec![stated(), not(Level::Critical)]));
    check("level == error", Condition::Field(FieldCondition::equals("level", "ERROR")));
    check("level != Info", Condition::Field(FieldCondition::not_equals("level", "INFO")));
    check("level == x", Condition::Field(FieldCondition::equals("level", "x")));
}

#[test]
fn what_a_file_leaves_out_is_the_builders_default() {
    let (_dir, path) = file("{version: 1, rules: [{name: a, match: {message: x}}]}");
    let rule = Rule::builder("a").message("x").build().unwrap();
    assert_eq!(rules::load(&path).unwrap(), [rule]);
}

#[test]
fn the_first_mistake_says_how_many_more_there_are() {
    let (_dir, path) = file("{version: 1, rules: [{name: a, mach: {}, match: {level: loud}}]}");
    let error = rules::load(&path).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(
        hint.starts_with("did you mean `match`?; 1 more mistake: `plog config check "),
        "{hint}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let missing = Path::new("/nowhere/alerts.yaml");
    assert!(rules::load(missing).unwrap_err().is_io());
    assert_eq!(rules::check(missing).len(), 1);
}

#[test]
fn what_is_hardly_meant_is_a_warning_at_its_rule() {
    let text = "version: 1\nrules:\n  - {name: good, match: {message: x}}\n  - match: {line: 'x*'}\n    \
                name: everything\n";
    let (_dir, path) = file(text);
    let config = AlertConfig::load(&path).unwrap();
    assert_eq!(config.rules().len(), 2);
    let warnings: Vec<String> = config.warnings().iter().map(said).collect();
    let expect = "logging.yaml:5:11: rule `everything`: the pattern /x*/ is found in every line";
    assert_eq!(warnings, [expect]);
}

#[test]
fn packs_are_changed_by_name() {
    let disk = prisma_log_config::packs::load("disk").unwrap();
    let (first, second) = (disk[0].name(), disk[1].name());
    let text = format!(
        "version: 1\npacks: disk\ndisable: {first}\nrules:\n  - {{name: {second}, match: {{line: x}}}}\n  \
         - {{name: mine, match: {{line: y}}}}\n"
    );
    let (_dir, path) = file(&text);
    let rules = rules::load(&path).unwrap();
    assert_eq!(rules.len(), disk.len());
    assert_eq!(rules[0], Rule::builder(second).line("x").build().unwrap());
    assert_eq!(rules[1..disk.len() - 1], disk[2..]);
    assert_eq!(rules.last().unwrap().name(), "mine");
    let (_dir, path) = file("{version: 1, packs: [default, disk]}");
    assert!(rules::load(&path).unwrap().len() > disk.len() + 10);
}

#[test]
fn the_policy_is_what_the_builders_make() {
    let text = "\
version: 1
rules: [{name: a, match: {line: x}}]
routes:
  - match: [severity=critical, 'team=~\"pay.*\"']
    group_by: [rule, host]
    group_wait: 30s
    group_interval: 2m
    repeat_interval: 1h
    continue: true
    routes:
      - {match: host=db, group_by: []}
  - {}
inhibit:
  - {source: severity=critical, target: 'severity=~\"warning|info\"', equal: [host]}
maintenance:
  - {match: severity=info, days: [sat, Sunday], from: 22:00, to: '06:00', zone: Europe/Berlin}
  - {start: 2026-11-24T08:00:00Z, end: 2026-11-24 10:00:00+01:00}
limits:
  max_per_minute: 10
  max_alerts_per_message: 20
  max_open_alerts: 500
  flapping: {changes: 4, within: 30m}
  give_up_after: 2h
  shutdown_wait: 1s
";
    let (_dir, path) = file(text);
    let config = AlertConfig::load(&path).unwrap();
    let is = |text: &str| text.parse().unwrap();
    let seconds = Duration::from_secs;
    // 2026-11-24T08:00:00Z and an hour later.
    let at = |seconds: i64| prisma_log_core::Timestamp::from_unix_seconds(1_795_507_200 + seconds);
    let inner = Route::builder().matcher(is("host=db")).group_by(Vec::<String>::new());
    let first = Route::builder()
        .matcher(is("severity=critical"))
        .matcher(is("team=~pay.*"))
        .group_by(["rule", "host"])
        .group_wait(seconds(30))
        .group_interval(seconds(120))
        .repeat_interval(seconds(3600))
        .continues(true)
        .route(inner);
    let expect = Policy::builder()
        .route(first)
        .route(Route::builder())
        .inhibit(
            Inhibition::builder()
                .source(is("severity=critical"))
                .target(is("severity=~warning|info"))
                .equal(["host"]),
        )
        .maintenance(
            Maintenance::builder()
                .matcher(is("severity=info"))
                .weekdays([Weekday::Saturday, Weekday::Sunday])
                .from("22:00")
                .to("06:00")
                .zone("Europe/Berlin"),
        )
        .maintenance(Maintenance::builder().once(at(0), at(3600)))
        .max_per_minute(10)
        .max_alerts_per_message(20)
        .max_open_alerts(500)
        .flapping(4, seconds(1800))
        .give_up_after(seconds(7200))
        .shutdown_wait(seconds(1))
        .build()
        .unwrap();
    assert_eq!(config.policy(), &expect);
    let (_dir, path) = file("{version: 1, packs: disk, limits: {flapping: off}}");
    let expect = Policy::builder().no_flapping().build().unwrap();
    assert_eq!(AlertConfig::load(&path).unwrap().policy(), &expect);
}

#[test]
fn receivers_are_read_and_secrets_are_not_shown() {
    use prisma_log_config::rules::ReceiverKind;

    let text = "\
version: 1
packs: disk
receivers:
  hook:
    type: webhook
    url: https://example.com/${PRISMA_LOG_TEST_NOT_SET}
    template: '{\"text\": {{title}}}'
    signing_secret: 0123456789abcdef
    headers: {X-Team: payments}
    bearer: {file: /nowhere/token}
    timeout: 5s
  alertmanager: {type: alertmanager, url: ['http://a:9093', 'http://b:9093'], labels: {site: one}}
  mail: {type: email, server: mail.example.com, from: a@example.com, to: [b@example.com]}
  run: {type: command, program: /bin/true, args: ['{{title}}'], permanent_statuses: 2}
  journal: {type: journald}
  here: {type: syslog}
  log: {type: log}
routes: [{receivers: [hook, mail]}]
";
    let (_dir, path) = file(text);
    let config = AlertConfig::load(&path).unwrap();
    let receivers = config.receivers();
    let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
    assert_eq!(names, ["hook", "alertmanager", "mail", "run", "journal", "here", "log"]);
    assert_eq!(config.policy().receivers(), ["hook", "mail"]);
    let shown = format!("{receivers:?}");
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("payments"), "{shown}");
    let ReceiverKind::Webhook(hook) = &receivers[0].kind else { panic!("{:?}", receivers[0]) };
    assert_eq!(hook.http.timeout, Some(Duration::from_secs(5)));
    let ReceiverKind::Command(run) = &receivers[3].kind else { panic!("{:?}", receivers[3]) };
    assert_eq!(
        (run.args.as_slice(), run.permanent_statuses.as_slice()),
        (&["{{title}}".into()][..], &[2][..])
    );
}

#[cfg(feature = "notify-webhook")]
#[test]
fn secrets_are_read_when_a_receiver_is_built() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret\n").unwrap();
    let text = |url: &str, token: &str| {
        format!(
            "version: 1\npacks: disk\nreceivers:\n  a: {{type: slack, url: '{url}', bearer: {{file: {token}}}}}\n"
        )
    };
    let build = |text: &str| {
        let (_dir, path) = file(text);
        let config = AlertConfig::load(&path).unwrap();
        config.receivers()[0].build(None).map(|_| ()).map_err(|error| said(&error))
    };
    let there = token.path().display().to_string();
    assert_eq!(build(&text("http://localhost/x", &there)), Ok(()));
    assert_eq!(
        build(&text("${PATH_NOT_SET_HERE}", &there)).unwrap_err(),
        "logging.yaml:4:25: the variable `PATH_NOT_SET_HERE` is not set"
    );
    assert!(
        build(&text("http://localhost/x", "/nowhere/token"))
            .unwrap_err()
            .contains("/nowhere/token")
    );
    let (_dir, path) = file(&text("localhost", &there));
    let errors: Vec<String> = rules::check(&path).iter().map(said).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("logging.yaml:4:6: "), "{errors:?}");
}
