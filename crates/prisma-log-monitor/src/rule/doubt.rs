//! What is allowed in a rule, but hardly meant.

use prisma_log_core::Level;
use prisma_log_match::Expression;

use super::builder::DEFAULT_LATE;
use super::{Condition, FieldCondition, FieldTest, Kind, Measure, Rule, Tree, Windows};

impl Rule {
    /// What is allowed but hardly meant: conditions that can never hold, kinds that can never fire,
    /// patterns that every line has. One sentence each; empty when there is nothing to say.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if let Some(why) = impossible(self.condition()) {
            doubts.push(format!("it never matches: {why}"));
        }
        if let Some(why) = self.never_fires() {
            doubts.push(format!("it never fires: {why}"));
        }
        for tree in &self.trees {
            in_every_line(tree, false, &mut doubts);
        }
        let tumbles = match self.kind() {
            Kind::Frequency { windows, .. } => *windows == Windows::Tumbling,
            kind => matches!(kind, Kind::Spike { .. }),
        };
        if self.late() != DEFAULT_LATE && !tumbles {
            doubts.push("`late` has no effect: the rule's windows don't tumble".into());
        }
        doubts
    }

    fn never_fires(&self) -> Option<String> {
        let is_constant = |key: &str| self.group_by().iter().any(|group| group == key);
        let constant = |key: &str| {
            format!("`{key}` is one of the `group_by` keys, so a group has one value of it")
        };
        let together = |condition: &Condition| {
            let both = Condition::All(vec![self.condition().clone(), condition.clone()]);
            impossible(&both)
        };
        match self.kind() {
            Kind::Frequency { measure: Measure::Distinct(key), at_least, .. } => {
                (*at_least > 1.0 && is_constant(key)).then(|| constant(key))
            }
            Kind::LeakyBucket { capacity, distinct: Some(key), .. } => {
                (*capacity > 0 && is_constant(key)).then(|| constant(key))
            }
            Kind::Change { field } => is_constant(field).then(|| constant(field)),
            Kind::NewValue { field, learn } => {
                (is_constant(field) && !learn.is_zero()).then(|| constant(field))
            }
            Kind::Rate { of, .. } if impossible(self.condition()).is_none() => together(of),
            Kind::Sequence { then, .. } => then.iter().find_map(impossible),
            _ => None,
        }
    }
}

/// Why no line satisfies the condition, as far as that is plain to see.
fn impossible(condition: &Condition) -> Option<String> {
    match condition {
        Condition::Any(list) if list.is_empty() => Some("a condition is never true".into()),
        Condition::Any(list) => {
            let mut reasons = list.iter().map(impossible);
            let first = reasons.next().flatten()?;
            reasons.all(|reason| reason.is_some()).then_some(first)
        }
        Condition::All(list) => list.iter().find_map(impossible).or_else(|| {
            let mut all = Vec::new();
            flatten(condition, &mut all);
            contradiction(&all)
        }),
        _ => None,
    }
}

/// Conditions that have to hold together, lists of lists too.
fn flatten<'a>(condition: &'a Condition, all: &mut Vec<&'a Condition>) {
    match condition {
        Condition::All(list) => list.iter().for_each(|inner| flatten(inner, all)),
        Condition::Any(list) if list.len() == 1 => {
            list.iter().for_each(|inner| flatten(inner, all));
        }
        other => all.push(other),
    }
}

fn contradiction(all: &[&Condition]) -> Option<String> {
    let pairs =
        all.iter().enumerate().flat_map(|(i, a)| all.iter().skip(i + 1).map(move |b| (*a, *b)));
    let mut pairs = pairs.filter(|(a, b)| contradict(a, b) || contradict(b, a));
    pairs.next().map(|(a, b)| format!("`{a}` and `{b}` contradict each other"))
}

fn contradict(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (Condition::Not(a), b) => **a == *b,
        (Condition::Logger(a), Condition::Logger(b)) => !is_below(a, b) && !is_below(b, a),
        (Condition::Level(least), Condition::Field(field)) if field.key() == "level" => {
            let FieldTest::Equals(name) = field.test() else { return false };
            Level::from_name(name).is_some_and(|level| level < *least)
        }
        (Condition::Field(a), Condition::Field(b)) => a.key() == b.key() && fields_contradict(a, b),
        _ => false,
    }
}

fn is_below(logger: &str, parent: &str) -> bool {
    let rest = logger.strip_prefix(parent);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':', '/']))
}

fn fields_contradict(a: &FieldCondition, b: &FieldCondition) -> bool {
    use FieldTest::{
        Equals, Exists, Greater, GreaterOrEqual, Less, LessOrEqual, Matches, Missing, NotEquals,
    };
    match (a.test(), b.test()) {
        (Missing, Exists | Equals(_) | Matches(_)) => true,
        (Missing, Greater(_) | GreaterOrEqual(_) | Less(_) | LessOrEqual(_)) => true,
        (Equals(a), Equals(b)) => a != b && !is_same_number(a, b),
        (Equals(a), NotEquals(b)) => a == b,
        (Equals(text), Greater(bound)) => text.parse().is_ok_and(|number: f64| number <= *bound),
        (Equals(text), GreaterOrEqual(bound)) => text.parse().is_ok_and(|n: f64| n < *bound),
        (Equals(text), Less(bound)) => text.parse().is_ok_and(|number: f64| number >= *bound),
        (Equals(text), LessOrEqual(bound)) => text.parse().is_ok_and(|n: f64| n > *bound),
        (Greater(low), Less(high) | LessOrEqual(high)) => low >= high,
        (GreaterOrEqual(low), Less(high)) => low >= high,
        (GreaterOrEqual(low), LessOrEqual(high)) => low > high,
        _ => false,
    }
}

fn is_same_number(a: &str, b: &str) -> bool {
    a.parse::<f64>().is_ok_and(|number| b.parse() == Ok(number))
}

/// Adds patterns that are found in every text, the empty one too.
fn in_every_line(tree: &Tree, negated: bool, doubts: &mut Vec<String>) {
    let is_everywhere =
        |pattern: &Expression| ["", "\u{1}"].iter().all(|text| pattern.is_match(text));
    match tree {
        Tree::All(list) | Tree::Any(list) => {
            list.iter().for_each(|tree| in_every_line(tree, negated, doubts));
        }
        Tree::Not(inner) => in_every_line(inner, !negated, doubts),
        Tree::Message(pattern) | Tree::Line(pattern) | Tree::Text(pattern)
            if is_everywhere(pattern) =>
        {
            let so = if negated { ", so it excludes all of them" } else { "" };
            doubts.push(format!("the pattern /{pattern}/ is found in every line{so}"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::RuleBuilder;

    fn check(rule: RuleBuilder, expect: &[&str]) {
        let rule = rule.build().unwrap();
        assert_eq!(rule.doubts(), expect, "{rule:?}");
    }

    fn rule() -> RuleBuilder {
        Rule::builder("r").message("refused")
    }

    #[test]
    fn conditions_that_contradict_each_other() {
        type F = FieldCondition;
        let fields = |a: FieldCondition, b: FieldCondition, expect: &str| {
            let doubt = format!("it never matches: `{a}` and `{b}` contradict each other");
            let expect = if expect.is_empty() { vec![] } else { vec![doubt.as_str()] };
            check(rule().field(a.clone()).field(b.clone()), &expect);
        };
        fields(F::exists("a"), F::missing("a"), "never");
        fields(F::exists("a"), F::missing("b"), "");
        fields(F::equals("a", "1"), F::equals("a", "2"), "never");
        fields(F::equals("a", "1"), F::equals("a", "1.0"), "");
        fields(F::equals("a", "x"), F::equals("a", "y"), "never");
        fields(F::equals("a", "x"), F::not_equals("a", "x"), "never");
        fields(F::greater("a", 5.0), F::less("a", 5.0), "never");
        fields(F::greater("a", 5.0), F::less("a", 6.0), "");
        fields(F::greater_or_equal("a", 5.0), F::less_or_equal("a", 5.0), "");
        fields(F::less("a", 3.0), F::equals("a", "4"), "never");
        let not = |condition| Condition::Not(Box::new(condition));
        let refused = Condition::Message("refused".into());
        let never = "it never matches: `message matches /refused/` and \
                     `not message matches /refused/` contradict each other";
        check(rule().condition(not(refused)), &[never]);
        let other =
            "it never matches: `level >= ERROR` and `level == \"INFO\"` contradict each other";
        check(rule().level_at_least(Level::Error).field(F::equals("level", "INFO")), &[other]);
        check(rule().level_at_least(Level::Error).field(F::equals("level", "ERROR")), &[]);
        check(rule().logger("shop").condition(Condition::Logger("shop.db".into())), &[]);
        let never = "it never matches: a condition is never true";
        check(rule().condition(Condition::Any(Vec::new())), &[never]);
        let refused = Condition::Message("x".into());
        check(rule().condition(Condition::Any(vec![Condition::Any(Vec::new()), refused])), &[]);
    }

    #[test]
    fn kinds_that_never_fire() {
        let constant =
            "it never fires: `ip` is one of the `group_by` keys, so a group has one value of it";
        let by_ip = || rule().group_by(["ip"]);
        let second = Duration::from_secs(1);
        check(by_ip().count(2).distinct("ip"), &[constant]);
        check(by_ip().count(1).distinct("ip"), &[]);
        check(by_ip().count(2).distinct("user"), &[]);
        check(by_ip().leaky_bucket(1, second).distinct("ip"), &[constant]);
        check(by_ip().kind(Kind::Change { field: "ip".into() }), &[constant]);
        check(by_ip().kind(Kind::NewValue { field: "ip".into(), learn: second }), &[constant]);
        check(by_ip().kind(Kind::NewValue { field: "ip".into(), learn: Duration::ZERO }), &[]);
        let of = Condition::Field(FieldCondition::equals("level", "INFO"));
        let rate = Kind::Rate { of, ratio: 0.5, min_volume: 1, window: second };
        let never =
            "it never fires: `level >= ERROR` and `level == \"INFO\"` contradict each other";
        check(rule().level_at_least(Level::Error).kind(rate), &[never]);
    }

    #[test]
    fn patterns_that_every_line_has() {
        check(Rule::builder("r").line("x*"), &["the pattern /x*/ is found in every line"]);
        check(Rule::builder("r").line("^$"), &[]);
        check(Rule::builder("r").line("."), &[]);
        let excludes = "the pattern /a|/ is found in every line, so it excludes all of them";
        check(rule().except("a|"), &[excludes]);
        check(
            rule().late(Duration::ZERO),
            &["`late` has no effect: the rule's windows don't tumble"],
        );
    }
}
