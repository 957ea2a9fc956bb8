//! The console sink into captured writers and into real pipes.
#![expect(clippy::print_stdout, reason = "tests print the figures they found")]

mod contract;
mod pipe;
mod text;
mod writer;
