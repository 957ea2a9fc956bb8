//! Rules from a file are the rules that the builder makes.

use std::path::Path;
use std::time::Duration;

use prisma_log_config::rules;
use prisma_log_core::Level;
use prisma_log_monitor::{FieldCondition, Rule, Severity};

use crate::file;

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
    assert_eq!(rules::load(&path).unwrap(), [everything, bucket]);
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
