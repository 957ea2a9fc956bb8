//! What is looked for.

use prisma_log_core::Error;
use regex_syntax::hir::Hir;

/// Something that lines are searched for.
///
/// A pattern is either *verified*, and lines that are reported for it hold it; or it *nominates*
/// lines: those that it is reported for may hold it, and no other line does. Nominating patterns
/// are for what is to be found in a part of the line, such as the message of a JSON line, which
/// the caller then reads and searches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub(crate) source: Source,
    pub(crate) is_verified: bool,
    pub(crate) ignores_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Regex(String),
    Literals(Vec<String>),
}

impl Pattern {
    /// A regular expression in the syntax of the `regex` crate, found anywhere in a line.
    ///
    /// It is matched against bytes, as `regex::bytes::Regex` does: a line need not be UTF-8, `.`
    /// stands for a character of UTF-8. `^` and `$` are the line's ends.
    pub fn regex(pattern: &str) -> Self {
        Pattern::new(Source::Regex(pattern.to_owned()), true)
    }

    /// Texts of which one stands in the line.
    pub fn literals<I>(texts: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Pattern::new(Source::Literals(texts.into_iter().map(Into::into).collect()), true)
    }

    /// Nominates lines in a part of which this regular expression may match.
    ///
    /// A line is nominated when it holds, in any case, one of the literals that each match holds;
    /// also where a JSON string writes them with escapes, or terminal sequences part them.
    /// An expression that can match without any literal of at least three bytes nominates every
    /// line. `^` and `$`, which are the part's ends, decide nothing.
    pub fn nominate_regex(pattern: &str) -> Self {
        Pattern::new(Source::Regex(pattern.to_owned()), false)
    }

    /// Nominates lines in a part of which one of these texts may stand, in any case.
    pub fn nominate_literals<I>(texts: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let texts = texts.into_iter().map(Into::into).collect();
        Pattern::new(Source::Literals(texts), false).ignore_case(true)
    }

    fn new(source: Source, is_verified: bool) -> Self {
        Pattern { source, is_verified, ignores_case: false }
    }

    /// Whether letters stand for both cases, by Unicode's simple case folding; for a regular
    /// expression as if it began with `(?i)`. Default: `false`, but for
    /// [`nominate_literals`](Pattern::nominate_literals).
    #[must_use]
    pub fn ignore_case(mut self, yes: bool) -> Self {
        self.ignores_case = yes;
        self
    }

    /// As a regular expression.
    pub(crate) fn expression(&self) -> String {
        match &self.source {
            Source::Regex(pattern) => pattern.clone(),
            Source::Literals(texts) => {
                let escaped: Vec<String> =
                    texts.iter().map(|text| regex_syntax::escape(text)).collect();
                escaped.join("|")
            }
        }
    }

    /// Its parts; an error for what can't be read.
    pub(crate) fn parse(&self) -> Result<Hir, Error> {
        if let Source::Literals(texts) = &self.source
            && (texts.is_empty() || texts.iter().any(String::is_empty))
        {
            let hint = "a text that is looked for has one character at least";
            return Err(Error::config("a pattern has no text").with_hint(hint));
        }
        let mut parser = regex_syntax::ParserBuilder::new();
        let mut parser = parser.utf8(false).case_insensitive(self.ignores_case).build();
        let expression = self.expression();
        parser.parse(&expression).map_err(|error| refused(&expression, &error.to_string()))
    }
}

/// The error for an expression; `why` is shortened to its last line, which says what is wrong.
pub(crate) fn refused(expression: &str, why: &str) -> Error {
    let why = why.lines().last().unwrap_or_default();
    let why = why.strip_prefix("error: ").unwrap_or(why);
    Error::config(format!("cannot use the pattern `{expression}`: {why}"))
}
