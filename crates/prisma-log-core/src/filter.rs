//! Which records go on, by logger name and level.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Level};

/// Level directives per logger name, such as `info,shop.orders=debug,hyper=off`.
///
/// The directive with the longest matching name wins, whatever the order. A name matches the
/// logger of that name and everything below it: `shop` matches `shop`, `shop.orders` and
/// `shop::orders`, not `shopping`. A directive without a name sets the level of all other loggers;
/// a name without a level lets everything of it pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    default: Threshold,
    /// Longest name first.
    directives: Vec<(String, Threshold)>,
}

/// `None` is "off".
type Threshold = Option<Level>;

impl Filter {
    /// Lets records of `level` and above pass.
    pub fn at_least(level: Level) -> Self {
        Filter { default: Some(level), directives: Vec::new() }
    }

    /// Lets nothing pass.
    pub fn off() -> Self {
        Filter { default: None, directives: Vec::new() }
    }

    /// Adds or replaces the directive for `logger`; `None` turns it off.
    #[must_use]
    pub fn directive(mut self, logger: impl Into<String>, level: Option<Level>) -> Self {
        let logger = logger.into();
        self.directives.retain(|(name, _)| *name != logger);
        self.directives.push((logger, level));
        self.directives.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        self
    }

    /// Reads comma-separated directives leniently, on top of this filter: what can't be read is
    /// returned as errors and the rest holds, as `RUST_LOG` users expect.
    #[must_use]
    pub fn with_directives(mut self, text: &str) -> (Self, Vec<Error>) {
        let mut errors = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match parse_directive(part) {
                Ok((None, level)) => self.default = level,
                Ok((Some(name), level)) => self = self.directive(name, level),
                Err(error) => errors.push(error),
            }
        }
        (self, errors)
    }

    /// The least severe level that passes for `logger`; `None` when nothing does.
    pub fn level_for(&self, logger: &str) -> Option<Level> {
        let found = self.directives.iter().find(|(name, _)| covers(name, logger));
        found.map_or(self.default, |&(_, level)| level)
    }

    /// Whether a record of this logger and level passes.
    pub fn passes(&self, logger: &str, level: Level) -> bool {
        self.level_for(logger).is_some_and(|least| level >= least)
    }

    /// Whether any logger is treated differently from the others.
    pub fn has_directives(&self) -> bool {
        !self.directives.is_empty()
    }

    /// The least severe level that passes for any logger; `None` when nothing ever does.
    pub fn least_level(&self) -> Option<Level> {
        self.directives.iter().map(|&(_, level)| level).chain([self.default]).flatten().min()
    }
}

impl Default for Filter {
    /// Everything passes.
    fn default() -> Self {
        Filter::at_least(Level::Trace)
    }
}

fn covers(name: &str, logger: &str) -> bool {
    logger
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with("::"))
}

fn parse_directive(part: &str) -> Result<(Option<&str>, Threshold), Error> {
    match part.split_once('=') {
        Some((name, level)) if !name.trim().is_empty() => {
            Ok((Some(name.trim()), parse_threshold(level.trim())?))
        }
        Some(_) => Err(Error::config(format!("directive {part:?} has no logger name before `=`"))),
        None => match parse_threshold(part) {
            Ok(level) => Ok((None, level)),
            // A bare word that is no level names a logger, as in RUST_LOG.
            Err(_) => Ok((Some(part), Some(Level::Trace))),
        },
    }
}

fn parse_threshold(text: &str) -> Result<Threshold, Error> {
    if text.eq_ignore_ascii_case("off") { Ok(None) } else { text.parse().map(Some) }
}

impl FromStr for Filter {
    type Err = Error;

    /// Reads directives strictly.
    ///
    /// # Errors
    /// On the first directive that can't be read.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (filter, errors) = Filter::at_least(Level::Info).with_directives(text);
        errors.into_iter().next().map_or(Ok(filter), Err)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |level: &Threshold| level.map_or("off".into(), |l| l.as_str().to_lowercase());
        f.write_str(&word(&self.default))?;
        for (name, level) in &self.directives {
            write!(f, ",{name}={}", word(level))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_name_wins() {
        let filter: Filter = "warn,shop=info,shop.orders=debug,hyper=off,lonely".parse().unwrap();
        let check = |logger, expect| assert_eq!(filter.level_for(logger), expect, "{logger}");
        check("other", Some(Level::Warning));
        check("shop", Some(Level::Info));
        check("shop::cart", Some(Level::Info));
        check("shopping", Some(Level::Warning));
        check("shop.orders.db", Some(Level::Debug));
        check("hyper::client", None);
        check("lonely.x", Some(Level::Trace));
        assert_eq!(filter.least_level(), Some(Level::Trace));
        assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }

    #[test]
    fn a_bad_directive_is_reported_and_the_rest_holds() {
        let (filter, errors) =
            Filter::at_least(Level::Info).with_directives("a=loud,b=error,=info");
        assert_eq!(errors.len(), 2);
        assert_eq!(filter.level_for("b"), Some(Level::Error));
        assert_eq!(filter.level_for("a"), Some(Level::Info));
        assert!("a=loud".parse::<Filter>().is_err());
    }
}
