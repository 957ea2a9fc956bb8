//! Which trace is asked for.

use memchr::memmem::Finder;
use prisma_log_core::{Error, TraceId};

/// Digits of an id that are needed at least: fewer fit too much by chance.
const LEAST_DIGITS: usize = 8;
const ALL_DIGITS: usize = 32;
/// Ids that are told at most when several fit.
const MOST_TOLD: usize = 10;

/// A trace id, or how one begins.
#[derive(Debug)]
pub(crate) struct Query {
    digits: String,
    lower: Finder<'static>,
    upper: Finder<'static>,
}

impl Query {
    /// # Errors
    /// When the text is not 8 to 32 hex digits.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex || !(LEAST_DIGITS..=ALL_DIGITS).contains(&text.len()) {
            let shown = crate::present::text::shown(text, 80);
            return Err(Error::config(format!(
                "`{shown}` is no trace id: expected {ALL_DIGITS} hex digits, or the first \
                 {LEAST_DIGITS} and more"
            )));
        }
        let digits = text.to_ascii_lowercase();
        let lower = Finder::new(&digits).into_owned();
        let upper = Finder::new(&digits.to_ascii_uppercase()).into_owned();
        Ok(Query { digits, lower, upper })
    }

    /// Whether the digits stand in a line at all: cheaper than to understand it.
    pub(crate) fn may_be_in(&self, line: &[u8]) -> bool {
        self.lower.find(line).is_some()
            || self.upper.needle() != self.lower.needle() && self.upper.find(line).is_some()
    }

    /// Whether this is a trace that was asked for.
    pub(crate) fn fits(&self, id: TraceId) -> bool {
        id.hex().starts_with(self.digits.as_bytes())
    }

    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }
}

/// The traces that were found to fit.
#[derive(Debug, Default)]
pub(crate) struct Hits(Vec<TraceId>);

impl Hits {
    /// Takes note of a trace that fits; whether it is the only one so far.
    pub(crate) fn note(&mut self, id: TraceId) -> bool {
        if !self.0.contains(&id) && self.0.len() <= MOST_TOLD {
            self.0.push(id);
        }
        self.0.len() <= 1
    }

    /// Whether there are more than are told anyway.
    pub(crate) fn is_enough(&self) -> bool {
        self.0.len() > MOST_TOLD
    }

    /// The one trace that fits; `None` when none does.
    ///
    /// # Errors
    /// When several do.
    pub(crate) fn only(&self, query: &Query) -> Result<Option<TraceId>, Error> {
        if self.0.len() <= 1 {
            return Ok(self.0.first().copied());
        }
        let told: Vec<_> = self.0.iter().take(MOST_TOLD).map(ToString::to_string).collect();
        let more = if self.is_enough() { ", and more" } else { "" };
        let (digits, told) = (query.digits(), told.join(", "));
        Err(Error::config(format!("several traces begin with {digits}: {told}{more}"))
            .with_hint("give more digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_how_they_begin() {
        let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let fits = |text: &str| Query::parse(text).unwrap().fits(id);
        assert!(fits("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(fits("4BF92F35"));
        assert!(!fits("4bf92f36"));
        for text in
            ["", "4bf92f3", "4bf92f3g", "-4bf92f35", &"a".repeat(33), "ééééé", "\x1b[2J1234"]
        {
            let error = Query::parse(text).unwrap_err().to_string();
            assert!(error.contains("8 and more") && !error.contains('\x1b'), "{error}");
        }
        let query = Query::parse("4bf92f35").unwrap();
        assert!(query.may_be_in(b"x 4bf92f3577 y") && query.may_be_in(b"4BF92F35"));
        assert!(!query.may_be_in(b"4bf92f 35"));
    }

    #[test]
    fn several_that_fit_are_an_error() {
        let query = Query::parse("00000000").unwrap();
        let mut hits = Hits::default();
        assert_eq!(hits.only(&query).unwrap(), None);
        let id = |number| TraceId::new(number).unwrap();
        assert!(hits.note(id(1)) && hits.note(id(1)));
        assert_eq!(hits.only(&query).unwrap(), Some(id(1)));
        assert!(!hits.note(id(2)));
        let told = hits.only(&query).unwrap_err().to_string();
        assert!(told.contains(&id(1).to_string()) && told.contains(&id(2).to_string()), "{told}");
        for number in 3..99 {
            hits.note(id(number));
        }
        assert!(hits.is_enough());
        let told = hits.only(&query).unwrap_err().to_string();
        assert!(told.contains("and more") && told.len() < 500, "{told}");
    }
}
