//! The rule packs on labelled lines: what they must find, what they must pass over, and whose address.
//!
//! `tests/data/packs/NAME.txt` has the lines for the pack NAME: `[service]` is a heading,
//! `+ADDRESS LINE` a line that a rule must match (`+-` when it names no address, `+*` when the
//! address is of no interest), `- LINE` one that none may match, `;` a remark. Thresholds are left
//! out: one match is a find. All lines go through the line parser, as in production.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use prisma_log_config::packs;
use prisma_log_core::Timestamp;
use prisma_log_monitor::{Engine, Match, Rule};
use prisma_log_tail::LineParser;

/// Lines without a year are of this one: 2026-12-31, so that every day of it lies in the past.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_798_675_200);
/// The keys by which rules call the client's address, first one first.
const ADDRESSES: [&str; 4] = ["address", "client.address", "request.client_ip", "ClientHost"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/packs").join(name)
}

#[derive(Default)]
struct Outcome {
    services: BTreeSet<String>,
    positives: usize,
    found: usize,
    negatives: usize,
    /// What went wrong, for people.
    missed: Vec<String>,
    false_alarms: Vec<String>,
    wrong_addresses: Vec<String>,
    /// Rules that matched at least one line.
    used: BTreeSet<String>,
}

/// Runs a pack over a file of labelled lines.
fn run(pack: &str, file: &str) -> Outcome {
    let rules = packs::load(pack).unwrap();
    let once = |rule: &Rule| rule.to_builder().count(1).build().unwrap();
    let mut engine = Engine::new(rules.iter().map(once)).unwrap();
    let mut parser = LineParser::builder().time_zone("UTC").now(NOW).build().unwrap();
    let mut outcome = Outcome::default();
    let mut service = "";
    let text = std::fs::read_to_string(data(file)).unwrap();
    for (index, row) in text.lines().enumerate() {
        let at = format!("{file}:{} [{service}]", index + 1);
        let (label, rest) = row.split_at(row.len().min(1));
        match label {
            "" | ";" => {}
            "[" => {
                service = rest.trim_end_matches(']');
                outcome.services.insert(service.to_owned());
            }
            "+" | "-" => {
                let (address, line) = rest.split_once(' ').unwrap_or_else(|| panic!("{at}: {row}"));
                let parsed = parser.parse(line.as_bytes());
                let found = engine.observe(Path::new("/x.log"), &parsed, line.as_bytes(), NOW);
                let names = found.iter().map(|found| engine.rules()[found.rule].name().to_owned());
                let names: Vec<String> = names.collect();
                if label == "-" {
                    outcome.negatives += 1;
                    if !found.is_empty() {
                        outcome.false_alarms.push(format!("{at} by {names:?}: {line}"));
                    }
                    continue;
                }
                outcome.positives += 1;
                match found.is_empty() {
                    true => outcome.missed.push(format!("{at}: {line}")),
                    false => outcome.found += 1,
                }
                let expected = if address == "-" { "" } else { address };
                for (found, name) in found.iter().zip(&names) {
                    if address != "*" && address_of(found) != expected {
                        let other = address_of(found);
                        outcome.wrong_addresses.push(format!("{at} {name}: `{other}`: {line}"));
                    }
                }
                outcome.used.extend(names);
            }
            _ => panic!("{at}: {row}"),
        }
    }
    println!(
        "pack {pack}, {file}: {} services, {} of {} found ({:.1} %), {} of {} false",
        outcome.services.len(),
        outcome.found,
        outcome.positives,
        100.0 * outcome.found as f64 / outcome.positives as f64,
        outcome.false_alarms.len(),
        outcome.negatives,
    );
    outcome
}

fn address_of(found: &Match) -> &str {
    let value = |key: &&str| found.group.iter().find(|(have, _)| have == key);
    let values = ADDRESSES.iter().filter_map(value).map(|(_, value)| value);
    values.into_iter().find(|value| !value.is_empty()).unwrap_or_default()
}

/// A pack finds its lines and passes over the others.
fn check(pack: &str) -> Outcome {
    let outcome = run(pack, &format!("{pack}.txt"));
    assert_eq!(outcome.false_alarms, Vec::<String>::new());
    assert_eq!(outcome.wrong_addresses, Vec::<String>::new());
    let missed = outcome.missed.join("\n");
    assert!(outcome.found * 100 >= outcome.positives * 98, "{pack} misses:\n{missed}");
    for rule in packs::load(pack).unwrap() {
        assert!(outcome.used.contains(rule.name()), "{pack}: no line for `{}`", rule.name());
    }
    outcome
}

#[test]
fn auth_finds_what_services_report() {
    let outcome = check("auth");
    assert!(outcome.positives >= 400 && outcome.negatives >= 250);
    assert!(outcome.services.len() >= 60);
}

#[test]
fn the_other_packs_find_what_is_theirs() {
    let names = packs::names().filter(|name| !["default", "auth"].contains(name));
    let outcomes: Vec<Outcome> = names.map(check).collect();
    let positives: usize = outcomes.iter().map(|outcome| outcome.positives).sum();
    let negatives: usize = outcomes.iter().map(|outcome| outcome.negatives).sum();
    assert!(positives >= 150 && negatives >= 100, "{positives} and {negatives}");
}

/// Lines of services that were not looked at while the patterns were written. What is found of them
/// is printed, as an honest figure; that nothing is found where nothing is, is asserted.
#[test]
fn what_was_held_out_is_measured() {
    let outcome = run("auth", "auth-held-out.txt");
    outcome.missed.iter().for_each(|missed| println!("  missed {missed}"));
    outcome.wrong_addresses.iter().for_each(|wrong| println!("  address {wrong}"));
    assert_eq!(outcome.false_alarms, Vec::<String>::new());
}

#[test]
fn packs_can_be_used_together() {
    let names: Vec<&str> = packs::names().collect();
    assert!(names.is_sorted_by_key(|name| (*name != "default", *name)), "{names:?}");
    let rules = names.iter().flat_map(|name| packs::load(name).unwrap());
    let rules: Vec<Rule> = rules.collect();
    for rule in &rules {
        assert!(!rule.description().is_empty(), "{}", rule.name());
        assert!(rule.doubts().is_empty(), "{}: {:?}", rule.name(), rule.doubts());
    }
    assert!(Engine::new(rules).is_ok());
}

#[test]
fn packs_are_files_that_anyone_can_load() {
    for name in packs::names() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("packs/{name}.yaml"));
        let Some(text) = packs::text(name) else {
            assert!(name == "default" && !path.exists());
            continue;
        };
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert!(prisma_log_config::rules::check(&path).is_empty(), "{name}");
        for rule in packs::load(name).unwrap() {
            let cases = [rule.should_match(), rule.should_not()];
            assert!(cases.iter().all(|lines| !lines.is_empty()), "{name}: {}", rule.name());
        }
        assert_eq!(prisma_log_config::rules::load(&path).unwrap(), packs::load(name).unwrap());
    }
    let error = packs::load("kernal").unwrap_err().to_string();
    assert!(error.contains("did you mean `kernel`?"), "{error}");
}
