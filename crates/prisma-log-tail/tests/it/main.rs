//! Following real files.
#![expect(clippy::print_stdout, reason = "these tests print the figures that they check")]

mod follow;
mod limits;
mod model;
mod support;
