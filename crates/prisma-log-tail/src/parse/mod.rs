//! Lines back into records.

mod parser;

pub use parser::{LineParser, LineParserBuilder};
