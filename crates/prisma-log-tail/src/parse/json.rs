//! JSON lines: which keys say when, how severe, who and what.

use prisma_log_core::{Level, SpanId, Timestamp, TraceId, Value};

use super::scan::{Flat, Scalar};
use super::zone::Zone;
use super::{level, time};
use crate::{LineFormat, LogLine};

/// Keys by role, the best first. Nested objects are flattened before.
const TIME: [&str; 32] = [
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "t",
    "t.$date",
    "datetime",
    "date",
    "asctime",
    "eventTime",
    "event_time",
    "@t",
    "Timestamp",
    "Time",
    "timeStamp",
    "timestamp_ms",
    "time_local",
    "time_iso8601",
    "log_time",
    "logtime",
    "timeUnixNano",
    "observedTimeUnixNano",
    "requestReceivedTimestamp",
    "created",
    "created_at",
    "started_at",
    "start_time",
    "EdgeStartTimestamp",
    "startTime",
    "published",
    "__REALTIME_TIMESTAMP",
    "_SOURCE_REALTIME_TIMESTAMP",
];
const LEVEL: [&str; 27] = [
    "level",
    "log.level",
    "severity",
    "lvl",
    "levelname",
    "level_name",
    "loglevel",
    "log_level",
    "logLevel",
    "severity_text",
    "severityText",
    "severity_number",
    "severityNumber",
    "SeverityText",
    "SeverityNumber",
    "PRIORITY",
    "@level",
    "@l",
    "Level",
    "LEVEL",
    "Severity",
    "s",
    "level.name",
    "@fields.lvl",
    "@fields.level",
    "fields.level",
    "syslog.severity",
];
const MESSAGE: [&str; 18] = [
    "message",
    "msg",
    "MESSAGE",
    "short_message",
    "body",
    "@message",
    "@m",
    "Message",
    "Msg",
    "fields.message",
    "@fields.msg",
    "@fields.message",
    "body.stringValue",
    "RenderedMessage",
    "log",
    "text",
    "event",
    "event_name",
];
const LOGGER: [&str; 14] = [
    "logger",
    "log.logger",
    "logger_name",
    "loggerName",
    "target",
    "@module",
    "SYSLOG_IDENTIFIER",
    "SourceContext",
    "scope.name",
    "channel",
    "module",
    "component",
    "name",
    "c",
];
const TRACE_ID: [&str; 6] =
    ["trace_id", "trace.id", "traceId", "traceID", "TraceId", "dd.trace_id"];
const SPAN_ID: [&str; 6] = ["span_id", "span.id", "spanId", "spanID", "SpanId", "dd.span_id"];

/// What this project's own JSON encoder starts every line with.
const OWN: [&str; 4] = ["timestamp", "level", "logger", "message"];

/// Reads the object that `line` starts with; nothing but space may follow it.
pub(super) fn parse(line: &str, flat: &mut Flat, zone: &mut Zone) -> Option<LogLine> {
    let end = flat.read(line)?;
    if !line.as_bytes()[end..].trim_ascii().is_empty() {
        return None;
    }
    let roles = Roles::own(flat, line, zone).unwrap_or_else(|| Roles::find(flat, line, zone));
    Some(roles.into_line(flat, line))
}

/// The entries that have a role, by index, and what they say.
#[derive(Default)]
struct Roles {
    time: Option<(Timestamp, usize)>,
    /// A second entry that the time is made of.
    time_nanos: Option<usize>,
    level: Option<(Level, usize)>,
    message: Option<usize>,
    logger: Option<usize>,
    trace_id: Option<(TraceId, usize)>,
    span_id: Option<(SpanId, usize)>,
}

/// The entry of the best rank among those that say something.
struct Best<T>(Option<(usize, T)>);

impl<T> Best<T> {
    fn offer(&mut self, names: &[&str], key: &str, say: impl FnOnce() -> Option<T>) {
        let Some(rank) = names.iter().position(|name| *name == key) else { return };
        if self.0.as_ref().is_none_or(|(best, _)| rank < *best)
            && let Some(said) = say()
        {
            self.0 = Some((rank, said));
        }
    }

    fn get(self) -> Option<T> {
        self.0.map(|(_, said)| said)
    }
}

impl Roles {
    /// The roles in a line of the own encoder, where no other key has one: a field that is called
    /// `traceId` or `severity` is a field.
    fn own(flat: &Flat, line: &str, zone: &mut Zone) -> Option<Roles> {
        let is_own = flat.entries.len() >= OWN.len()
            && OWN
                .iter()
                .enumerate()
                .all(|(index, key)| flat.key(index) == *key && flat.str(index).is_some());
        if !is_own {
            return None;
        }
        let time = time_of(flat, 0, line, zone)?;
        let level = level::named(flat.str(1)?.as_bytes())?;
        // The trace follows at once, if there is one.
        let at = |index: usize, key: &str| {
            let found = flat.entries.len() > index && flat.key(index) == key;
            found.then(|| flat.str(index)).flatten()
        };
        let trace_id = at(4, "trace_id").and_then(|text| text.parse().ok()).map(|id| (id, 4));
        let next = 4 + usize::from(trace_id.is_some());
        let span_id = at(next, "span_id").and_then(|text| text.parse().ok()).map(|id| (id, next));
        Some(Roles {
            time: Some((time, 0)),
            time_nanos: None,
            level: Some((level, 1)),
            logger: Some(2),
            message: Some(3),
            trace_id,
            span_id,
        })
    }

    fn find(flat: &Flat, line: &str, zone: &mut Zone) -> Roles {
        let (mut time, mut level) = (Best(None), Best(None));
        let (mut message, mut logger) = (Best(None), Best(None));
        let (mut trace_id, mut span_id) = (Best(None), Best(None));
        let has = |key: &str| (0..flat.entries.len()).any(|index| flat.key(index) == key);
        for index in 0..flat.entries.len() {
            let key = flat.key(index);
            // Long keys have no role; most fields are told apart by their first byte already.
            if key.len() > 26 {
                continue;
            }
            time.offer(&TIME, key, || time_of(flat, index, line, zone).map(|at| (at, index)));
            level.offer(&LEVEL, key, || level_of(flat, index, key, line, &has).map(|l| (l, index)));
            message.offer(&MESSAGE, key, || flat.str(index).map(|_| index));
            logger.offer(&LOGGER, key, || {
                let text = flat.str(index).filter(|text| !text.is_empty())?;
                let is_name = match key {
                    // Bunyan and pino call the logger so; elsewhere it names anything.
                    "name" => has("hostname") && has("pid"),
                    "c" => has("t.$date"),
                    _ => !text.contains(' '),
                };
                is_name.then_some(index)
            });
            trace_id
                .offer(&TRACE_ID, key, || id(flat.str(index)?, 32).map(|id: TraceId| (id, index)));
            span_id.offer(&SPAN_ID, key, || id(flat.str(index)?, 16).map(|id: SpanId| (id, index)));
        }
        let mut roles = Roles {
            time: time.get(),
            time_nanos: None,
            level: level.get(),
            message: message.get(),
            logger: logger.get(),
            trace_id: trace_id.get(),
            span_id: span_id.get(),
        };
        if roles.time.is_none() {
            roles.split_time(flat, line);
        }
        roles
    }

    /// Log4j's `instant.epochSecond` and `instant.nanoOfSecond`.
    fn split_time(&mut self, flat: &Flat, line: &str) {
        let find = |key: &str| (0..flat.entries.len()).find(|&index| flat.key(index) == key);
        let number = |index: usize| match flat.value(index, line) {
            Value::U64(number) => i64::try_from(number).ok(),
            _ => None,
        };
        let Some(index) = find("instant.epochSecond") else { return };
        let Some(seconds) = number(index) else { return };
        let nanos_index = find("instant.nanoOfSecond");
        let nanos = nanos_index.and_then(number).unwrap_or(0);
        let total = seconds.checked_mul(1_000_000_000).and_then(|all| all.checked_add(nanos));
        self.time = total.map(|total| (Timestamp::from_unix_nanos(total), index));
        self.time_nanos = nanos_index;
    }

    fn into_line(self, flat: &Flat, line: &str) -> LogLine {
        let mut out = LogLine { format: LineFormat::Json, ..LogLine::default() };
        out.timestamp = self.time.map(|(time, _)| time);
        out.level = self.level.map(|(level, _)| level);
        out.trace_id = self.trace_id.map(|(id, _)| id);
        out.span_id = self.span_id.map(|(id, _)| id);
        let text = |index: usize| flat.str(index).map(str::to_owned);
        out.message = self.message.and_then(text).unwrap_or_default();
        out.logger = self.logger.and_then(text);
        let used = [
            self.time.map(|(_, index)| index),
            self.time_nanos,
            self.level.map(|(_, index)| index),
            self.message,
            self.logger,
            self.trace_id.map(|(_, index)| index),
            self.span_id.map(|(_, index)| index),
        ];
        for index in 0..flat.entries.len() {
            if !used.contains(&Some(index)) {
                out.fields.push(flat.key(index), flat.value(index, line));
            }
        }
        if out.level.is_none() {
            out.level = level::near_start(out.message.as_bytes());
        }
        out
    }
}

fn time_of(flat: &Flat, index: usize, line: &str, zone: &mut Zone) -> Option<Timestamp> {
    match &flat.entries[index].1 {
        Scalar::Str(_) => time::whole(flat.str(index)?.as_bytes())?.resolve(zone),
        Scalar::Number(..) => {
            let digits = flat.digits(index, line).as_bytes();
            let (nanos, len) = time::epoch(digits)?;
            (len == digits.len()).then_some(Timestamp::from_unix_nanos(nanos))
        }
        _ => None,
    }
}

fn level_of(
    flat: &Flat,
    index: usize,
    key: &str,
    line: &str,
    has: &dyn Fn(&str) -> bool,
) -> Option<Level> {
    if let Some(text) = flat.str(index)
        && !text.starts_with(|c: char| c.is_ascii_digit())
    {
        // MongoDB's levels are letters with an optional number.
        if key == "s" {
            return if has("t.$date") { level::letter(*text.as_bytes().first()?) } else { None };
        }
        return level::named(text.as_bytes());
    }
    let number: u64 = flat.digits(index, line).parse().ok()?;
    match key {
        "PRIORITY" | "syslog.severity" => level::syslog(number),
        "severity_number" | "severityNumber" | "SeverityNumber" => level::otel(number),
        // GELF, and others that name a number from syslog.
        "level" | "severity" if number < 8 => {
            (key == "severity" || has("short_message")).then(|| level::syslog(number))?
        }
        _ => level::bunyan(number),
    }
}

/// An id in hex, in capitals too.
fn id<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
    if text.len() != digits {
        return None;
    }
    text.parse().ok().or_else(|| text.to_ascii_lowercase().parse().ok())
}
