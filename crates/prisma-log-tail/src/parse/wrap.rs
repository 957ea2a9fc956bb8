//! Lines inside other lines: what containers, Docker's files and syslog put around them.

use super::json::{self, Json};
use super::parser::{LineParser, MAX_DEPTH, plain};
use super::text::{blank, push, split, word};
use super::{elements, level, logfmt, time};
use crate::LogLine;

impl LineParser {
    pub(super) fn json(&mut self, s: &[u8]) -> Option<LogLine> {
        let line = json::read(blank(s), &mut self.flat)?;
        let mut out = Json::new(line, &self.flat, &mut self.zone).to_line();
        self.docker_file(&mut out);
        Some(out)
    }

    /// Docker's files hold a program's line as `{"log":"…\n","stream":"stdout","time":"…"}`.
    fn docker_file(&mut self, out: &mut LogLine) {
        let is_docker = out.fields.len() == 1
            && out.fields.get("stream").is_some()
            && out.timestamp.is_some()
            && out.logger.is_none();
        if !is_docker {
            return;
        }
        let message = std::mem::take(&mut out.message);
        let inner = message.trim_end();
        match self.line(inner.as_bytes(), MAX_DEPTH) {
            None => *out = LogLine { message: inner.to_owned(), ..std::mem::take(out) },
            Some(mut line) => {
                line.timestamp = line.timestamp.or(out.timestamp);
                for (key, value) in out.fields.iter() {
                    line.fields.push(key, value);
                }
                *out = line;
            }
        }
    }

    /// `container  | line`, as `docker compose logs` writes.
    pub(super) fn compose(&mut self, s: &[u8], depth: usize) -> Option<LogLine> {
        let (name, rest) = word(s);
        let inner = rest.strip_prefix(b"|")?;
        // Names are padded to at least two spaces; tables mostly are not.
        let is_container = s[name.len()..].starts_with(b"  ")
            && name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b));
        if !is_container || depth >= MAX_DEPTH || level::word(name).is_some() {
            return None;
        }
        let inner = inner.strip_prefix(b" ").unwrap_or(inner);
        let mut out = self.line(inner, depth + 1).unwrap_or_else(|| plain(inner));
        push(&mut out.fields, "container.name", name);
        Some(out)
    }

    /// ` stdout F line`, as Kubernetes' container runtimes write behind the time.
    pub(super) fn container_runtime(&mut self, rest: &[u8], depth: usize) -> Option<LogLine> {
        let rest = rest.strip_prefix(b" ")?;
        let (stream, rest) = split(rest, b' ')?;
        if !matches!(stream, b"stdout" | b"stderr") {
            return None;
        }
        let inner = match rest {
            [b'F' | b'P', b' ', inner @ ..] => inner,
            _ => rest,
        };
        if depth >= MAX_DEPTH {
            return None;
        }
        let mut out = self.line(inner, depth + 1).unwrap_or_else(|| plain(inner));
        push(&mut out.fields, "log.iostream", stream);
        Some(out)
    }

    /// What a program gave to syslog may be a line in a form of its own.
    pub(super) fn inside_syslog(&mut self, mut out: LogLine) -> LogLine {
        let message = std::mem::take(&mut out.message);
        let bytes = message.as_bytes();
        let start = message.strip_prefix("@cee:").unwrap_or(&message).trim_start();
        let inner = match start.as_bytes() {
            [b'{', ..] => self.json(start.as_bytes()),
            [b't' | b'l' | b'm', ..] => logfmt::parse(bytes, &mut self.zone),
            _ => None,
        };
        if let Some(mut inner) = inner {
            for (key, value) in out.fields.iter() {
                inner.fields.push(key, value);
            }
            inner.timestamp = inner.timestamp.or(out.timestamp);
            inner.level = inner.level.or(out.level);
            inner.logger = inner.logger.or(out.logger);
            inner.trace_id = inner.trace_id.or(out.trace_id);
            inner.span_id = inner.span_id.or(out.span_id);
            return inner;
        }
        if out.level.is_none()
            && let Some((_, len)) = time::prefix(bytes)
        {
            let mut inner = LogLine::default();
            elements::read(&bytes[len..], false, &mut inner);
            out.level = inner.level;
        }
        if out.level.is_none() {
            out.level = level::near_start(bytes);
        }
        out.message = message;
        out
    }
}
