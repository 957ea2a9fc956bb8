//! Traces out of log files: reading their spans and records, and putting them in their places.

mod model;
mod query;
mod quick;
mod read;
mod scan;
mod slowest;
mod tree;

pub(crate) use model::{Content, Entry, Trace};
pub(crate) use query::{Hits, Query};
pub(crate) use read::{Reader, Seen};
pub(crate) use scan::{Scanned, scan};
pub(crate) use slowest::Slowest;
pub(crate) use tree::{Item, Row, Tree};
