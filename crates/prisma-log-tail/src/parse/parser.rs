//! The parser: settings, and which form is tried when.

use std::fmt;
use std::sync::Arc;

use prisma_log_core::{Clock, Error, ManualClock, SystemClock, Timestamp};

use super::flat::Flat;
use super::text::{self, blank, bracketed, is_name, owned, split};
use super::time::{self, Stated};
use super::zone::Zone;
use super::{access, elements, level, logfmt, servers, syslog};
use crate::{LineFormat, LogLine};

/// Containers' prefixes around a line at most.
pub(super) const MAX_DEPTH: usize = 3;
/// How far from a line's start a time is looked for.
const SEARCH: usize = 120;

/// Settings of a [`LineParser`].
#[must_use]
pub struct LineParserBuilder {
    time_zone: Option<String>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for LineParserBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("LineParserBuilder");
        debug.field("time_zone", &self.time_zone).finish_non_exhaustive()
    }
}

impl LineParserBuilder {
    /// The zone of times that state none, by IANA name such as `Europe/Berlin`; the default is the
    /// system's zone.
    pub fn time_zone(mut self, iana: impl Into<String>) -> Self {
        self.time_zone = Some(iana.into());
        self
    }

    /// A fixed "now", from which missing years are guessed: for logs that were written then.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.clock = Arc::new(ManualClock::new(now));
        self
    }

    /// Where "now" comes from; the default is the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the parser.
    ///
    /// # Errors
    /// When the time zone is unknown.
    pub fn build(self) -> Result<LineParser, Error> {
        let zone = Zone::new(self.time_zone.as_deref(), self.clock)?;
        Ok(LineParser { zone, flat: Flat::default() })
    }
}

/// Turns lines back into records.
///
/// # Forms
/// - JSON objects, also behind a container's or syslog's prefix: by their usual keys for time,
///   level, message, logger and trace; all other members become fields, in order and with their
///   types.
/// - Syslog: RFC 5424 and RFC 3164 with `<PRI>`, and daemons' files with traditional or RFC 3339
///   time.
/// - Access logs in common and combined form; status 5xx is an error, 4xx a warning.
/// - Error logs of nginx, Apache, MySQL, MariaDB, PostgreSQL and Redis.
/// - Lines of log4j, Logback, Spring, Python, glog and klog, tracing, `env_logger`, zap, Laravel,
///   logfmt, and in general lines with a time in front and a level near it.
/// - Lines of `docker compose logs` and Kubernetes' container runtimes around any of these.
///
/// In all other lines only a level near the start is looked for: a word in capitals that stands
/// free, or any in brackets. Terminal colours are left out.
///
/// # Times
/// A time without an offset is one of the parser's zone; if it comes twice there, it is the first.
/// A time without a year is of the current year, or of the last one if it would be more than a day
/// in the future. A time of day alone is no time.
///
/// # Cost
/// About half a microsecond for a line of 150 bytes, and 0.8 µs for a JSON object of 400 bytes, on
/// one core. A [view](LineParser::view) that is asked for a part of a JSON object costs less.
pub struct LineParser {
    pub(super) zone: Zone,
    pub(super) flat: Flat,
}

impl fmt::Debug for LineParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineParser").finish_non_exhaustive()
    }
}

impl Default for LineParser {
    fn default() -> Self {
        LineParser::new()
    }
}

impl LineParser {
    /// A parser with the system's time zone and clock.
    pub fn new() -> Self {
        let zone = Zone::system(Arc::new(SystemClock));
        LineParser { zone, flat: Flat::default() }
    }

    /// Settings with their defaults.
    pub fn builder() -> LineParserBuilder {
        LineParserBuilder { time_zone: None, clock: Arc::new(SystemClock) }
    }

    /// Reads one line without its line end. Never fails: what is not understood is the message;
    /// bytes that are not UTF-8 become U+FFFD.
    pub fn parse(&mut self, bytes: &[u8]) -> LogLine {
        let bytes = bytes.trim_ascii_end();
        self.line(bytes, 0).unwrap_or_else(|| plain(&text::without_ansi(bytes)))
    }

    /// A line in one of the known forms.
    pub(super) fn line(&mut self, s: &[u8], depth: usize) -> Option<LogLine> {
        let s = text::without_mark(s);
        // Escapes in a JSON line are its content.
        if let Some(out) = self.json(s) {
            return Some(out);
        }
        let plain = text::without_ansi(s);
        let s = &*plain;
        let first = *s.first()?;
        if first == b'<' {
            let out = syslog::with_priority(s, &mut self.zone)?;
            return Some(self.inside_syslog(out));
        }
        if let Some(out) = self.compose(s, depth) {
            return Some(out);
        }
        if let Some(out) = access::parse(s, &mut self.zone) {
            return Some(out);
        }
        if let Some(out) = servers::glog(s, &mut self.zone) {
            return Some(out);
        }
        if let Some(out) = servers::redis(s, &mut self.zone) {
            return Some(out);
        }
        let open = usize::from(b"[\"'(".contains(&first));
        if let Some((stated, len)) = time::prefix(&s[open..])
            && let Some(timestamp) = stated.resolve(&mut self.zone)
        {
            let rest = &s[open + len..];
            let mut out = self.after_time(s, open, stated, rest, depth);
            out.timestamp = out.timestamp.or(Some(timestamp));
            return Some(out);
        }
        if let Some(out) = logfmt::parse(s, &mut self.zone) {
            return Some(out);
        }
        self.time_inside(s).or_else(|| level_first(s))
    }

    /// A line that starts with a time: `rest` follows it.
    fn after_time(
        &mut self,
        s: &[u8],
        open: usize,
        stated: Stated,
        rest: &[u8],
        depth: usize,
    ) -> LogLine {
        let mut out = LogLine { format: LineFormat::Prefixed, ..LogLine::default() };
        if open == 1 {
            let close = if s[0] == b'[' {
                b']'
            } else if s[0] == b'(' {
                b')'
            } else {
                s[0]
            };
            match split(rest, close) {
                Some((b"", rest)) => elements::read(rest, false, &mut out),
                Some((inside, message)) if close == b']' && inside.len() < SEARCH => {
                    elements::read_inside(inside, message, &mut out);
                }
                _ => elements::read(rest, false, &mut out),
            }
            return out;
        }
        if let Some(out) = self.container_runtime(rest, depth) {
            return out;
        }
        if servers::zap(rest, &mut self.flat, &mut out) {
            return out;
        }
        if s.get(4) == Some(&b'/') && servers::nginx(rest, &mut out) {
            return out;
        }
        // `Nov 24 08:00:00` is syslog's; an ISO time may be.
        let traditional = s[0].is_ascii_alphabetic()
            && matches!(stated, Stated::Civil(civil) if civil.year.is_none());
        let iso = s.get(10) == Some(&b'T');
        if (traditional || iso)
            && rest.first() == Some(&b' ')
            && let Some(out) = syslog::after_time(blank(rest), traditional)
        {
            return self.inside_syslog(out);
        }
        let message = blank(rest);
        if let Some(mut out) = self.json(message) {
            out.format = LineFormat::Json;
            return out;
        }
        // Microseconds and `Z`: tracing and the own text encoder, which name the logger always.
        let any_logger = iso && s.get(19) == Some(&b'.') && s.get(26) == Some(&b'Z');
        elements::read(rest, any_logger, &mut out);
        out
    }

    /// A line with a full date and time further in: behind a level, a name, an address, ….
    fn time_inside(&mut self, s: &[u8]) -> Option<LogLine> {
        let near = &s[..s.len().min(SEARCH)];
        let starts = (1..near.len()).filter(|&at| {
            let after_gap = b" \t[\":|(=".contains(&s[at - 1]);
            after_gap && starts_date(&s[at..])
        });
        for at in starts {
            let Some((stated, len)) = time::prefix(&s[at..]) else { continue };
            let Some(timestamp) = stated.resolve(&mut self.zone) else { continue };
            let mut out = LogLine { format: LineFormat::Prefixed, ..LogLine::default() };
            let before = &s[..at];
            let after = &s[at + len..];
            let after = after.strip_prefix(b"]").unwrap_or(after);
            let words = before.split(|&b| b == b' ').filter(|word| !word.is_empty());
            let is_simple = words.clone().count() <= 2
                && words.clone().all(|word| is_name(word) || bracketed(word, b'[', b']').is_some());
            let mut words = before.split(|b| !b.is_ascii_alphanumeric());
            out.level = words.find_map(level::capitals).or_else(|| level::near_start(before));
            if is_simple && !after.trim_ascii().is_empty() {
                elements::read(after, false, &mut out);
            } else {
                let mut inner = LogLine::default();
                elements::read(after, false, &mut inner);
                out.level = out.level.or(inner.level);
                out.message = owned(s);
            }
            out.timestamp = Some(timestamp);
            return Some(out);
        }
        None
    }
}

/// Whether `s` starts like a full date: cheap to ask at many places.
fn starts_date(s: &[u8]) -> bool {
    let digits = s.iter().take_while(|b| b.is_ascii_digit()).count();
    match digits {
        4 => {
            let sep = s.get(4).copied();
            matches!(sep, Some(b'-' | b'/')) && s.get(7).copied() == sep && s.len() >= 16
        }
        10 => s.get(10) == Some(&b'.') && s.get(11).is_some_and(u8::is_ascii_digit),
        2 => s.get(2) == Some(&b'/') && s.get(6) == Some(&b'/'),
        // `Jul  2 05:05:24`, `Sun Mar 13 22:49:12 2016`
        0 if s.len() >= 15 && s[3] == b' ' && s[6] == b' ' && s[9] == b':' => s[12] == b':',
        0 => s.len() >= 24 && s[3] == b' ' && s[7] == b' ' && s[13] == b':' && s[16] == b':',
        _ => false,
    }
}

/// Python's `LEVEL:logger:message`.
fn level_first(s: &[u8]) -> Option<LogLine> {
    let (name, rest) = split(s, b':')?;
    let level = level::capitals(name)?;
    let (logger, message) = split(rest, b':')?;
    let is_logger = is_name(logger) && !message.starts_with(b"//");
    is_logger.then(|| LogLine {
        level: Some(level),
        logger: Some(owned(logger)),
        message: owned(message),
        format: LineFormat::Prefixed,
        ..LogLine::default()
    })
}

pub(super) fn plain(s: &[u8]) -> LogLine {
    LogLine { level: level::near_start(s), message: owned(s), ..LogLine::default() }
}
