//! A condition, ready to be asked.

use prisma_log_core::{Error, Filter, Level};
use prisma_log_match::Expression;

use super::compile::Compiler;
use super::{Condition, FieldCondition, FieldTest};
use crate::engine::{Captured, Facts, capture};

/// A compiled [`Condition`].
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Message(Expression),
    Line(Expression),
    Text(Expression),
    Level(Level),
    Logger(Filter),
    Field(FieldCondition, Option<Expression>),
}

impl Tree {
    pub(super) fn new(condition: &Condition, compiler: &Compiler<'_>) -> Result<Self, Error> {
        let list = |list: &[Condition]| -> Result<Vec<Tree>, Error> {
            list.iter().map(|condition| Tree::new(condition, compiler)).collect()
        };
        Ok(match condition {
            Condition::All(conditions) => Tree::All(list(conditions)?),
            Condition::Any(conditions) => Tree::Any(list(conditions)?),
            Condition::Not(inner) => Tree::Not(Box::new(match &**inner {
                Condition::Text(pattern) => Tree::Text(compiler.pattern("except", pattern)?),
                other => Tree::new(other, compiler)?,
            })),
            Condition::Message(pattern) => Tree::Message(compiler.pattern("message", pattern)?),
            Condition::Line(pattern) => Tree::Line(compiler.pattern("line", pattern)?),
            Condition::Text(pattern) => Tree::Text(compiler.pattern("text", pattern)?),
            Condition::Contains(texts) => Tree::Line(compiler.texts(texts)?),
            Condition::Level(level) => Tree::Level(*level),
            Condition::Logger(name) => {
                Tree::Logger(Filter::off().directive(name, Some(Level::Trace)))
            }
            Condition::Field(condition) => {
                let pattern = match condition.test() {
                    FieldTest::Matches(pattern) => {
                        Some(compiler.pattern(&format!("field `{}`", condition.key()), pattern)?)
                    }
                    _ => None,
                };
                Tree::Field(condition.clone(), pattern)
            }
        })
    }

    /// Whether the condition holds for a line; adds what its patterns captured.
    pub(crate) fn holds<'a>(&'a self, facts: &Facts<'a>, captured: &mut Captured<'a>) -> bool {
        let search = |pattern: &'a Expression, text: &'a str, captured: &mut Captured<'a>| {
            pattern.is_match(text) && {
                capture(pattern, text, captured);
                true
            }
        };
        match self {
            Tree::All(list) => list.iter().all(|tree| tree.holds(facts, captured)),
            Tree::Any(list) => list.iter().any(|tree| {
                // What a branch captured that does not hold means nothing.
                let before = captured.len();
                tree.holds(facts, captured) || {
                    captured.truncate(before);
                    false
                }
            }),
            Tree::Not(inner) => {
                let before = captured.len();
                let holds = inner.holds(facts, captured);
                captured.truncate(before);
                !holds
            }
            Tree::Message(pattern) => search(pattern, facts.subject.message(), captured),
            Tree::Line(pattern) => search(pattern, facts.raw, captured),
            Tree::Text(pattern) => {
                search(pattern, facts.subject.message(), captured)
                    || search(pattern, facts.raw, captured)
            }
            Tree::Level(least) => facts.subject.level().is_some_and(|level| level >= *least),
            Tree::Logger(filter) => {
                let logger = facts.subject.logger();
                logger.is_some_and(|logger| filter.passes(logger, Level::Critical))
            }
            Tree::Field(condition, pattern) => {
                let found = facts.get(captured, condition.key());
                condition.holds(found.as_ref().map(|found| found.value()), pattern.as_ref())
            }
        }
    }
}
