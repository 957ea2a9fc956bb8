//! Finds which lines of a block of text hold which of many patterns, in one pass.
//!
//! A [`PatternSet`] searches a block, which is many lines, as a whole: it looks for literals that
//! the patterns can't match without, and for a line's ends only around what it found. Upper and
//! lower case cost the same. What was found is then matched with the pattern's own regular
//! expression, on that line alone, unless a literal is all of the pattern.
//!
//! ```
//! use prisma_log_match::{Pattern, PatternSet, Scratch};
//!
//! let set = PatternSet::builder()
//!     .pattern(Pattern::regex(r"(?i)connection (?:refused|reset) by \w+"))
//!     .pattern(Pattern::literals(["out of memory", "oom-killer"]).ignore_case(true))
//!     .build()?;
//! let block = b"all is well\nConnection refused by db-1\nOut of memory: oom-killer\n";
//! let mut seen = Vec::new();
//! set.scan(block, &mut Scratch::new(), &mut |hit| {
//!     let line = String::from_utf8_lossy(&block[hit.line]).into_owned();
//!     seen.push((line, hit.patterns.to_vec()));
//! });
//! assert_eq!(seen, [
//!     ("Connection refused by db-1".to_owned(), vec![0]),
//!     ("Out of memory: oom-killer".to_owned(), vec![1]),
//! ]);
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! # Cost
//!
//! Patterns whose literals have eleven bytes or more are looked for by one sample in eight bytes,
//! from seven bytes on by one in four; how many there are matters little. A few shorter ones, of
//! three bytes at least, double the cost; many of them cost several times as much. Patterns
//! without such a literal ([`PatternSet::unfiltered`]) are matched on every line by one automaton,
//! which costs ten to twenty times as much, one pattern or many.
//!
//! # Bounds
//!
//! No pattern and no line can hold up the caller: what the patterns of one line cost together is
//! bounded at about ten milliseconds, and of a long line, regular expressions see a part
//! ([`PatternSet::scan`]). What is given up is counted ([`Scratch::undecided`]). The first 32 MiB of
//! regular expressions are compiled when the set is built, others when they are first needed.
#![forbid(unsafe_code)]

mod background;
mod expression;
mod extract;
mod finder;
mod hidden;
mod judge;
mod lines;
mod literal;
mod machine;
mod pattern;
mod scan;
mod scratch;
mod set;
mod short;
mod sieve;
mod sieves;

pub use expression::Expression;
pub use pattern::Pattern;
pub use scratch::{Hit, Scratch};
pub use set::{PatternSet, PatternSetBuilder};
