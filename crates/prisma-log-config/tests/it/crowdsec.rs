//! The thresholds of CrowdSec's hub, replayed: an outside opinion on when a rule has to fire.
//!
//! `tests/data/crowdsec` holds logs and expected alerts of CrowdSec's own tests for sshd, nginx,
//! apache, mysql, mariadb, postgres and modsecurity. Every one of them that is a simple threshold
//! is a rule of `tests/data/crowdsec/rules.yaml`, written as a user writes one, and is replayed
//! here in event time, through the line parser as in production. The firings are compared with what
//! CrowdSec expects: scenario, source address and number of events. The table of what differs and
//! of what was left stands in `tests/data/crowdsec/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use prisma_log_config::rules;
use prisma_log_core::Timestamp;
use prisma_log_monitor::{Engine, Rule};
use prisma_log_tail::LineParser;
use serde_json::Value;

/// Share of cases that have to agree, in percent.
const REQUIRED: usize = 95;
/// Lines without a year are of this one: 2026-12-31, so that every day of it lies in the past.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_798_675_200);

/// Tests that are no case, and why.
const LEFT: [(&str, &str); 20] = [
    ("CVE-2024-9474", NO_DEFINITION),
    ("http-cve-probing", NO_DEFINITION),
    ("http-wordpress-scan", NO_DEFINITION),
    ("sap-probing", NO_DEFINITION),
    ("zoneminder_cve-39285", NO_DEFINITION),
    ("actual-budget-whitelist", WHITELIST),
    ("calibre-web-whitelist", WHITELIST),
    ("jellyfin-whitelist", WHITELIST),
    ("nextcloud-whitelist", WHITELIST),
    ("overseerr-whitelist", WHITELIST),
    ("rocketchat-whitelist", WHITELIST),
    ("apache2-logs", PARSER),
    ("mariadb-logs", PARSER),
    ("modsecurity-logs", PARSER),
    ("modsecurity-logs-nginx", PARSER),
    ("mysql-logs", PARSER),
    ("nginx-mail-logs", PARSER),
    ("sshd-logs-fp", PARSER),
    ("sshd-success-logs", PARSER),
    ("supabase-docker-pgsql-logs", PARSER),
];
const NO_DEFINITION: &str = "the scenario's definition is not in the data";
const WHITELIST: &str = "tests a whitelist, not a threshold";
const PARSER: &str = "tests CrowdSec's parser and expects nothing of scenarios";

/// Scenario and source address with their numbers of events, in order.
type Alerts = BTreeMap<(String, String), Vec<u64>>;

#[test]
fn firings_agree_with_crowdsec() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/crowdsec");
    let text = fs::read_to_string(data.join("expected.json")).unwrap();
    let tests: Vec<Value> = serde_json::from_str(&text).unwrap();
    let rules = rules::load(&data.join("rules.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let mut unused: BTreeSet<&str> = rules.iter().map(scenario).collect();
    assert_eq!(unused.len(), rules.len(), "two rules for one scenario");
    let (mut taken, mut agreed, mut left) = (0, 0, 0);
    let (mut alerts, mut agreed_alerts) = (0, 0);
    for test in &tests {
        let name = test["test"].as_str().unwrap();
        if let Some((_, why)) = LEFT.iter().find(|(left, _)| *left == name) {
            println!("  left      {name}: {why}");
            left += 1;
            continue;
        }
        let expected = expected(test);
        let rules: Vec<&Rule> = scenarios(test, &expected)
            .iter()
            .map(|name| {
                let rule = rules.iter().find(|rule| scenario(rule) == name);
                rule.unwrap_or_else(|| panic!("{}: no rule for {name}", test["test"]))
            })
            .collect();
        rules.iter().for_each(|rule| {
            unused.remove(scenario(rule));
        });
        let fired = replay(&data.join(test["log"].as_str().unwrap()), &rules);
        taken += 1;
        let all: usize = expected.values().map(Vec::len).sum();
        let same: usize = expected
            .iter()
            .map(|(key, counts)| common(counts, fired.get(key).map_or(&[], Vec::as_slice)))
            .sum();
        alerts += all;
        agreed_alerts += same;
        if fired == expected {
            agreed += 1;
            println!("  agreed    {name}: {all} alerts");
        } else {
            println!("  DIFFERENT {name}: expected {expected:?}, fired {fired:?}");
        }
    }
    println!(
        "crowdsec hub: agreed/expected = {agreed}/{taken} cases, {agreed_alerts}/{alerts} alerts; {left} tests left"
    );
    assert!(unused.is_empty(), "no case has the scenarios of these rules: {unused:?}");
    assert_eq!(left, LEFT.len());
    assert!(taken >= 40, "only {taken} cases");
    assert!(agreed * 100 >= taken * REQUIRED, "{agreed} of {taken} agree");
}

/// The scenario that a rule is written from: the first word of its description.
fn scenario(rule: &Rule) -> &str {
    rule.description().split_whitespace().next().unwrap_or_default()
}

fn expected(test: &Value) -> Alerts {
    let mut alerts = Alerts::new();
    for alert in test["expected_alerts"].as_array().unwrap() {
        let text = |key: &str| alert[key].as_str().unwrap().to_owned();
        let key = (text("scenario"), text("source"));
        alerts.entry(key).or_default().push(alert["events"].as_u64().unwrap());
    }
    alerts.values_mut().for_each(|counts| counts.sort_unstable());
    alerts
}

/// The scenarios that the test loads. A file may define several; the names of all of them are what
/// is expected, plus those that must stay silent.
fn scenarios(test: &Value, expected: &Alerts) -> Vec<String> {
    let mut names: Vec<String> = expected.keys().map(|(scenario, _)| scenario.clone()).collect();
    let files = test["scenarios"].as_array().unwrap();
    if files.iter().any(|file| file.as_str().unwrap().ends_with("/ssh-bf.yaml")) {
        names.push("crowdsecurity/ssh-bf_user-enum".into());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Reads the log through the parser and the engine, as a monitor does, and returns what fired.
fn replay(log: &PathBuf, rules: &[&Rule]) -> Alerts {
    let mut engine = Engine::new(rules.iter().copied().cloned()).unwrap();
    let mut parser = LineParser::builder().time_zone("UTC").now(NOW).build().unwrap();
    let mut alerts = Alerts::new();
    for line in fs::read(log).unwrap().split(|&b| b == b'\n') {
        let parsed = parser.parse(line);
        for found in engine.observe(log, &parsed, line, NOW) {
            let Some(firing) = found.firing else { continue };
            let source = found.group.iter().map(|(_, value)| value).find(|value| !value.is_empty());
            let source = source.unwrap_or_default().to_owned();
            let key = (scenario(rules[found.rule]).to_owned(), source);
            alerts.entry(key).or_default().push(firing.count);
        }
    }
    alerts.values_mut().for_each(|counts| counts.sort_unstable());
    alerts
}

/// How many numbers two sorted lists have in common.
fn common(a: &[u64], b: &[u64]) -> usize {
    let mut rest = b.to_vec();
    let taken = a.iter().filter(|count| match rest.iter().position(|have| have == *count) {
        Some(at) => {
            rest.remove(at);
            true
        }
        None => false,
    });
    taken.count()
}
