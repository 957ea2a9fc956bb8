//! What comes out of a file: raw lines, and lines read back into records.

use std::path::Path;

use prisma_log_core::{Fields, Level, SpanId, Timestamp, TraceId};

/// One complete line as it stands in a file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The followed path (not the rotated name that the bytes may have come from).
    pub source: &'a Path,
    /// The line without its line end (`\n` or `\r\n`).
    pub bytes: &'a [u8],
    /// Whether the line was longer than the limit and is cut here.
    pub cut: bool,
}

/// How a line was understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LineFormat {
    /// No known form: the whole line is the message.
    #[default]
    Plain,
    /// A JSON object.
    Json,
    /// RFC 5424 syslog.
    Syslog5424,
    /// RFC 3164 syslog, or a syslog daemon's file with traditional or RFC 3339 time.
    Syslog,
    /// A common or combined access log.
    Access,
    /// Another text form with a time, a level or both in front, or logfmt.
    Prefixed,
}

/// A line read back into a record.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LogLine {
    /// The time that the line itself states.
    pub timestamp: Option<Timestamp>,
    /// The level that the line itself states.
    pub level: Option<Level>,
    /// Logger, program or module name.
    pub logger: Option<String>,
    /// The message without the prefix that was understood.
    pub message: String,
    /// All other fields; nested JSON objects are flattened to dotted keys (`user.id`); arrays stay
    /// JSON, as do objects below a key of more than 128 bytes. Access logs use OpenTelemetry names
    /// (`client.address`, `http.request.method`, `url.path`, `http.response.status_code`,
    /// `user_agent.original`).
    pub fields: Fields,
    /// The trace that the record belongs to.
    pub trace_id: Option<TraceId>,
    /// The span that the record was written in.
    pub span_id: Option<SpanId>,
    /// How the line was understood.
    pub format: LineFormat,
}
