//! Pattern sets against the `regex` crate, line by line, and what nominates a line.

mod nominated;
mod random;
mod same_as_regex;
