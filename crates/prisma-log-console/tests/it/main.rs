//! The console sink into captured writers and into real pipes.

mod contract;
mod pipe;
mod text;
mod writer;
