//! Why a rule matches a line, or does not.

use std::path::Path;

use prisma_log_match::Expression;
use prisma_log_tail::LogLine;

use super::{Condition, FieldCondition, FieldTest, Rule, Tree, as_number};
use crate::Group;
use crate::engine::{Captured, Facts};
use crate::text::{Escaped, cut};

/// Text of a line that a reason quotes, in bytes.
const MAX_QUOTED: usize = 120;

/// What a rule makes of one line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether the line matches: the rule's condition holds.
    pub matched: bool,
    /// The rule's condition, part by part.
    pub condition: Reason,
    /// The conditions of the rule's kind: the steps of a sequence, what a rate counts.
    pub kind: Vec<Reason>,
    /// Named groups of the patterns that took part in the match, with what they captured.
    pub captures: Vec<(String, String)>,
    /// The group that the line belongs to.
    pub group: Group,
    /// The value of the field that the rule's kind looks at.
    pub field: Option<String>,
}

/// Whether a condition holds for a line, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reason {
    /// The condition as people read it; of a list `all of` or `any of`, of a negation `not`.
    pub condition: String,
    /// Whether it holds.
    pub held: bool,
    /// What the line has that makes it so; `None` for lists and negations.
    pub because: Option<String>,
    /// The conditions of a list or negation, all of them asked.
    pub parts: Vec<Reason>,
}

impl Reason {
    /// The innermost condition that made this one fail, the first of them; `None` when it holds.
    pub fn culprit(&self) -> Option<&Reason> {
        if self.held {
            return None;
        }
        // Of several alternatives none alone is to blame.
        let part =
            if self.condition == ALL { self.parts.iter().find(|part| !part.held) } else { None };
        part.and_then(Reason::culprit).or(Some(self))
    }
}

const ALL: &str = "all of";
const ANY: &str = "any of";
const NOT: &str = "not";

impl Rule {
    /// Asks every condition of the rule about a line, also those that no longer matter because
    /// another one failed.
    ///
    /// `raw` is the line as it stands in `source`, `line` what it was read as. Nothing is counted.
    pub fn explain(&self, line: &LogLine, raw: &[u8], source: &Path) -> Explanation {
        let raw = String::from_utf8_lossy(raw);
        let facts = Facts { source, subject: line, raw: &raw };
        let mut captured = Captured::new();
        let own = std::iter::once(self.condition());
        let mut reasons = own.chain(self.kind().conditions()).zip(&self.trees).map(|pair| {
            let before = captured.len();
            let reason = reason(pair.0, pair.1, &facts, &mut captured);
            if !reason.held {
                captured.truncate(before);
            }
            reason
        });
        // A rule has a condition, and a tree for it.
        let condition = reasons.next().unwrap_or_else(|| list(ANY, false, Vec::new()));
        let kind = reasons.collect();
        let keys = self.group_by().iter().map(String::as_str);
        let values = self.group_by().iter().map(|key| {
            facts.get(&captured, key).map(|found| found.value().to_string()).unwrap_or_default()
        });
        let field = self.kind().field().and_then(|key| facts.get(&captured, key));
        Explanation {
            matched: condition.held,
            condition,
            kind,
            group: Group::new(keys, values),
            field: field.map(|found| found.value().to_string()),
            captures: captured.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        }
    }
}

fn reason<'a>(
    condition: &Condition,
    tree: &'a Tree,
    facts: &Facts<'a>,
    captured: &mut Captured<'a>,
) -> Reason {
    match (condition, tree) {
        (Condition::All(conditions), Tree::All(trees)) => {
            let parts = conditions.iter().zip(trees);
            let parts: Vec<Reason> =
                parts.map(|(condition, tree)| reason(condition, tree, facts, captured)).collect();
            list(ALL, parts.iter().all(|part| part.held), parts)
        }
        (Condition::Any(conditions), Tree::Any(trees)) => {
            let mut held = false;
            let parts = conditions.iter().zip(trees).map(|(condition, tree)| {
                let before = captured.len();
                let part = reason(condition, tree, facts, captured);
                // Only the first that holds captures: the others are not asked otherwise.
                if held || !part.held {
                    captured.truncate(before);
                }
                held |= part.held;
                part
            });
            let parts = parts.collect();
            list(ANY, held, parts)
        }
        (Condition::Not(inner), Tree::Not(tree)) => {
            let before = captured.len();
            let part = reason(inner, tree, facts, captured);
            captured.truncate(before);
            list(NOT, !part.held, vec![part])
        }
        (leaf, tree) => Reason {
            condition: leaf.to_string(),
            held: tree.holds(facts, captured),
            because: Some(because(tree, facts, captured)),
            parts: Vec::new(),
        },
    }
}

/// A list with one condition is as good as that condition.
fn list(word: &str, held: bool, mut parts: Vec<Reason>) -> Reason {
    if parts.len() == 1
        && word != NOT
        && let Some(part) = parts.pop()
    {
        return part;
    }
    Reason { condition: word.to_owned(), held, because: None, parts }
}

fn because(tree: &Tree, facts: &Facts<'_>, captured: &Captured<'_>) -> String {
    match tree {
        Tree::Message(pattern) => found(pattern, facts.subject.message(), "the message"),
        Tree::Line(pattern) => found(pattern, facts.raw, "the line"),
        Tree::Text(pattern) if pattern.is_match(facts.subject.message()) => {
            found(pattern, facts.subject.message(), "the message")
        }
        Tree::Text(pattern) => found(pattern, facts.raw, "the line"),
        Tree::Level(_) => match facts.subject.level() {
            Some(level) => format!("the level is {level}"),
            None => "the line states no level".into(),
        },
        Tree::Logger(_) => match facts.subject.logger() {
            Some(logger) => format!("the logger is {}", quoted(logger)),
            None => "the line states no logger".into(),
        },
        Tree::Field(condition, _) => found_field(condition, facts, captured),
        Tree::All(_) | Tree::Any(_) | Tree::Not(_) => String::new(),
    }
}

fn found(pattern: &Expression, text: &str, place: &str) -> String {
    match pattern.find(text) {
        Some(found) => format!("{place} has {}", quoted(text.get(found).unwrap_or_default())),
        None => format!("{place} is {}", quoted(text)),
    }
}

fn found_field(condition: &FieldCondition, facts: &Facts<'_>, captured: &Captured<'_>) -> String {
    use FieldTest::{Greater, GreaterOrEqual, Less, LessOrEqual};
    let key = condition.key();
    let Some(found) = facts.get(captured, key) else {
        return format!("there is no `{key}`");
    };
    let value = found.value();
    let shown = quoted(&value.to_string());
    let number =
        matches!(condition.test(), Greater(_) | GreaterOrEqual(_) | Less(_) | LessOrEqual(_));
    match as_number(value) {
        None if number => format!("`{key}` is {shown}, which is no number"),
        _ => format!("`{key}` is {shown}"),
    }
}

fn quoted(text: &str) -> String {
    format!("`{}`", Escaped(&cut(text, MAX_QUOTED)))
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Level;
    use prisma_log_tail::LineParser;

    use super::*;
    use crate::{Kind, RuleBuilder};

    const LINE: &str = r#"{"level":"ERROR","logger":"shop.db","message":"refused by 10.0.0.7","ms":31,"who":"ana"}"#;

    fn explained(rule: RuleBuilder) -> Explanation {
        let line = LineParser::new().parse(LINE.as_bytes());
        rule.build().unwrap().explain(&line, LINE.as_bytes(), Path::new("app.log"))
    }

    /// The tree on one line: `+` where a condition holds, `-` where it does not.
    fn dump(reason: &Reason) -> String {
        let sign = if reason.held { '+' } else { '-' };
        let because = reason.because.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        let parts: Vec<String> = reason.parts.iter().map(dump).collect();
        let parts =
            if parts.is_empty() { String::new() } else { format!(" [{}]", parts.join(", ")) };
        format!("{sign}{}{because}{parts}", reason.condition)
    }

    #[test]
    fn every_condition_says_what_it_found() {
        let check = |condition: Condition, expect: &str| {
            let rule = Rule::builder("r").condition(condition);
            let explanation = explained(rule);
            assert_eq!(dump(&explanation.condition), expect);
            assert_eq!(explanation.matched, expect.starts_with('+'));
        };
        let message = |pattern: &str| Condition::Message(pattern.into());
        let field = Condition::Field;
        check(message("ref.s"), "+message matches /ref.s/ (the message has `refus`)");
        check(message("x"), "-message matches /x/ (the message is `refused by 10.0.0.7`)");
        check(Condition::Level(Level::Error), "+level >= ERROR (the level is ERROR)");
        check(Condition::Level(Level::Critical), "-level >= CRITICAL (the level is ERROR)");
        check(
            Condition::Logger("shop.cart".into()),
            "-logger is \"shop.cart\" or below (the logger is `shop.db`)",
        );
        check(field(FieldCondition::greater("ms", 30.0)), "+ms > 30 (`ms` is `31`)");
        check(
            field(FieldCondition::less("who", 30.0)),
            "-who < 30 (`who` is `ana`, which is no number)",
        );
        check(field(FieldCondition::exists("ip")), "-ip exists (there is no `ip`)");
        check(
            Condition::Contains(vec!["REFUSED".into()]),
            "+line contains \"REFUSED\" (the line has `refused`)",
        );
        let no = Condition::Not(Box::new(Condition::Logger("shop".into())));
        check(
            Condition::All(vec![Condition::Level(Level::Info), no]),
            "-all of [+level >= INFO (the level is ERROR), \
             -not [+logger is \"shop\" or below (the logger is `shop.db`)]]",
        );
        check(
            Condition::Any(vec![message("by"), message("x")]),
            "+any of [+message matches /by/ (the message has `by`), \
             -message matches /x/ (the message is `refused by 10.0.0.7`)]",
        );
    }

    #[test]
    fn the_culprit_is_the_innermost_condition_that_failed() {
        let check = |rule: RuleBuilder, expect: Option<&str>| {
            let explanation = explained(rule);
            let culprit = explanation.condition.culprit();
            assert_eq!(culprit.map(|reason| reason.condition.as_str()), expect);
        };
        let rule = || Rule::builder("r").message("refused");
        check(rule(), None);
        check(rule().level_at_least(Level::Critical), Some("level >= CRITICAL"));
        check(rule().except("by"), Some("not"));
        let either = ["q", "z"].map(|pattern| Condition::Message(pattern.into()));
        check(rule().condition(Condition::Any(either.to_vec())), Some("any of"));
    }

    #[test]
    fn captures_group_and_field_are_what_the_engine_takes() {
        let rule = Rule::builder("r")
            .message(r"by (?<ip>\S+)")
            .condition(Condition::Not(Box::new(Condition::Message("(?<no>x)".into()))))
            .condition(Condition::Any(vec![
                Condition::Message("(?<first>refused)".into()),
                Condition::Message("(?<second>by)".into()),
            ]))
            .group_by(["ip", "none"])
            .kind(Kind::Change { field: "who".into() });
        let explanation = explained(rule);
        assert!(explanation.matched);
        let captures = [("ip", "10.0.0.7"), ("first", "refused")];
        let captures: Vec<_> = captures.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(explanation.captures, captures);
        assert_eq!(explanation.group.to_string(), "ip=10.0.0.7");
        assert_eq!(explanation.field.as_deref(), Some("ana"));
    }

    #[test]
    fn the_kinds_conditions_are_explained_too() {
        let then = vec![Condition::Level(Level::Error), Condition::Message("x".into())];
        let within = std::time::Duration::from_secs(1);
        let rule = Rule::builder("r").message("x").kind(Kind::Sequence { then, within });
        let explanation = explained(rule);
        assert!(!explanation.matched);
        let held: Vec<bool> = explanation.kind.iter().map(|reason| reason.held).collect();
        assert_eq!(held, [true, false]);
    }
}
