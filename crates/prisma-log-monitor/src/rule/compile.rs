//! Patterns of a rule, compiled within limits.

use std::fmt::Display;

use prisma_log_core::Error;
use prisma_log_match::Expression;

const MAX_PATTERN: usize = 16 * 1024;
/// What one compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 4 << 20;

/// Compiles the patterns of one rule; its name goes into errors.
pub(super) struct Compiler<'a> {
    pub(super) rule: &'a str,
}

impl Compiler<'_> {
    pub(super) fn error(&self, what: impl Display) -> Error {
        Error::config(format!("rule `{}`: {what}", self.rule.escape_debug()))
    }

    pub(super) fn pattern(&self, what: &str, pattern: &str) -> Result<Expression, Error> {
        if pattern.is_empty() {
            return Err(self.error(format_args!("the pattern of {what} is empty")));
        }
        if pattern.len() > MAX_PATTERN {
            let bytes = pattern.len();
            return Err(self.error(format_args!(
                "the pattern of {what} has {bytes} bytes, above {MAX_PATTERN}"
            )));
        }
        Expression::new(pattern, MAX_COMPILED).map_err(|error| {
            self.error(format_args!("invalid pattern of {what}: {}", error.message()))
        })
    }

    pub(super) fn texts(&self, texts: &[String]) -> Result<Expression, Error> {
        Expression::any_of(texts, MAX_COMPILED).map_err(|error| {
            self.error(format_args!("invalid texts of contains: {}", error.message()))
        })
    }
}
