//! Everything that can be asked about one line.

use std::path::Path;

use prisma_log_core::{Level, Value};
use prisma_log_match::Expression;

use super::subject::Subject;

/// A line, or a record of the process, whose message stands in for the raw line.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) source: &'a Path,
    pub(crate) subject: &'a dyn Subject,
    pub(crate) raw: &'a str,
}

/// Named groups of a rule's patterns that took part in the match, first pattern first.
pub(crate) type Captured<'a> = Vec<(&'a str, &'a str)>;

/// A field's value; some are made for the question.
pub(crate) enum Found<'a> {
    Value(Value<'a>),
    Text(String),
}

impl Found<'_> {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Found::Value(value) => *value,
            Found::Text(text) => Value::Str(text),
        }
    }
}

impl<'a> Facts<'a> {
    /// The value of `key`: a capture, a property of the line, or one of its fields.
    pub(crate) fn get(&self, captured: &Captured<'a>, key: &str) -> Option<Found<'a>> {
        if let Some(&(_, text)) = captured.iter().find(|(name, _)| *name == key) {
            return Some(Found::Value(Value::Str(text)));
        }
        let text = |text: &'a str| Some(Found::Value(Value::Str(text)));
        let property = match key {
            "logger" => self.subject.logger().and_then(text),
            "level" => self.subject.level().map(Level::as_str).and_then(text),
            "message" => text(self.subject.message()),
            "trace_id" => self.subject.trace_id().map(|id| Found::Text(id.to_string())),
            "span_id" => self.subject.span_id().map(|id| Found::Text(id.to_string())),
            "source" => Some(Found::Text(self.source.to_string_lossy().into_owned())),
            _ => None,
        };
        property.or_else(|| self.subject.field(key).map(Found::Value))
    }
}

/// Adds the named groups of `pattern` that took part in its match in `text`.
pub(crate) fn capture<'a>(pattern: &'a Expression, text: &'a str, captured: &mut Captured<'a>) {
    pattern.groups(text, |name, found| {
        if !captured.iter().any(|(have, _)| *have == name) {
            captured.push((name, found));
        }
    });
}
