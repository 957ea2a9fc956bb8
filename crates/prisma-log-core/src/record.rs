//! The borrowed view of one record.

use crate::{ContextData, Fields, Level, Timestamp};

/// Where in the source a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// Source file, as the compiler names it.
    pub file: &'static str,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// Function; empty when unknown.
    pub function: &'static str,
    /// Module path; empty when unknown.
    pub module: &'static str,
}

impl Site {
    /// Nothing is known about the call site.
    pub const UNKNOWN: Site = Site { file: "", line: 0, column: 0, function: "", module: "" };

    /// A call site by file, line and module.
    pub const fn new(file: &'static str, line: u32, module: &'static str) -> Self {
        Site { file, line, column: 0, function: "", module }
    }
}

/// One log record, borrowed: what encoders encode and sinks write.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// When the call was made.
    pub timestamp: Timestamp,
    /// How severe it is.
    pub level: Level,
    /// The logger's name, such as `shop.orders`.
    pub logger: &'a str,
    /// The message, formatted.
    pub message: &'a str,
    /// The record's own fields as written in the call, then the logger's, innermost first.
    pub fields: &'a Fields,
    /// Trace and request context.
    pub context: &'a ContextData,
    /// The call site.
    pub site: Site,
    /// slog's tag; empty when there is none.
    pub tag: &'a str,
    /// Number of the record within its process and logging set-up, from 1, counting those that any
    /// sink takes. A sink with a stricter filter than another sees gaps, and records of different
    /// threads may be written in another order.
    pub sequence: u64,
}

static NO_FIELDS: Fields = Fields::new();
static NO_CONTEXT: ContextData = ContextData::EMPTY;

impl<'a> Record<'a> {
    /// A record with no fields, context or call site and sequence number 0; set what is known
    /// through the public fields.
    pub fn new(timestamp: Timestamp, level: Level, logger: &'a str, message: &'a str) -> Self {
        Record {
            timestamp,
            level,
            logger,
            message,
            fields: &NO_FIELDS,
            context: &NO_CONTEXT,
            site: Site::UNKNOWN,
            tag: "",
            sequence: 0,
        }
    }
}
