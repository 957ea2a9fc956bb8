use std::time::Duration;

use prisma_log_core::Level;

use prisma_log_core::Timestamp;
use prisma_log_tail::LogLine;

use super::*;

const MAX_GROUPS: usize = 10_000;
use crate::{FieldCondition, RuleBuilder};

const FILE: &str = "/var/log/app.log";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn line(seconds: i64, message: &str) -> LogLine {
    let mut line = LogLine::default();
    line.timestamp = Some(at(seconds));
    line.message = message.into();
    line
}

fn engine(rule: RuleBuilder) -> Engine {
    Engine::new([rule.build().unwrap()]).unwrap()
}

fn observe(engine: &mut Engine, line: &LogLine) -> Vec<Match> {
    engine.observe(Path::new(FILE), line, line.message.as_bytes(), at(0))
}

/// Feeds lines; returns the firings as (position, group, count).
fn run<'l>(
    engine: &mut Engine,
    lines: impl IntoIterator<Item = (i64, &'l str)>,
) -> Vec<(usize, String, u64)> {
    let mut fired = Vec::new();
    for (i, (seconds, message)) in lines.into_iter().enumerate() {
        for found in observe(engine, &line(seconds, message)) {
            fired.extend(found.firing.map(|f| (i, found.group.to_string(), f.count)));
        }
    }
    fired
}

#[test]
fn every_condition_must_hold() {
    let full = || {
        let mut line = line(0, "order 7 failed: timeout");
        line.level = Some(Level::Error);
        line.logger = Some("shop.orders".into());
        line.fields.push("status", 503u64);
        line.fields.push("user.id", "u1");
        line.trace_id = prisma_log_core::TraceId::new(0xab);
        line
    };
    let check = |rule: RuleBuilder, expect: bool| {
        let shown = format!("{rule:?}");
        let matches = observe(&mut engine(rule), &full());
        assert_eq!(!matches.is_empty(), expect, "{shown}");
    };
    let rule = || Rule::builder("r").message("failed");
    type C = FieldCondition;
    check(rule(), true);
    check(rule().message("timeout"), true);
    check(rule().message("refused"), false);
    check(rule().line("^order"), true);
    check(rule().line("^failed"), false);
    check(rule().level_at_least(Level::Error), true);
    check(rule().level_at_least(Level::Critical), false);
    check(rule().logger("shop"), true);
    check(rule().logger("other").logger("shop.orders"), true);
    check(rule().logger("sho"), false);
    check(rule().except("order 7"), false);
    check(rule().except("order 8"), true);
    check(rule().field(C::greater_or_equal("status", 500.0)), true);
    check(rule().field(C::greater("status", 503.0)), false);
    check(rule().field(C::equals("user.id", "u1")), true);
    check(rule().field(C::missing("user.name")), true);
    check(rule().field(C::equals("level", "ERROR")), true);
    check(rule().field(C::matches("logger", r"^shop\.")), true);
    check(rule().field(C::equals("trace_id", "000000000000000000000000000000ab")), true);
    check(rule().field(C::missing("span_id")), true);
    check(rule().field(C::equals("source", FILE)), true);
    check(rule().field(C::matches("message", "timeout$")), true);
    check(Rule::builder("r").message(r"order (?<order>\d+)").field(C::equals("order", "7")), true);
    check(
        Rule::builder("r").message(r"order (?<order>\d+)").field(C::greater("order", 7.0)),
        false,
    );
    check(Rule::builder("r").line(r"order (?<status>\d+)").field(C::equals("status", "7")), true);
    check(Rule::builder("r").level_at_least(Level::Warning), true);
}

#[test]
fn lines_without_level_or_logger_do_not_match_rules_that_ask() {
    let check = |rule: RuleBuilder| assert_eq!(observe(&mut engine(rule), &line(0, "x")), []);
    check(Rule::builder("r").level_at_least(Level::Trace));
    check(Rule::builder("r").logger("x"));
}

#[test]
fn several_rules_match_one_line() {
    let rules = ["a", "b", "c"].map(|name| Rule::builder(name).message(name).build().unwrap());
    let mut engine = Engine::new(rules).unwrap();
    let matches = observe(&mut engine, &line(0, "c a"));
    assert_eq!(matches.iter().map(|m| m.rule).collect::<Vec<_>>(), [0, 2]);
    let twice = ["a", "a"].map(|name| Rule::builder(name).message(name).build().unwrap());
    assert!(Engine::new(twice).unwrap_err().to_string().contains("two rules are called `a`"));
}

#[test]
fn groups_count_apart() {
    let rule = Rule::builder("r").message(r"from (?<source>\S+)").count(2).group_by(["source"]);
    let mut engine = engine(rule);
    let fired = run(&mut engine, [(0, "from a"), (1, "from b"), (2, "from a"), (3, "from b")]);
    assert_eq!(fired, [(2, "source=a".into(), 2), (3, "source=b".into(), 2)]);
}

#[test]
fn a_missing_key_is_the_empty_group() {
    let mut engine = engine(Rule::builder("r").message("x").group_by(["user"]));
    assert_eq!(run(&mut engine, [(0, "x")]), [(0, "-".into(), 1)]);
}

#[test]
fn a_firing_knows_its_lines() {
    let mut engine = engine(Rule::builder("r").message("x").count(3).window(MINUTE));
    for (second, message) in [(500, "x other"), (10, "x 1"), (30, "x 3")] {
        assert_eq!(observe(&mut engine, &line(second, message))[0].firing, None);
    }
    let mut matches = observe(&mut engine, &line(20, "x 2"));
    let firing = matches.remove(0).firing.unwrap();
    assert_eq!((firing.count, firing.first, firing.last), (3, at(10), at(30)));
    assert_eq!(firing.samples, ["x 1", "x 3", "x 2"]);
}

#[test]
fn distinct_values_of_a_capture() {
    let rule = Rule::builder("r").message(r"user (?<user>\S+)").count(3).distinct("user");
    let mut engine = engine(rule);
    let fired = run(&mut engine, [(0, "user a"), (1, "user a"), (2, "user b"), (3, "user c")]);
    assert_eq!(fired, [(3, String::new(), 3)]);
}

#[test]
fn after_a_firing_a_group_cools_down() {
    let rule = Rule::builder("r").message("x").count(2).window(MINUTE).cooldown(10 * SECOND);
    let mut engine = engine(rule);
    // Fires at 1; up to 10 nothing counts, so the next pair is 11 and 12.
    let seconds = [0, 1, 2, 5, 10, 11, 12];
    let fired = run(&mut engine, seconds.map(|s| (s, "x")));
    assert_eq!(fired, [(1, String::new(), 2), (6, String::new(), 2)]);
    // Long ago is another time: it neither cools nor is cooled.
    assert_eq!(run(&mut engine, [(-500, "x"), (-499, "x")]).len(), 1);
}

#[test]
fn leaky_buckets_work_through_rules() {
    let rule = Rule::builder("r").message("x").leaky_bucket(2, SECOND);
    let fired = run(&mut engine(rule), [(0, "x"), (0, "x"), (1, "x"), (1, "x")]);
    assert_eq!(fired, [(3, String::new(), 4)]);
}

#[test]
fn the_least_recently_touched_groups_are_forgotten() {
    let rule = Rule::builder("r").message(r"from (?<source>\S+)").count(2).group_by(["source"]);
    let mut engine = engine(rule);
    observe(&mut engine, &line(0, "from first"));
    observe(&mut engine, &line(0, "from second"));
    for i in 0..MAX_GROUPS - 2 {
        observe(&mut engine, &line(0, &format!("from {i}")));
    }
    assert_eq!(engine.evicted_groups(0), 0);
    assert!(observe(&mut engine, &line(0, "from first"))[0].firing.is_some());
    observe(&mut engine, &line(0, "from last"));
    assert_eq!(engine.evicted_groups(0), 1);
    // `second` is forgotten and starts anew; that pushes out the next one, 0.
    assert!(observe(&mut engine, &line(0, "from second"))[0].firing.is_none());
    assert_eq!(engine.evicted_groups(0), 2);
    assert!(observe(&mut engine, &line(0, "from 0"))[0].firing.is_none());
    assert!(observe(&mut engine, &line(0, "from 5"))[0].firing.is_some());
}

#[test]
fn many_groups_do_not_wash_away_the_few_that_go_on() {
    for rule in [
        Rule::builder("r").message(r"from (?<who>\S+)").count(5).group_by(["who"]),
        Rule::builder("r").message(r"from (?<who>\S+)").leaky_bucket(4, MINUTE).group_by(["who"]),
    ] {
        let mut engine = engine(rule);
        observe(&mut engine, &line(0, "from attacker"));
        let mut fired = Vec::new();
        for round in 0..4 {
            fired = observe(&mut engine, &line(0, "from attacker"));
            for i in 0..MAX_GROUPS + 50 {
                observe(&mut engine, &line(0, &format!("from {round}.{i}")));
            }
        }
        assert!(fired[0].firing.is_some());
        assert!(engine.evicted_groups(0) > 30_000);
    }
}

#[test]
fn memory_of_large_groups_is_bounded_too() {
    let rule = Rule::builder("r").line(r"from (?<source>\S+)").count(9).group_by(["source"]);
    let mut engine = engine(rule);
    let padding = "x".repeat(2000);
    for i in 0..4 * 5000 {
        observe(&mut engine, &line(0, &format!("from {} {padding}", i % 5000)));
    }
    let forgotten = engine.evicted_groups(0);
    assert!(forgotten > 1000, "{forgotten}");
}

#[test]
fn invalid_utf8_is_matched_where_it_is_text() {
    let mut engine = engine(Rule::builder("r").line("boom$"));
    let matches = engine.observe(Path::new(FILE), &LogLine::default(), b"\xff\xfe boom", at(0));
    assert_eq!(matches[0].sample, "\u{fffd}\u{fffd} boom");
}

#[test]
fn windows_survive_a_restart() {
    for rule in [
        Rule::builder("r").message("x").count(3).group_by(["g"]),
        Rule::builder("r").message("x").leaky_bucket(2, MINUTE).group_by(["g"]),
    ] {
        let mut before = engine(rule.clone());
        assert!(before.take_changed().windows.is_empty());
        run(&mut before, [(0, "x"), (1, "x")]);
        let rows = before.take_changed().windows;
        assert!(before.take_changed().windows.is_empty());

        let mut after = engine(rule.clone());
        for (key, row) in &rows {
            assert!(after.restore(key, row.as_ref().unwrap()).unwrap());
            let mut broken = row.clone().unwrap();
            broken[12] ^= 1;
            assert!(after.restore(key, &broken).unwrap_err().is_data());
        }
        let matches = observe(&mut after, &line(2, "x"));
        assert_eq!(matches[0].number, 3);
        let firing = matches[0].firing.clone().unwrap();
        assert_eq!((firing.count, firing.samples.len()), (3, 3));

        // Another threshold or another name: the window is of no use.
        let (key, row) = (&rows[0].0, rows[0].1.as_ref().unwrap());
        let other = Rule::builder("r").message("x").count(4).group_by(["g"]);
        assert!(!engine(other).restore(key, row).unwrap());
        assert!(!engine(Rule::builder("s").message("x")).restore(key, row).unwrap());
        assert!(engine(Rule::builder("s").message("x")).restore(b"no separator", row).is_err());
    }
}

#[test]
fn forgotten_groups_are_forgotten_in_the_store_too() {
    let rule = Rule::builder("r").message(r"from (?<source>\S+)").count(2).group_by(["source"]);
    let mut engine = engine(rule);
    observe(&mut engine, &line(0, "from first"));
    engine.take_changed();
    for i in 0..MAX_GROUPS {
        observe(&mut engine, &line(0, &format!("from {i}")));
    }
    let changed = engine.take_changed().windows;
    let gone: Vec<_> = changed.into_iter().filter(|(_, row)| row.is_none()).collect();
    assert_eq!(gone, [(b"r\0first\0".to_vec(), None)]);
}
