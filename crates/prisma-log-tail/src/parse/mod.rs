//! Lines back into records: one module per family of forms.

mod access;
mod elements;
mod json;
mod level;
mod logfmt;
mod parser;
mod scan;
mod servers;
mod stamp;
mod syslog;
mod text;
mod time;
mod wrap;
mod zone;

pub use parser::{LineParser, LineParserBuilder};
