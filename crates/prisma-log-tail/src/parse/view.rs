//! A line that is read as far as someone asks.

use std::cell::{Cell, OnceCell};
use std::fmt;

use prisma_log_core::{Level, SpanId, Timestamp, TraceId, Value};

use super::LineParser;
use super::json::{self, Json};
use super::text;
use crate::{LineFormat, LogLine};

/// A line that is read as far as its readers ask, with the answers of [`LineParser::parse`].
///
/// What was found is remembered: each question costs once.
///
/// # Cost
/// A line that is a JSON object is gone through once when the view is made, to know that it is one
/// and where its members stand: 0.5 to 1 ns per byte. Time, level, logger, message, trace and fields
/// are then read from the bytes, without an allocation. A line of any other form is parsed in full
/// at the first question, and costs nothing before.
///
/// The memory of a view is that of its parser, used again for the next line: less than the line's
/// length, but for lines made to be large up to 60 times of it (one empty key after the other, in a
/// nested object with a long key).
///
/// # Examples
/// ```
/// use prisma_log_core::{Level, Value};
/// use prisma_log_tail::LineParser;
///
/// let mut parser = LineParser::new();
/// let line = br#"{"ts":1795507200,"level":"error","msg":"slow","user":{"id":7},"ms":812}"#;
/// let view = parser.view(line);
/// assert_eq!(view.level(), Some(Level::Error));
/// assert_eq!(view.field("user.id"), Some(Value::U64(7)));
/// assert_eq!(view.field("level"), None);
/// ```
pub struct LineView<'a>(Form<'a>);

enum Form<'a> {
    Json(Json<'a>),
    Other(Other<'a>),
}

/// A line that is parsed as a whole when it is first needed.
struct Other<'a> {
    bytes: &'a [u8],
    /// Until then.
    parser: Cell<Option<&'a mut LineParser>>,
    line: OnceCell<LogLine>,
}

impl Other<'_> {
    fn line(&self) -> &LogLine {
        self.line.get_or_init(|| {
            let line = self.parser.take().map(|parser| parser.parse(self.bytes));
            line.unwrap_or_default()
        })
    }
}

impl LineParser {
    /// A view of one line without its line end, for readers that need a part of it; the parser is
    /// free for the next line when the view is gone.
    pub fn view<'a>(&'a mut self, bytes: &'a [u8]) -> LineView<'a> {
        let start = text::without_mark(bytes.trim_ascii_end());
        match json::read(text::blank(start), &mut self.flat) {
            Some(line) if !json::may_hold_another(&self.flat) => {
                LineView(Form::Json(Json::new(line, &self.flat, &mut self.zone)))
            }
            _ => {
                let parser = Cell::new(Some(self));
                LineView(Form::Other(Other { bytes, parser, line: OnceCell::new() }))
            }
        }
    }
}

impl LineView<'_> {
    /// The time that the line itself states.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match &self.0 {
            Form::Json(json) => json.timestamp(),
            Form::Other(other) => other.line().timestamp,
        }
    }

    /// The level that the line itself states.
    pub fn level(&self) -> Option<Level> {
        match &self.0 {
            Form::Json(json) => json.level(),
            Form::Other(other) => other.line().level,
        }
    }

    /// Logger, program or module name.
    pub fn logger(&self) -> Option<&str> {
        match &self.0 {
            Form::Json(json) => json.logger(),
            Form::Other(other) => other.line().logger.as_deref(),
        }
    }

    /// The message without the prefix that was understood; empty if a JSON object has none.
    pub fn message(&self) -> &str {
        match &self.0 {
            Form::Json(json) => json.message(),
            Form::Other(other) => &other.line().message,
        }
    }

    /// The trace that the record belongs to.
    pub fn trace_id(&self) -> Option<TraceId> {
        match &self.0 {
            Form::Json(json) => json.trace_id(),
            Form::Other(other) => other.line().trace_id,
        }
    }

    /// The span that the record was written in.
    pub fn span_id(&self) -> Option<SpanId> {
        match &self.0 {
            Form::Json(json) => json.span_id(),
            Form::Other(other) => other.line().span_id,
        }
    }

    /// The first of [`LogLine::fields`] with this key; members of nested objects have dotted keys
    /// (`user.id`).
    pub fn field(&self, key: &str) -> Option<Value<'_>> {
        match &self.0 {
            Form::Json(json) => json.field(key),
            Form::Other(other) => other.line().fields.get(key),
        }
    }

    /// How the line was understood.
    pub fn format(&self) -> LineFormat {
        match &self.0 {
            Form::Json(_) => LineFormat::Json,
            Form::Other(other) => other.line().format,
        }
    }

    /// All of the line, as [`LineParser::parse`] reads it.
    pub fn to_line(&self) -> LogLine {
        match &self.0 {
            Form::Json(json) => json.to_line(),
            Form::Other(other) => other.line().clone(),
        }
    }
}

impl fmt::Debug for LineView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LineView").field(&self.to_line()).finish()
    }
}
