//! What a line was read as, for people.

use std::fmt::Write as _;

use prisma_log_tail::{LineFormat, LogLine};

use super::style::{self, FAINT, STRONG};
use super::text;

const MOST: usize = 1024;

/// The line, and everything that the parser found in it.
pub(crate) fn reading(raw: &[u8], line: &LogLine) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        let _infallible = writeln!(out, "{FAINT}{name:>8}{FAINT:#}  {value}");
    };
    row("line", &text::shown(&String::from_utf8_lossy(raw), MOST));
    row("read as", form(line.format));
    match line.timestamp {
        Some(time) => row("time", &time.to_string()),
        None => row("time", "none, so that of the line before it counts"),
    }
    if let Some(level) = line.level {
        let style = style::level(level);
        row("level", &format!("{style}{level}{style:#}"));
    }
    if let Some(logger) = &line.logger {
        row("logger", &text::shown(logger, MOST));
    }
    row("message", &text::shown(&line.message, MOST));
    if let Some(id) = line.trace_id {
        row("trace_id", &id.to_string());
    }
    if let Some(id) = line.span_id {
        row("span_id", &id.to_string());
    }
    for (key, value) in line.fields.iter() {
        let value = text::shown(&value.to_string(), MOST);
        row("field", &format!("{STRONG}{}{STRONG:#} = {value}", text::shown(key, MOST)));
    }
    out
}

fn form(form: LineFormat) -> &'static str {
    match form {
        LineFormat::Plain => "a line of no known form: all of it is the message",
        LineFormat::Json => "a JSON object",
        LineFormat::Syslog5424 => "syslog, RFC 5424",
        LineFormat::Syslog => "syslog",
        LineFormat::Access => "an access log",
        LineFormat::Prefixed => "text with a time, a level or both in front, or logfmt",
        _ => "another form",
    }
}
