//! Console sink: colour for people, one JSON line per record for containers.
#![forbid(unsafe_code)]

mod builder;
mod color;
mod line;
mod sink;
mod stream;

pub use builder::ConsoleSinkBuilder;
pub use color::Color;
pub use sink::ConsoleSink;
pub use stream::Stream;
