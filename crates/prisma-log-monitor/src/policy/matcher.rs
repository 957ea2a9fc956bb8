//! Conditions on what an alert is called by.

use std::fmt;
use std::str::FromStr;

use prisma_log_core::Error;
use prisma_log_match::Expression;

use crate::Alert;
use crate::codec::{Reader, Writer};

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 4096;
/// What one compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// A condition on one value of an alert.
///
/// The key is `rule`, `severity`, a key of the alert's group, one of its labels, or `id`, in this
/// order. A key that the alert does not have counts as an empty value. Patterns have to match the
/// whole value.
///
/// As text: `severity=critical`, `rule!=disk-full`, `host=~"web-.*"`, `team!~"a|b"`; the value may
/// stand in double quotes, in which `\"`, `\\` and `\n` stand for themselves.
#[derive(Clone, Debug)]
pub struct Matcher {
    key: String,
    comparison: Comparison,
    value: String,
    pattern: Option<Expression>,
}

/// How a [`Matcher`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

impl Comparison {
    /// All of them; the order is that of the stored form.
    const ALL: [Comparison; 4] =
        [Comparison::Equal, Comparison::NotEqual, Comparison::Matches, Comparison::MatchesNot];

    /// The sign in texts: `=`, `!=`, `=~`, `!~`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Matches => "=~",
            Comparison::MatchesNot => "!~",
        }
    }
}

impl Matcher {
    /// A condition on the value of `key`.
    ///
    /// # Errors
    /// When the key is empty, longer than 256 bytes or has control characters, when the value has
    /// more than 4 KiB, or when it is an invalid or too large pattern.
    pub fn new(
        key: impl Into<String>,
        comparison: Comparison,
        value: impl Into<String>,
    ) -> Result<Self, Error> {
        let (key, value) = (key.into(), value.into());
        if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
            return Err(Error::config(format!(
                "invalid key {key:?} of a matcher: expected 1 to {MAX_KEY} bytes without control characters"
            )));
        }
        if value.len() > MAX_VALUE {
            let bytes = value.len();
            return Err(Error::config(format!(
                "the value of the matcher on `{key}` has {bytes} bytes, above {MAX_VALUE}"
            )));
        }
        let pattern = match comparison {
            Comparison::Equal | Comparison::NotEqual => None,
            Comparison::Matches | Comparison::MatchesNot => {
                Some(Expression::new(&format!("^(?:{value})$"), MAX_COMPILED).map_err(|error| {
                    let why = error.message();
                    Error::config(format!("invalid pattern of the matcher on `{key}`: {why}"))
                })?)
            }
        };
        Ok(Matcher { key, comparison, value, pattern })
    }

    /// `key=value`.
    ///
    /// # Errors
    /// As [`Matcher::new`].
    pub fn equal(key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        Matcher::new(key, Comparison::Equal, value)
    }

    /// Which value it looks at.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it compares.
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// What it compares with: a text or a pattern.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the alert satisfies it.
    pub fn matches(&self, alert: &Alert) -> bool {
        let value = alert.value_of(&self.key);
        match (self.comparison, &self.pattern) {
            (Comparison::NotEqual, _) => value != self.value,
            (Comparison::Matches, Some(pattern)) => pattern.is_match(value),
            (Comparison::MatchesNot, Some(pattern)) => !pattern.is_match(value),
            _ => value == self.value,
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.text(&self.key);
        out.choice(&Comparison::ALL, self.comparison);
        out.text(&self.value);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let key = from.text()?;
        let comparison = from.choice(&Comparison::ALL)?;
        let value = from.text()?;
        Matcher::new(key, comparison, value).map_err(|error| from.bad(error.message()))
    }
}

/// Whether the alert satisfies all of them.
pub(super) fn all_match(matchers: &[Matcher], alert: &Alert) -> bool {
    matchers.iter().all(|matcher| matcher.matches(alert))
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        let parts = |m: &Self| (m.key.clone(), m.comparison, m.value.clone());
        parts(self) == parts(other)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.key, self.comparison.as_str())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/|*+".contains(c);
        if !self.value.is_empty() && self.value.chars().all(plain) {
            return f.write_str(&self.value);
        }
        let quoted = self.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(f, "\"{quoted}\"")
    }
}

impl FromStr for Matcher {
    type Err = Error;

    /// Reads `key=value`, `key!=value`, `key=~pattern` or `key!~pattern`.
    ///
    /// # Errors
    /// When there is no sign, and as [`Matcher::new`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || {
            Error::config(format!("invalid matcher {text:?}"))
                .with_hint("expected such as `severity=critical` or `host=~\"web-.*\"`")
        };
        let at = text.find(['=', '!']).ok_or_else(bad)?;
        let (key, rest) = text.split_at(at);
        // `=~` before `=`, which it begins with.
        let signs =
            [Comparison::Matches, Comparison::MatchesNot, Comparison::NotEqual, Comparison::Equal];
        let found = signs
            .into_iter()
            .find_map(|sign| rest.strip_prefix(sign.as_str()).map(|value| (sign, value.trim())));
        let (comparison, value) = found.ok_or_else(bad)?;
        let value = match value.strip_prefix('"') {
            Some(rest) => unquote(rest).ok_or_else(bad)?,
            None => value.to_owned(),
        };
        Matcher::new(key.trim(), comparison, value)
    }
}

/// What stands before the closing quote at the end.
fn unquote(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return chars.as_str().is_empty().then_some(out),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                // Patterns are full of them.
                other => out.extend(['\\', other]),
            },
            other => out.push(other),
        }
    }
    None
}
