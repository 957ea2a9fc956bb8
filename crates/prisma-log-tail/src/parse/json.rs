//! JSON lines: which keys say when, how severe, who and what, each found when it is asked for.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::str::FromStr;

use prisma_log_core::{Fields, Level, SpanId, Timestamp, TraceId, Value};

use super::flat::Flat;
use super::keys::{Code, Role};
use super::zone::Zone;
use super::{level, text, time};
use crate::{LineFormat, LogLine};

/// What this project's own JSON encoder starts every line with.
const OWN: [Code; 4] = [Code::TIMESTAMP, Code::LEVEL, Code::LOGGER, Code::MESSAGE];
/// Bytes that are set aside for a line's fields at most, before they are known.
const MOST_ROOM: usize = 1 << 12;
/// Entries that can have a role in a line without a logger.
const MOST_ROLES: usize = 6;

/// Lists the members of a line that is one JSON object; gives the line's text.
pub(super) fn read<'a>(line: &'a [u8], flat: &mut Flat) -> Option<Cow<'a, str>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let text = text::lossy(line);
    let end = flat.read(&text)?;
    text.as_bytes().get(end..)?.trim_ascii().is_empty().then_some(text)
}

/// Whether [`LineParser`](super::LineParser) may find another line inside this one, as in Docker's
/// files.
pub(super) fn may_hold_another(flat: &Flat) -> bool {
    flat.codes().contains(Code::STREAM) && flat.len() <= MOST_ROLES + 1
}

/// A JSON line whose members are known; what they mean is found on the first question.
pub(super) struct Json<'a> {
    line: Cow<'a, str>,
    flat: &'a Flat,
    zone: RefCell<&'a mut Zone>,
    is_own: OnceCell<bool>,
    time: OnceCell<Option<Time>>,
    level: OnceCell<Stated<Level>>,
    message: OnceCell<Option<usize>>,
    logger: OnceCell<Option<usize>>,
    trace_id: OnceCell<Stated<TraceId>>,
    span_id: OnceCell<Stated<SpanId>>,
}

#[derive(Clone, Copy)]
struct Time {
    at: Timestamp,
    entry: usize,
    /// A second entry that the time is made of.
    nanos: Option<usize>,
}

/// What an entry says, and which one.
#[derive(Clone, Copy)]
struct Stated<T> {
    said: Option<T>,
    entry: Option<usize>,
}

impl<T> From<Option<(T, usize)>> for Stated<T> {
    fn from(found: Option<(T, usize)>) -> Self {
        let (said, entry) = found.unzip();
        Stated { said, entry }
    }
}

impl<'a> Json<'a> {
    /// `line` was [`read`] into `flat`.
    pub(super) fn new(line: Cow<'a, str>, flat: &'a Flat, zone: &'a mut Zone) -> Self {
        Json {
            line,
            flat,
            zone: RefCell::new(zone),
            is_own: OnceCell::new(),
            time: OnceCell::new(),
            level: OnceCell::new(),
            message: OnceCell::new(),
            logger: OnceCell::new(),
            trace_id: OnceCell::new(),
            span_id: OnceCell::new(),
        }
    }

    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        self.time().map(|time| time.at)
    }

    pub(super) fn level(&self) -> Option<Level> {
        self.stated_level().said
    }

    pub(super) fn message(&self) -> &str {
        self.message_entry().and_then(|entry| self.str(entry)).unwrap_or_default()
    }

    pub(super) fn logger(&self) -> Option<&str> {
        self.logger_entry().and_then(|entry| self.str(entry))
    }

    pub(super) fn trace_id(&self) -> Option<TraceId> {
        self.stated_trace_id().said
    }

    pub(super) fn span_id(&self) -> Option<SpanId> {
        self.stated_span_id().said
    }

    /// The first member of this key that has no role.
    pub(super) fn field(&self, key: &str) -> Option<Value<'_>> {
        let entry = self.flat.find_key(key, &self.line, |entry| !self.has_role(entry))?;
        Some(self.flat.value(entry, &self.line))
    }

    pub(super) fn to_line(&self) -> LogLine {
        let mut out = LogLine {
            timestamp: self.timestamp(),
            level: self.level(),
            logger: self.logger().map(str::to_owned),
            message: self.message().to_owned(),
            trace_id: self.trace_id(),
            span_id: self.span_id(),
            format: LineFormat::Json,
            ..LogLine::default()
        };
        // About what is needed, of lines whose message is not all.
        out.fields = Fields::with_capacity(self.line.len().min(MOST_ROOM));
        for entry in 0..self.flat.len() {
            if !self.has_role(entry) {
                let key = self.flat.key(entry, &self.line);
                out.fields.push(key, self.flat.value(entry, &self.line));
            }
        }
        out
    }

    fn str(&self, entry: usize) -> Option<&str> {
        self.flat.str(entry, &self.line)
    }

    fn has_role(&self, entry: usize) -> bool {
        let code = self.flat.code(entry);
        if code == Code::NONE {
            return false;
        }
        let of_role = if Role::LEVEL.has(code) {
            self.stated_level().entry
        } else if Role::MESSAGE.has(code) {
            self.message_entry()
        } else if Role::LOGGER.has(code) {
            self.logger_entry()
        } else if Role::TRACE_ID.has(code) {
            self.stated_trace_id().entry
        } else if Role::SPAN_ID.has(code) {
            self.stated_span_id().entry
        } else if code == Code::NANO_OF_SECOND {
            self.time().and_then(|time| time.nanos)
        } else {
            self.time().map(|time| time.entry)
        };
        of_role == Some(entry)
    }

    /// The entry of the best key among those that say something, the first of equals.
    fn best<T>(
        &self,
        role: Role,
        mut say: impl FnMut(usize, Code) -> Option<T>,
    ) -> Option<(T, usize)> {
        if !self.flat.codes().any(role) {
            return None;
        }
        let mut best: Option<(Code, T, usize)> = None;
        for entry in 0..self.flat.len() {
            let code = self.flat.code(entry);
            if role.has(code)
                && best.as_ref().is_none_or(|(than, ..)| code < *than)
                && let Some(said) = say(entry, code)
            {
                best = Some((code, said, entry));
                if code == role.best() {
                    break;
                }
            }
        }
        best.map(|(_, said, entry)| (said, entry))
    }

    /// Whether the line is one of the own encoder, where no other key has a role: a field that is
    /// called `traceId` or `target` is a field.
    fn is_own(&self) -> bool {
        *self.is_own.get_or_init(|| {
            let mut start = OWN.iter().enumerate();
            start.all(|(entry, code)| self.flat.code(entry) == *code && self.str(entry).is_some())
                && self.time().is_some_and(|time| time.entry == 0)
                && self.str(1).and_then(|text| level::named(text.as_bytes())).is_some()
        })
    }

    fn time(&self) -> Option<Time> {
        *self.time.get_or_init(|| {
            let best = self.best(Role::TIME, |entry, _| self.time_of(entry));
            let time = best.map(|(at, entry)| Time { at, entry, nanos: None });
            time.or_else(|| self.split_time())
        })
    }

    fn time_of(&self, entry: usize) -> Option<Timestamp> {
        if let Some(text) = self.str(entry) {
            return time::whole(text.as_bytes())?.resolve(&mut self.zone.borrow_mut());
        }
        let digits = self.flat.digits(entry, &self.line)?.as_bytes();
        let (nanos, len) = time::epoch(digits)?;
        (len == digits.len()).then_some(Timestamp::from_unix_nanos(nanos))
    }

    /// Log4j's `instant.epochSecond` and `instant.nanoOfSecond`.
    fn split_time(&self) -> Option<Time> {
        let number = |entry: usize| match self.flat.value(entry, &self.line) {
            Value::U64(number) => i64::try_from(number).ok(),
            _ => None,
        };
        let entry = self.flat.find(Code::EPOCH_SECOND)?;
        let seconds = number(entry)?;
        let nanos = self.flat.find(Code::NANO_OF_SECOND);
        let of_second = nanos.and_then(number).unwrap_or(0);
        let total = seconds.checked_mul(1_000_000_000)?.checked_add(of_second)?;
        Some(Time { at: Timestamp::from_unix_nanos(total), entry, nanos })
    }

    fn stated_level(&self) -> Stated<Level> {
        *self.level.get_or_init(|| {
            let best = self.best(Role::LEVEL, |entry, code| self.level_of(entry, code));
            let mut level = Stated::from(best);
            level.said = level.said.or_else(|| level::near_start(self.message().as_bytes()));
            level
        })
    }

    fn level_of(&self, entry: usize, code: Code) -> Option<Level> {
        let has = |code| self.flat.codes().contains(code);
        let text = self.str(entry);
        if let Some(text) = text
            && !text.as_bytes().first().is_some_and(u8::is_ascii_digit)
        {
            // MongoDB's levels are letters with an optional number.
            if code == Code::MONGODB_LEVEL {
                return level::letter(*text.as_bytes().first()?)
                    .filter(|_| has(Code::MONGODB_TIME));
            }
            return level::named(text.as_bytes());
        }
        let number: u64 = text.or_else(|| self.flat.digits(entry, &self.line))?.parse().ok()?;
        if Code::SYSLOG_LEVELS.contains(&code) {
            return level::syslog(number);
        }
        if Code::OTEL_LEVELS.contains(&code) {
            return level::otel(number);
        }
        // GELF, and others that name a number from syslog.
        if number < 8 && (code == Code::LEVEL || code == Code::SEVERITY) {
            let is_syslog = code == Code::SEVERITY || has(Code::GELF_MESSAGE);
            return level::syslog(number).filter(|_| is_syslog);
        }
        level::bunyan(number)
    }

    fn message_entry(&self) -> Option<usize> {
        *self.message.get_or_init(|| {
            let best = self.best(Role::MESSAGE, |entry, _| self.str(entry).map(|_| ()));
            best.map(|(_, entry)| entry)
        })
    }

    fn logger_entry(&self) -> Option<usize> {
        *self.logger.get_or_init(|| {
            if self.is_own() {
                return Some(2);
            }
            let has = |code| self.flat.codes().contains(code);
            let best = self.best(Role::LOGGER, |entry, code| {
                let text = self.str(entry).filter(|text| !text.is_empty())?;
                let is_name = match code {
                    // Bunyan and pino call the logger so; elsewhere it names anything.
                    Code::NAME => has(Code::HOSTNAME) && has(Code::PID),
                    Code::MONGODB_LOGGER => has(Code::MONGODB_TIME),
                    _ => !text.contains(' '),
                };
                is_name.then_some(())
            });
            best.map(|(_, entry)| entry)
        })
    }

    fn stated_trace_id(&self) -> Stated<TraceId> {
        *self.trace_id.get_or_init(|| {
            if self.is_own() {
                return self.own_id(OWN.len(), Code::TRACE_ID).into();
            }
            self.best(Role::TRACE_ID, |entry, _| id(self.str(entry)?, 32)).into()
        })
    }

    fn stated_span_id(&self) -> Stated<SpanId> {
        *self.span_id.get_or_init(|| {
            if self.is_own() {
                let trace_ids = usize::from(self.stated_trace_id().entry.is_some());
                return self.own_id(OWN.len() + trace_ids, Code::SPAN_ID).into();
            }
            self.best(Role::SPAN_ID, |entry, _| id(self.str(entry)?, 16)).into()
        })
    }

    /// The own encoder writes ids at once behind the rest, if there are any.
    fn own_id<T: FromStr>(&self, entry: usize, code: Code) -> Option<(T, usize)> {
        let text = self.str(entry).filter(|_| self.flat.code(entry) == code)?;
        text.parse().ok().map(|id| (id, entry))
    }
}

/// An id in hex, in capitals too.
fn id<T: FromStr>(text: &str, digits: usize) -> Option<T> {
    if text.len() != digits {
        return None;
    }
    text.parse().ok().or_else(|| text.to_ascii_lowercase().parse().ok())
}
