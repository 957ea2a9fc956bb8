//! Following real files, and reading real lines.
#![expect(clippy::print_stdout, reason = "these tests print the figures that they check")]

mod corpus;
mod cut;
mod follow;
mod limits;
mod model;
mod parse;
mod support;
