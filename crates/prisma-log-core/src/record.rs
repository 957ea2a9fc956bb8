//! The borrowed view of one record.

use std::num::NonZeroU32;

use crate::{ContextData, FieldsRef, Level, Timestamp};

/// Where in the source a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site<'a> {
    /// Source file, as the compiler names it.
    pub file: &'a str,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// Function; empty when unknown.
    pub function: &'a str,
    /// Module path; empty when unknown.
    pub module: &'a str,
}

impl<'a> Site<'a> {
    /// Nothing is known about the call site.
    pub const UNKNOWN: Site<'static> =
        Site { file: "", line: 0, column: 0, function: "", module: "" };

    /// A call site by file, line and module.
    pub const fn new(file: &'a str, line: u32, module: &'a str) -> Self {
        Site { file, line, column: 0, function: "", module }
    }
}

/// The number of what some records have in common: small and dense, from 1.
///
/// Within one sink, records of equal shape agree in level, logger, tag, call site and whether they
/// are [recovered](Record::recovered), in the keys of context entries and of fields with their
/// order, and, if [`Record::message_is_constant`], in the message. So an encoder may keep what it
/// made of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape(NonZeroU32);

impl Shape {
    /// The shape with this number; `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Shape(number)),
            None => None,
        }
    }

    /// The number less one, as the index into a table of shapes.
    #[inline]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
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
    /// Whether all records of this [shape](Record::shape) have this message.
    pub message_is_constant: bool,
    /// The record's own fields as written in the call, then the logger's, innermost first.
    pub fields: FieldsRef<'a>,
    /// Trace and request context.
    pub context: &'a ContextData,
    /// The call site.
    pub site: Site<'a>,
    /// slog's tag; empty when there is none.
    pub tag: &'a str,
    /// Number of the record within its process and logging set-up, from 1, counting those that any
    /// sink takes. A sink with a stricter filter than another sees gaps, and records of different
    /// threads may be written in another order.
    pub sequence: u64,
    /// What the record has in common with others of the same sink, if that is known.
    pub shape: Option<Shape>,
    /// Whether the process that made it died before it was written: it was found in the memory
    /// that the process left behind.
    pub recovered: bool,
    /// How many bytes were cut off because the record was larger than allowed; 0 when it is whole.
    pub truncated: u64,
}

static NO_CONTEXT: ContextData = ContextData::EMPTY;

impl<'a> Record<'a> {
    /// A record with no fields, context, call site or shape and sequence number 0; set what is
    /// known through the public fields.
    pub fn new(timestamp: Timestamp, level: Level, logger: &'a str, message: &'a str) -> Self {
        Record {
            timestamp,
            level,
            logger,
            message,
            message_is_constant: false,
            fields: FieldsRef::EMPTY,
            context: &NO_CONTEXT,
            site: Site::UNKNOWN,
            tag: "",
            sequence: 0,
            shape: None,
            recovered: false,
            truncated: 0,
        }
    }
}
