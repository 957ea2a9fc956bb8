use std::time::Duration;

use prisma_log_core::Level;

use prisma_log_core::Timestamp;
use prisma_log_tail::LogLine;

use super::*;

const MAX_GROUPS: usize = 10_000;
use crate::{
    Baseline, Bound, Condition, Direction, FieldCondition, Kind, Measure, RuleBuilder, Windows,
};

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
fn rules_that_are_asked_about_every_line_are_told() {
    let rule = |name: &str| Rule::builder(name).level_at_least(Level::Error);
    let rules = [rule("level"), rule("text").message("refused"), rule("line").line(".")];
    let engine = Engine::new(rules.map(|rule| rule.build().unwrap())).unwrap();
    let names: Vec<&str> = engine.rules_for_every_line().map(Rule::name).collect();
    assert_eq!(names, ["level", "line"]);
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
    // `first` has nothing left on its way, so nothing is lost with it.
    observe(&mut engine, &line(0, "from third"));
    assert_eq!(engine.evicted_groups(0), 0);
    observe(&mut engine, &line(0, "from last"));
    assert_eq!(engine.evicted_groups(0), 1);
    // `second` is forgotten and starts anew; that pushes out the next one, 0.
    assert!(observe(&mut engine, &line(0, "from second"))[0].firing.is_none());
    assert_eq!(engine.evicted_groups(0), 2);
    assert!(observe(&mut engine, &line(0, "from 0"))[0].firing.is_none());
    assert!(observe(&mut engine, &line(0, "from 5"))[0].firing.is_some());
}

#[test]
fn groups_whose_time_has_passed_go_first_and_are_no_loss() {
    let rule = || Rule::builder("r").message(r"from (?<who>\S+)").group_by(["who"]).max_groups(100);
    for rule in [rule().count(5).window(MINUTE), rule().leaky_bucket(4, 10 * SECOND)] {
        let mut engine = engine(rule);
        let year = 365 * 86_400;
        for i in 0..50 {
            observe(&mut engine, &line(0, &format!("from old.{i}")));
        }
        for i in 0..10 {
            observe(&mut engine, &line(year, &format!("from present.{i}")));
        }
        // Only in the era of the old ones does time pass.
        for i in 0..90 {
            observe(&mut engine, &line(1000, &format!("from new.{i}")));
        }
        assert_eq!(engine.evicted_groups(0), 0);
        for i in 0..4 {
            let fired = observe(&mut engine, &line(year + 1, "from present.0"))[0].firing.is_some();
            assert_eq!(fired, i == 3, "{i}");
        }
    }
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

/// Lets time pass to this second; returns the firings as (group, last second, why).
fn tick(engine: &mut Engine, second: i64) -> Vec<(String, i64, String)> {
    let mut matches = Vec::new();
    engine.tick(at(second), &mut matches);
    let firings = matches.into_iter().filter_map(|found| Some((found.group, found.firing?)));
    let told = firings.map(|(group, firing)| {
        let last = firing.last.unix_nanos() / 1_000_000_000;
        (group.to_string(), last, firing.why.unwrap_or_default())
    });
    told.collect()
}

#[test]
fn silence_is_noticed_without_any_line() {
    let rule = Rule::builder("r")
        .message("heartbeat")
        .kind(Kind::Flatline { at_least: 1, window: 30 * SECOND });
    let mut watched = engine(rule.clone());
    assert_eq!(tick(&mut watched, 1000), []);
    let why = || String::from("no match for 30s");
    assert_eq!(tick(&mut watched, 1030), [(String::new(), 1030, why())]);
    assert_eq!(tick(&mut watched, 1031), []);
    assert_eq!(tick(&mut watched, 1060), [(String::new(), 1060, "no match for 60s".into())]);
    assert!(observe(&mut watched, &line(1070, "heartbeat")).is_empty());
    assert_eq!(tick(&mut watched, 1100), []);
    // The wait goes on where it was when the process ended.
    let rows = watched.take_changed().windows;
    let mut again = engine(rule);
    assert!(again.restore(&rows[0].0, rows[0].1.as_ref().unwrap()).unwrap());
    assert_eq!(tick(&mut again, 1101), [(String::new(), 1100, why())]);
}

#[test]
fn only_groups_that_are_due_are_looked_at() {
    let rule = Rule::builder("r")
        .message(r"heartbeat of (?<who>\S+)")
        .group_by(["who"])
        .kind(Kind::Flatline { at_least: 1, window: 30 * SECOND });
    let mut engine = engine(rule);
    assert_eq!(tick(&mut engine, 0), []);
    for i in 0..1000 {
        assert!(observe(&mut engine, &line(i / 100, &format!("heartbeat of {i}"))).is_empty());
    }
    engine.take_changed();
    assert_eq!(tick(&mut engine, 30), []);
    // Those of the first second were looked at.
    assert_eq!(engine.take_changed().windows.len(), 100);
    assert_eq!(tick(&mut engine, 31).len(), 100);
    assert_eq!(tick(&mut engine, 39).len(), 800);
}

#[test]
fn a_cooldown_holds_firings_back_but_hides_no_line() {
    let rule = Rule::builder("r")
        .message(r"version=(?<version>\S+)")
        .kind(Kind::Change { field: "version".into() })
        .cooldown(10 * SECOND);
    let given = [
        (0, "version=1"),
        (1, "version=2"),
        (5, "version=3"),
        (20, "version=3"),
        (21, "version=1"),
    ];
    let fired = run(&mut engine(rule), given);
    assert_eq!(fired, [(1, String::new(), 1), (4, String::new(), 1)]);
    let rule = Rule::builder("r")
        .message("heartbeat")
        .kind(Kind::Flatline { at_least: 1, window: 30 * SECOND })
        .cooldown(MINUTE);
    let mut engine = engine(rule);
    run(&mut engine, [(0, "heartbeat")]);
    assert_eq!(tick(&mut engine, 31).len(), 1);
    assert_eq!(tick(&mut engine, 61).len(), 0);
    run(&mut engine, [(70, "heartbeat"), (95, "heartbeat")]);
    assert_eq!(tick(&mut engine, 125).len(), 0);
    assert_eq!(tick(&mut engine, 126).len(), 1);
}

/// A rule, lines that bring it near a firing, and the one that makes it fire.
type Case = (RuleBuilder, Vec<(i64, &'static str)>, (i64, &'static str));

/// Rules of every kind that has a state.
fn every_kind() -> Vec<Case> {
    let rule = || Rule::builder("r").message(r"x( (?<n>\d+))?");
    let frequency =
        |measure, windows| Kind::Frequency { measure, at_least: 3.0, window: MINUTE, windows };
    let (sliding, tumbling) = (Windows::Sliding, Windows::Tumbling);
    let n = || String::from("n");
    let is_y = || Condition::Message("y".into());
    vec![
        (rule().count(3), vec![(0, "x"), (1, "x")], (2, "x")),
        (rule().leaky_bucket(2, MINUTE), vec![(0, "x"), (1, "x")], (2, "x")),
        (
            rule().kind(frequency(Measure::Distinct(n()), sliding)),
            vec![(0, "x 1"), (1, "x 2")],
            (2, "x 3"),
        ),
        (
            rule().kind(frequency(Measure::Sum(n()), sliding)),
            vec![(0, "x 1"), (1, "x 1")],
            (2, "x 1"),
        ),
        (rule().kind(frequency(Measure::Matches, tumbling)), vec![(0, "x"), (1, "x")], (2, "x")),
        (
            rule().kind(frequency(Measure::Distinct(n()), tumbling)),
            vec![(0, "x 1"), (1, "x 2")],
            (2, "x 3"),
        ),
        (
            rule().kind(frequency(Measure::Sum(n()), tumbling)),
            vec![(0, "x 1"), (1, "x 1")],
            (2, "x 1"),
        ),
        (
            rule().kind(Kind::Rate { of: is_y(), ratio: 0.5, min_volume: 3, window: MINUTE }),
            vec![(0, "x y"), (1, "x")],
            (2, "x y"),
        ),
        (
            rule().kind(Kind::Spike {
                factor: 2.0,
                direction: Direction::Up,
                baseline: Baseline::Previous,
                min_count: 2,
                window: MINUTE,
            }),
            vec![(0, "x"), (60, "x")],
            (61, "x"),
        ),
        (
            rule().kind(Kind::Flatline { at_least: 2, window: MINUTE }),
            vec![(0, "x"), (1, "x")],
            (100, "x"),
        ),
        (rule().kind(Kind::Change { field: n() }), vec![(0, "x 1"), (1, "x 1")], (2, "x 2")),
        (
            rule().kind(Kind::NewValue { field: n(), learn: SECOND }),
            vec![(0, "x 1"), (0, "x 2")],
            (2, "x 3"),
        ),
        (
            rule().kind(Kind::NewTemplate { learn: SECOND }),
            vec![(0, "x 1"), (5, "x 2")],
            (6, "x a"),
        ),
        (
            rule().kind(Kind::Percentile {
                field: n(),
                percentile: 50.0,
                bound: Bound::Above(5.0),
                min_volume: 3,
                window: MINUTE,
            }),
            vec![(0, "x 1"), (1, "x 9")],
            (2, "x 7"),
        ),
        (
            rule().kind(Kind::Sequence { then: vec![is_y(), is_y()], within: MINUTE }),
            vec![(0, "x"), (1, "y")],
            (2, "y"),
        ),
    ]
}

#[test]
fn every_kind_goes_on_after_a_restart() {
    for (rule, before, last) in every_kind() {
        let shown = format!("{:?}", rule.clone().build().unwrap().kind());
        let mut uninterrupted = engine(rule.clone());
        assert_eq!(run(&mut uninterrupted, before.iter().copied()), [], "{shown}");
        let rows = uninterrupted.take_changed().windows;
        let mut restarted = engine(rule.clone());
        for (key, row) in &rows {
            let row = row.as_ref().unwrap();
            assert!(restarted.restore(key, row).unwrap(), "{shown}");
            for at in 0..row.len() {
                let mut broken = row.clone();
                broken[at] ^= 1 << (at % 8);
                assert!(engine(rule.clone()).restore(key, &broken).unwrap_err().is_data());
            }
        }
        assert_eq!(restarted.take_changed().windows, [], "{shown}");
        let expect = observe(&mut uninterrupted, &line(last.0, last.1));
        assert_eq!(observe(&mut restarted, &line(last.0, last.1)), expect, "{shown}");
        assert!(expect.first().is_some_and(|found| found.firing.is_some()), "{shown}");
    }
}
