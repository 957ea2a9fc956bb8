//! The ways to find literals, each for those that it is good at.

use std::ops::Range;

use crate::short::{ShortSieve, Triple};
use crate::sieve::{Found, Needle, Sieve, Table, is_short};

/// A way to find some of the literals.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Sampled(Sieve),
    Short(ShortSieve),
}

/// What a way looks for, without some of the patterns.
pub(crate) enum Thinner {
    Sampled(Table),
    Short(Vec<Triple>),
}

/// Ways to find all these literals, each at least three bytes long: one for long ones, one for
/// short ones, as needed.
pub(crate) fn ways(needles: Vec<Needle>) -> Vec<Way> {
    let (short, long): (Vec<_>, Vec<_>) = needles.into_iter().partition(is_short);
    let mut ways = Vec::new();
    if !long.is_empty() {
        ways.push(Way::Sampled(Sieve::new(long)));
    }
    if !short.is_empty() {
        let sampled = |short| Way::Sampled(Sieve::new(short));
        ways.push(ShortSieve::new(short).map_or_else(sampled, Way::Short));
    }
    ways
}

impl Way {
    /// As [`Sieve::find`].
    pub(crate) fn find(
        &self,
        thinner: Option<&Thinner>,
        text: &[u8],
        part: Range<usize>,
        found: &mut Vec<Found>,
    ) -> usize {
        match (self, thinner) {
            (Way::Sampled(sieve), Some(Thinner::Sampled(table))) => {
                sieve.find(Some(table), text, part, found)
            }
            (Way::Short(sieve), Some(Thinner::Short(triples))) => {
                sieve.find(Some(triples), text, part, found)
            }
            (Way::Sampled(sieve), _) => sieve.find(None, text, part, found),
            (Way::Short(sieve), _) => sieve.find(None, text, part, found),
        }
    }

    /// What it looks for, without patterns that are not wanted.
    pub(crate) fn thinner(&self, is_wanted: impl Fn(u32) -> bool) -> Thinner {
        match self {
            Way::Sampled(sieve) => Thinner::Sampled(sieve.table_of(is_wanted)),
            Way::Short(sieve) => Thinner::Short(sieve.triples_of(is_wanted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::Literal;

    #[test]
    fn literals_are_grouped_by_length() {
        let check = |texts: &[&str], expect: &[&str]| {
            let needle =
                |text: &&str| Needle { literal: Literal::exact(text.as_bytes()), pattern: 0 };
            let ways = ways(texts.iter().map(needle).collect());
            let names = ways.iter().map(|way| match way {
                Way::Sampled(_) => "sampled",
                Way::Short(_) => "short",
            });
            assert_eq!(names.collect::<Vec<_>>(), expect, "{texts:?}");
        };
        check(&[], &[]);
        check(&["connection refused", "deadlock"], &["sampled"]);
        check(&["oom"], &["short"]);
        check(&["oom", "deadlock"], &["sampled", "short"]);
        let many: Vec<String> = (100..200).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(&many, &["sampled"]);
    }
}
