//! CrowdSec's hub tests, replayed: an outside opinion on when a rule has to fire.
//!
//! CrowdSec's scenario files are converted to rules of ours ([`scenario`]), what stands for its
//! parsers gives lines the fields that scenarios ask for ([`fields`]), and the engine gets the
//! lines in event time. The firings are compared with what CrowdSec expects: scenario, source and
//! number of events. What is left out is printed with its reason; `tests/data/crowdsec/README.md`
//! tells the rest.

mod auth;
mod convert;
mod expr;
mod fields;
mod pattern;
mod rows;
mod scenario;
mod web;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prisma_log_core::Timestamp;
use prisma_log_monitor::{Engine, Rule};
use prisma_log_tail::LineParser;
use serde_json::Value;

use fields::Reader;
use scenario::Scenario;

/// Shares in percent: of the alerts that covered tests expect, those that have to come; of the covered
/// tests, those that have to agree in every alert; of all tests, those that have to be covered.
const ALERTS: usize = 97;
const AGREED: usize = 96;
const COVERED: usize = 70;
/// Lines without a year are of this one: 2026-12-31, so that every day of it lies in the past.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_798_675_200);
/// Names another folder of the same form.
const ELSEWHERE: &str = "CROWDSEC_HUB_TESTS";

/// Scenario and source with their numbers of events, in order; `None` is any number.
type Alerts = BTreeMap<(String, String), Vec<Option<u64>>>;

enum Outcome {
    Agreed,
    Different(Alerts),
    Uncovered(String),
}

#[test]
fn firings_agree_with_crowdsec() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/crowdsec");
    let data = std::env::var_os(ELSEWHERE).map_or_else(|| own.clone(), PathBuf::from);
    let text = fs::read_to_string(data.join("expected.json")).unwrap();
    let tests: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut all, mut undefined, mut covered, mut agreed) = (0, 0, 0, 0);
    let (mut alerts, mut agreed_alerts, mut reasons) = (0, 0, BTreeMap::<String, usize>::new());
    for test in &tests {
        let expected = expected(test);
        // Tests of parsers expect nothing of scenarios, not even silence.
        if expected.is_empty() && test["expected_no_alert"] != true {
            continue;
        }
        if test["scenarios"].as_array().unwrap().is_empty() {
            undefined += 1;
            continue;
        }
        all += 1;
        let name = test["test"].as_str().unwrap();
        let number: usize = expected.values().map(Vec::len).sum();
        let shown: Vec<&str> = expected.keys().map(|(scenario, _)| scenario.as_str()).collect();
        let outcome = run(&data, &own.join("lists"), test, &expected);
        let outcome = match outcome {
            Outcome::Agreed => {
                (covered, agreed) = (covered + 1, agreed + 1);
                (alerts, agreed_alerts) = (alerts + number, agreed_alerts + number);
                "agreed".to_owned()
            }
            Outcome::Different(fired) => {
                covered += 1;
                (alerts, agreed_alerts) =
                    (alerts + number, agreed_alerts + common(&expected, &fired));
                format!("DIFFERENT: expected {expected:?}, fired {fired:?}")
            }
            Outcome::Uncovered(reason) => {
                *reasons.entry(reason.clone()).or_default() += 1;
                format!("uncovered: {reason}")
            }
        };
        println!("  {name} | {} | {number} alerts | {outcome}", shown.join(" "));
    }
    println!(
        "crowdsec hub: agreed {agreed_alerts} of {alerts} alerts expected in {covered} covered tests of \
         {all} (coverage {covered}/{all}); {agreed} tests agree in every alert; {undefined} more \
         tests name no scenario file"
    );
    reasons.iter().for_each(|(reason, tests)| println!("  uncovered {tests}: {reason}"));
    assert!(covered * 100 >= all * COVERED, "{covered} of {all} are covered");
    assert!(agreed_alerts * 100 >= alerts * ALERTS, "{agreed_alerts} of {alerts} alerts");
    assert!(agreed * 100 >= covered * AGREED, "{agreed} of {covered} tests agree");
}

/// Converts a test's scenarios, replays its log and compares.
fn run(data: &Path, lists: &Path, test: &Value, expected: &Alerts) -> Outcome {
    match fired(data, lists, test) {
        Err(reason) => Outcome::Uncovered(reason),
        Ok(fired) => {
            // A test whose alerts have no counts names only some of them.
            let part = expected.values().flatten().any(Option::is_none);
            let same = if part {
                expected.keys().all(|key| fired.contains_key(key))
            } else {
                fired == *expected
            };
            if same { Outcome::Agreed } else { Outcome::Different(fired) }
        }
    }
}

/// What fires in a test's log, or why its scenarios can't be replayed.
fn fired(data: &Path, lists: &Path, test: &Value) -> Result<Alerts, String> {
    let mut scenarios = Vec::new();
    for (index, file) in test["scenarios"].as_array().unwrap().iter().enumerate() {
        let text = fs::read_to_string(data.join(file.as_str().unwrap()))
            .map_err(|_| "a scenario file is not in the data")?;
        scenarios.extend(scenario::load(&text, lists, &format!("file-{index}"))?);
    }
    if let Some(reason) = scenarios.iter().find_map(|scenario| scenario.rule.as_ref().err()) {
        return Err(reason.clone());
    }
    let log = data.join(test["log"].as_str().unwrap());
    Ok(replay(&log, test["log_type"].as_str().unwrap_or_default(), &scenarios))
}

fn expected(test: &Value) -> Alerts {
    let mut alerts = Alerts::new();
    for alert in test["expected_alerts"].as_array().unwrap() {
        let text = |key: &str| alert[key].as_str().unwrap_or_default().to_owned();
        // They are written as literals of Go.
        let key = (text("scenario"), text("source").replace(r"\\", r"\"));
        alerts.entry(key).or_default().push(alert["events"].as_u64());
    }
    alerts.values_mut().for_each(|counts| counts.sort_unstable());
    alerts
}

/// Reads the log and returns what fired.
fn replay(log: &Path, kind: &str, scenarios: &[Scenario]) -> Alerts {
    let rules: Vec<Rule> =
        scenarios.iter().filter_map(|scenario| scenario.rule.clone().ok()).collect();
    let mut engine = Engine::new(rules).unwrap();
    let parser = LineParser::builder().time_zone("UTC").now(NOW).build().unwrap();
    let mut reader = Reader::new(kind, parser);
    let mut alerts = Alerts::new();
    for bytes in fs::read(log).unwrap().split(|&b| b == b'\n') {
        let raw = String::from_utf8_lossy(bytes);
        let line = reader.read(&raw);
        for found in engine.observe(log, &line, bytes, NOW) {
            let Some(firing) = found.firing else { continue };
            let scenario = &scenarios[found.rule];
            let source = line.fields.get(&scenario.source).map(|value| value.to_string());
            let key = (scenario.name.clone(), source.unwrap_or_default());
            alerts.entry(key).or_default().push(Some(firing.count));
        }
    }
    alerts.values_mut().for_each(|counts| counts.sort_unstable());
    alerts
}

/// How many of the expected alerts came.
fn common(expected: &Alerts, fired: &Alerts) -> usize {
    let mut fired = fired.clone();
    let alerts =
        expected.iter().flat_map(|(key, counts)| counts.iter().map(move |count| (key, count)));
    let came = alerts.filter(|(key, count)| {
        let Some(have) = fired.get_mut(*key) else { return false };
        let at = have.iter().position(|have| have == *count);
        at.map(|at| have.remove(at)).is_some()
    });
    came.count()
}
