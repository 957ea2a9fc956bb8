//! The console sink into captured writers and into real pipes.

mod contract;
mod limit;
mod pipe;
mod stalls;
mod text;
mod writer;
