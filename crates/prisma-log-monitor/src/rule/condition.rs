//! What a rule asks of a line, as a tree.

use std::fmt;

use prisma_log_core::Level;

use super::FieldCondition;

/// What a rule asks of a line: a tree of conditions.
///
/// Named groups of the patterns that took part in a match become fields for `group_by`, the kind's
/// field, and the field conditions of the same rule; a group goes before a field of the same name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// All of these hold; an empty list always does.
    All(Vec<Condition>),
    /// At least one of these holds; an empty list never does.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// The pattern (syntax of the `regex` crate) is found in the message.
    Message(String),
    /// The pattern is found in the raw line.
    Line(String),
    /// The pattern is found in the message or in the raw line.
    Text(String),
    /// One of these texts stands in the raw line, whatever the case of ASCII letters.
    Contains(Vec<String>),
    /// The line states this level or a more severe one.
    Level(Level),
    /// The line's logger is this one or below it: `shop` holds for `shop.orders`, not for `shopping`.
    Logger(String),
    /// A condition on a field.
    Field(FieldCondition),
}

impl Condition {
    /// The pattern is found in neither the message nor the raw line.
    pub fn except(pattern: impl Into<String>) -> Self {
        Condition::Not(Box::new(Condition::Text(pattern.into())))
    }

    /// Calls `each` with every condition of the tree that is no list, and whether it stands under an
    /// odd number of [`Condition::Not`].
    pub(crate) fn leaves<'a>(&'a self, negated: bool, each: &mut dyn FnMut(&'a Condition, bool)) {
        match self {
            Condition::All(list) | Condition::Any(list) => {
                list.iter().for_each(|condition| condition.leaves(negated, each));
            }
            Condition::Not(inner) => inner.leaves(!negated, each),
            leaf => each(leaf, negated),
        }
    }

    /// Whether every line satisfies it, as far as that is plain to see: it has nothing but lists and
    /// negations to say.
    pub(crate) fn asks_nothing(&self) -> bool {
        let mut asks = false;
        self.leaves(false, &mut |_, negated| asks |= !negated);
        !asks
    }
}

impl fmt::Display for Condition {
    /// The condition as people read it: `level >= ERROR and not message matches /x/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, list: &[Condition], word: &str| {
            let lone = list.len() == 1;
            let mut between = if lone { "" } else { "(" };
            for condition in list {
                write!(f, "{between}{condition}")?;
                between = word;
            }
            match (list.is_empty(), lone) {
                (true, _) => write!(f, "{}", if word == " and " { "always" } else { "never" }),
                (false, true) => Ok(()),
                (false, false) => f.write_str(")"),
            }
        };
        match self {
            Condition::All(conditions) => list(f, conditions, " and "),
            Condition::Any(conditions) => list(f, conditions, " or "),
            Condition::Not(inner) => write!(f, "not {inner}"),
            Condition::Message(pattern) => write!(f, "message matches /{pattern}/"),
            Condition::Line(pattern) => write!(f, "line matches /{pattern}/"),
            Condition::Text(pattern) => write!(f, "text matches /{pattern}/"),
            Condition::Contains(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
                write!(f, "line contains {}", texts.join(" or "))
            }
            Condition::Level(level) => write!(f, "level >= {level}"),
            Condition::Logger(name) => write!(f, "logger is {name:?} or below"),
            Condition::Field(condition) => condition.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_can_read_it() {
        let check = |condition: Condition, expect: &str| {
            assert_eq!(condition.to_string(), expect);
        };
        let message = || Condition::Message("x".into());
        check(Condition::All(vec![message()]), "message matches /x/");
        check(
            Condition::All(vec![
                Condition::Level(Level::Error),
                Condition::Any(vec![message(), Condition::Field(FieldCondition::exists("f"))]),
            ]),
            "(level >= ERROR and (message matches /x/ or f exists))",
        );
        check(Condition::except("x"), "not text matches /x/");
        check(Condition::Contains(vec!["a".into(), "b".into()]), "line contains \"a\" or \"b\"");
        check(Condition::Any(Vec::new()), "never");
    }

    #[test]
    fn negations_alone_ask_nothing() {
        let check = |condition: Condition, expect: bool| {
            assert_eq!(condition.asks_nothing(), expect, "{condition}");
        };
        check(Condition::All(Vec::new()), true);
        check(Condition::except("x"), true);
        check(Condition::Not(Box::new(Condition::except("x"))), false);
        check(Condition::All(vec![Condition::except("x"), Condition::Logger("l".into())]), false);
    }
}
