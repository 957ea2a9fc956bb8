//! Text with placeholders: `disk of {{group.host}}`.

use prisma_log_core::Error;
use prisma_log_monitor::Message;

use crate::fact::Fact;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    Literal(&'t str),
    Fact(Fact),
}

/// The pieces of a template; `what` names the setting that it is.
pub(crate) fn parts<'t>(text: &'t str, what: &str) -> Result<Vec<Part<'t>>, Error> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, tail)) = behind.split_once("}}") else {
            return Err(Error::config(format!("{what} has {{{{ without }}}}")));
        };
        if !before.is_empty() {
            parts.push(Part::Literal(before));
        }
        parts.push(Part::Fact(Fact::named(name.trim(), what)?));
        rest = tail;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    Ok(parts)
}

/// A text with placeholders, looked at.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Owned>);

#[derive(Clone, Debug)]
enum Owned {
    Literal(String),
    Fact(Fact),
}

impl Template {
    pub(crate) fn new(text: &str, what: &str) -> Result<Self, Error> {
        let parts = parts(text, what)?.into_iter().map(|part| match part {
            Part::Literal(text) => Owned::Literal(text.to_owned()),
            Part::Fact(fact) => Owned::Fact(fact),
        });
        Ok(Template(parts.collect()))
    }

    /// Whether what a message says can be the first character.
    pub(crate) fn begins_with_fact(&self) -> bool {
        matches!(self.0.first(), Some(Owned::Fact(_)))
    }

    pub(crate) fn render(&self, message: &Message) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Owned::Literal(text) => out.push_str(text),
                Owned::Fact(fact) => out.push_str(&fact.text(message)),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;

    use super::*;

    #[test]
    fn placeholders_are_filled() {
        let message = Message::test("ops", Timestamp::UNIX_EPOCH);
        let check = |text: &str, expect: &str| match Template::new(text, "x") {
            Ok(template) => assert_eq!(template.render(&message), expect),
            Err(error) => assert_eq!(error.message(), expect),
        };
        check("", "");
        check("plain { }} text", "plain { }} text");
        check("{{rule}}", "test");
        check("a {{ rule }}-{{receiver}} z", "a test-ops z");
        check("{{rule", "x has {{ without }}");
        check("{{}}", "x has an unknown placeholder {{}}");
    }
}
