use prisma_log_core::Level;

use super::*;
use crate::{Condition, FieldCondition, Kind, Rule, RuleBuilder};

const FILE: &str = "app.log";

fn rules() -> Vec<RuleBuilder> {
    let minute = std::time::Duration::from_secs(60);
    let message = |pattern: &str| Condition::Message(pattern.into());
    let rule = Rule::builder;
    vec![
        rule("refused").message("(?i)connection refused"),
        rule("any").condition(Condition::Any(vec![message("dead ?lock"), message("timed out")])),
        rule("level").level_at_least(Level::Error).count(3),
        rule("raw").line(r"refused.*$").group_by(["host"]),
        rule("contains").condition(Condition::Contains(vec!["TIMED OUT".into()])),
        rule("field").field(FieldCondition::greater("ms", 500.0)).count(2).group_by(["host"]),
        rule("capture")
            .message(r"user (?<user>\w+) failed")
            .group_by(["user"])
            .leaky_bucket(2, minute),
        rule("except").message("failed").except("test"),
        rule("short").message(r"^ok$"),
        rule("sequence").message("deadlock").kind(Kind::Sequence {
            then: vec![message("failed"), Condition::Level(Level::Critical)],
            within: minute,
        }),
    ]
}

/// Lines in many forms, with times that never go back.
fn log(seed: u64, lines: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut seconds = 0;
    let mut out = Vec::new();
    for _ in 0..lines {
        seconds += rng.u64(..3);
        let time = format!("2026-11-24T10:{:02}:{:02}Z", seconds / 60 % 60, seconds % 60);
        let message = *rng
            .choice(&[
                "all is well",
                "Connection REFUSED by db",
                "connection refused",
                "dead lock, deadlock",
                "request timed out",
                "user ann failed",
                "user bob failed in test",
                "ok",
                "K\u{212a}elvin \u{17f} failed",
            ])
            .unwrap_or(&"");
        let level = *rng.choice(&["INFO", "WARN", "ERROR", "CRITICAL"]).unwrap_or(&"INFO");
        let (host, ms) = (rng.u8(..3), rng.u32(..1000));
        let line = match rng.u8(..8) {
            0 => format!("    at com.example.Main({message})"),
            1 => format!("{time} {level} shop: {message}"),
            2 => format!(r#"{{"message":"{message}","time":"{time}","level":"{level}"}}"#),
            3 => format!(
                r#"{{"time":"{time}","msg":"\u0063onnection refused","ms":{ms},"host":"h{host}"}}"#
            ),
            4 => String::new(),
            5 => format!("{message}\r"),
            6 => format!("{time} {level} \x1b[31mconnection\x1b[0m refused"),
            _ => format!(
                r#"{{"time":"{time}","level":"{level}","host":"h{host}","ms":{ms},"msg":"{message}"}}"#
            ),
        };
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out
}

fn engine(rules: Vec<RuleBuilder>) -> Engine {
    Engine::new(rules.into_iter().map(|rule| rule.build().unwrap())).unwrap()
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

/// What line after line gives.
fn observed(rules: Vec<RuleBuilder>, log: &[u8]) -> Vec<Match> {
    let mut engine = engine(rules);
    let mut parser = LineParser::new();
    let mut matches = Vec::new();
    for raw in log.split_inclusive(|&byte| byte == b'\n') {
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        matches.extend(engine.observe(Path::new(FILE), &parser.parse(raw), raw, NOW));
    }
    matches
}

/// What blocks of at most so many bytes give.
fn scanned(rules: Vec<RuleBuilder>, log: &[u8], block: usize) -> Vec<Match> {
    let mut engine = engine(rules);
    let mut matches = Vec::new();
    let mut rest = log;
    while !rest.is_empty() {
        let near = rest.len().min(block);
        let end = memchr::memrchr(b'\n', &rest[..near])
            .or_else(|| memchr::memchr(b'\n', rest))
            .map_or(rest.len(), |at| at + 1);
        let (whole, more) = rest.split_at(end);
        engine.scan(Path::new(FILE), whole, NOW, &mut matches);
        rest = more;
    }
    matches
}

#[test]
fn blocks_give_what_their_lines_give() {
    for seed in 0..40 {
        let log = log(seed, 300);
        // Without the rules that ask about every line, too.
        for hungry in [true, false] {
            let some = || {
                let rules = rules().into_iter().enumerate();
                let keep =
                    |(index, _): &(usize, RuleBuilder)| hungry || ![2, 5, 8, 9].contains(index);
                rules.filter(keep).map(|(_, rule)| rule).collect::<Vec<_>>()
            };
            let expected = observed(some(), &log);
            assert!(expected.len() > 100);
            for block in [1, 200, 4096, 1 << 20] {
                let matches = scanned(some(), &log, block);
                for (one, other) in matches.iter().zip(&expected) {
                    assert_eq!(one, other, "seed {seed}, blocks of {block}");
                }
                assert_eq!(matches.len(), expected.len(), "seed {seed}, blocks of {block}");
            }
        }
    }
}

#[test]
fn the_plan_leaves_no_rule_out_and_asks_few_about_every_line() {
    let engine = engine(rules());
    assert_eq!(engine.plan.hungry, [2, 5, 8, 9]);
}

#[test]
fn the_last_line_may_lack_its_end() {
    let rules = || vec![Rule::builder("refused").message("refused")];
    for log in [&b"refused"[..], b"x\nrefused", b"refused\nrefused"] {
        assert_eq!(scanned(rules(), log, 4096), observed(rules(), log));
    }
}

#[test]
fn a_record_of_the_process_is_seen_with_its_types() {
    let mut engine = engine(rules());
    let mut matches = Vec::new();
    let mut fields = prisma_log_core::Fields::new();
    fields.push("ms", 501u64);
    fields.push("host", "h1");
    let mut see = |level, message: &str| {
        let mut record = Record::new(NOW, level, "shop", message);
        record.fields = fields.as_ref();
        matches.clear();
        engine.record(Path::new("process"), &record, NOW, &mut matches);
        let show = |found: &Match| {
            let fired = if found.firing.is_some() { "!" } else { "" };
            let host = found.group.get("host").unwrap_or_default();
            format!("{} {host}{fired}", engine.rules()[found.rule].name())
        };
        matches.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(see(Level::Info, "all is well"), ["field h1"]);
    let refused = ["refused !", "level ", "raw h1!", "field h1!"];
    assert_eq!(see(Level::Error, "Connection refused"), refused);
    assert_eq!(see(Level::Info, "ok"), ["field h1", "short !"]);
}

#[test]
fn with_a_joiner_rules_are_asked_about_records() {
    let rules = [
        Rule::builder("disk").message("IOException"),
        Rule::builder("error").level_at_least(Level::Error),
        Rule::builder("both").message("(?s)way to go on.*disk"),
    ];
    let mut engine = engine(rules.into()).with_joiner(Some(prisma_log_tail::Joiner::default()));
    let block = b"2026-11-24T08:00:03Z ERROR no way to go on\n\
        java.io.IOException: disk\n\tat X.y(X.java:3)\nCaused by: java.io.IOException: sector\n\
        2026-11-24T08:00:04Z INFO IOException\n";
    let mut matches = Vec::new();
    engine.scan(Path::new(FILE), block, NOW, &mut matches);
    let seen: Vec<_> = matches
        .iter()
        .map(|found| {
            (engine.rules()[found.rule].name(), found.time.unix_nanos() / 1_000_000_000 % 60)
        })
        .collect();
    assert_eq!(seen, [("disk", 3), ("error", 3), ("both", 3), ("disk", 4)]);
    assert!(matches[0].sample.ends_with("IOException: sector"), "{:?}", matches[0].sample);
}
