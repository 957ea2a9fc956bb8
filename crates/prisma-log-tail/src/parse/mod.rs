//! Lines back into records: one module per family of forms.

mod access;
mod elements;
mod flat;
mod json;
mod keys;
mod level;
mod logfmt;
mod parser;
mod quoted;
mod scan;
mod servers;
mod shape;
mod stamp;
mod syslog;
mod text;
mod time;
mod view;
mod wrap;
mod zone;

pub use parser::{LineParser, LineParserBuilder};
pub use view::LineView;
