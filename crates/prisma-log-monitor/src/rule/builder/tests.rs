use super::*;
use crate::rule::{Baseline, Direction};

const MINUTE: Duration = Duration::from_secs(60);

fn rule() -> RuleBuilder {
    Rule::builder("r").message("x")
}

fn frequency(measure: Measure, at_least: f64) -> Kind {
    Kind::Frequency { measure, at_least, window: MINUTE, windows: Windows::Tumbling }
}

#[test]
fn defaults() {
    let rule = rule().build().unwrap();
    assert_eq!(*rule.kind(), Kind::Any);
    assert_eq!(rule.severity(), Severity::Warning);
    assert_eq!(rule.resolve_after(), Duration::from_secs(300));
    assert_eq!(rule.cooldown(), Duration::ZERO);
    assert_eq!(rule.condition().to_string(), "message matches /x/");
}

#[test]
fn equality_looks_at_every_setting() {
    let base = rule().build().unwrap();
    assert_eq!(base, rule().build().unwrap());
    let others = [
        Rule::builder("s").message("x"),
        Rule::builder("r").message("y"),
        Rule::builder("r").line("x"),
        rule().description("d"),
        rule().severity(Severity::Info),
        rule().line("x"),
        rule().except("x"),
        rule().level_at_least(Level::Error),
        rule().logger("l"),
        rule().field(FieldCondition::exists("f")),
        rule().count(2),
        rule().window(2 * MINUTE),
        rule().leaky_bucket(1, MINUTE),
        rule().distinct("f"),
        rule().group_by(["f"]),
        rule().cooldown(MINUTE),
        rule().resolve_after(MINUTE),
        rule().label("team", "shop"),
        rule().condition(Condition::Any(vec![Condition::Contains(vec!["x".into()])])),
        rule().max_groups(5),
        rule().late(MINUTE),
        rule().escalate(MINUTE, Severity::Critical),
        rule().should_match("x"),
        rule().should_not("y"),
        rule().kind(Kind::Change { field: "f".into() }),
        rule().kind(frequency(Measure::Sum("f".into()), 2.5)),
        rule().kind(Kind::Flatline { at_least: 1, window: MINUTE }),
    ];
    for other in others {
        let other = other.build().unwrap();
        assert_ne!(base, other, "{other:?}");
        assert_eq!(other.to_builder().build().unwrap(), other);
    }
}

#[test]
fn absurd_settings_are_refused() {
    let check = |rule: RuleBuilder, expect: &str| {
        let error = rule.build().unwrap_err();
        assert!(error.is_config(), "{error}");
        assert!(error.to_string().contains(expect), "{error}");
    };
    check(Rule::builder("").message("x"), "invalid name");
    check(Rule::builder("No Spaces").message("x"), "invalid name");
    check(Rule::builder("ü").message("x"), "invalid name");
    check(Rule::builder("a".repeat(65)).message("x"), "invalid name");
    check(Rule::builder("r"), "no condition");
    check(Rule::builder("r").except("x"), "no condition");
    check(rule().count(0), "count is 0");
    check(rule().kind(frequency(Measure::Matches, 1.5)), "no whole number");
    check(rule().kind(frequency(Measure::Matches, 0.0)), "count is 0");
    check(rule().kind(frequency(Measure::Sum("f".into()), 0.0)), "not above zero");
    check(rule().kind(Kind::Change { field: String::new() }), "invalid key");
    let rate = |of, ratio, min_volume| Kind::Rate { of, ratio, min_volume, window: MINUTE };
    let error = || Condition::Level(Level::Error);
    check(rule().kind(rate(error(), 1.5, 1)), "ratio is 1.5: expected above 0, up to 1");
    check(rule().kind(rate(error(), f64::NAN, 1)), "ratio is NaN");
    check(rule().kind(rate(error(), 0.5, 0)), "min_volume is 0");
    check(rule().kind(Kind::Any).count(1), "both a kind");
    let spike = |baseline, window| Kind::Spike {
        factor: 2.0,
        direction: Direction::Up,
        baseline,
        min_count: 1,
        window,
    };
    check(rule().kind(spike(Baseline::SameHour { days: 29 }, MINUTE)), "days is 29");
    check(rule().kind(spike(Baseline::SameHour { days: 1 }, 61 * MINUTE)), "above 3600s");
    let sequence = |then| Kind::Sequence { then, within: MINUTE };
    check(rule().kind(sequence(Vec::new())), "steps is 0");
    check(rule().kind(sequence(vec![Condition::except("x")])), "asks nothing");
    check(rule().kind(Kind::Flatline { at_least: 1, window: Duration::ZERO }), "window is zero");
    check(rule().escalate(MINUTE, Severity::Info), "escalates from warning to info");
    check(rule().label("a", "b").label("a", "c"), "label `a` twice");
    check(rule().max_groups(0), "max_groups is 0");
    check(rule().late(Duration::from_secs(86_401)), "above a day");
    check(rule().condition(Condition::Contains(Vec::new())), "empty text");
    let deep = (0..40).fold(error(), |inner, _| Condition::All(vec![inner]));
    check(rule().condition(deep), "deeper than 32");
    check(rule().count(1_000_001), "above 1000000");
    check(rule().window(Duration::ZERO), "window is zero");
    check(rule().window(Duration::from_secs(31 * 86_400)), "above 30 days");
    check(rule().leaky_bucket(1, Duration::ZERO), "leak_every is zero");
    check(rule().leaky_bucket(1_000_001, MINUTE), "capacity 1000001");
    check(rule().leaky_bucket(1, MINUTE).count(2), "both");
    check(rule().cooldown(Duration::from_secs(60 * 86_400)), "cooldown");
    check(rule().resolve_after(Duration::ZERO), "resolve_after is zero");
    check(rule().group_by(["a", "a"]), "twice by `a`");
    check(rule().group_by([""]), "invalid key");
    check(rule().group_by(["a"; 9]), "9 keys");
    check(rule().distinct("a\nb"), "invalid key");
    check(rule().logger(""), "invalid key");
    check(rule().field(FieldCondition::less("k", f64::NAN)), "never hold");
    check(rule().message(""), "pattern of message is empty");
    check(rule().message("x".repeat(16 * 1024 + 1)), "16385 bytes");
}

#[test]
fn a_broken_pattern_is_shown_with_the_place() {
    let check = |rule: RuleBuilder, expect: &[&str]| {
        let error = rule.build().unwrap_err().to_string();
        for part in expect {
            assert!(error.contains(part), "{error}");
        }
    };
    check(rule().message("a(b"), &["`r`", "message", "a(b\n     ^", "unclosed group"]);
    check(rule().line("["), &["line", "unclosed character class"]);
    check(rule().except(r"(?<=x)y"), &["except", "look-around"]);
    check(rule().field(FieldCondition::matches("k", "*")), &["field `k`", "missing expression"]);
    check(rule().message(r"(\pL{1000}){1000}"), &["size limit"]);
}

#[test]
fn the_limits_themselves_are_allowed() {
    rule().count(1_000_000).window(Duration::from_secs(30 * 86_400)).build().unwrap();
    rule().leaky_bucket(0, Duration::from_secs(30 * 86_400)).build().unwrap();
}
