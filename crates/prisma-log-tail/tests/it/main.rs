//! Following real files, and reading real lines.
#![expect(clippy::print_stdout, reason = "these tests print the figures that they check")]

#[cfg(all(feature = "gzip", feature = "zstd"))]
mod archives;
mod blocks;
mod corpus;
mod cut;
mod follow;
mod hostile;
mod limits;
mod model;
#[cfg(all(feature = "gzip", feature = "zstd"))]
mod order;
mod parse;
mod records;
mod streams;
mod support;
mod view;
