//! One trace, as it was found.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use prisma_log_core::{Fields, Level, SpanId, SpanKind, SpanStatus, Timestamp};

use super::Seen;
use super::read::Ended;

/// All spans and records of one trace.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) spans: Vec<Span>,
    /// Records and events, in the order in which they were found.
    pub(crate) entries: Vec<Entry>,
    pub(crate) services: Vec<String>,
    /// How many entries are records.
    pub(crate) records: u64,
    /// How many spans were found again.
    pub(crate) duplicates: u64,
    /// How many lines state no time, and so have no place.
    pub(crate) without_time: u64,
    /// How many lines say that the trace is not sampled.
    pub(crate) unsampled: u64,
    /// The lines, one after the other.
    text: Vec<u8>,
    numbers: HashMap<String, usize>,
    known: HashSet<(SpanId, Duration, String)>,
    ids: HashSet<SpanId>,
}

/// A span that ended.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    /// Index of the service.
    pub(crate) service: usize,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    pub(crate) status_message: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) duration: Duration,
    /// Whether another span has the same id.
    pub(crate) repeats_id: bool,
    line: Range<usize>,
}

/// A record, or an event of a span.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The span that it belongs to.
    pub(crate) span: Option<SpanId>,
    /// That span's parent.
    pub(crate) parent: Option<SpanId>,
    pub(crate) service: usize,
    pub(crate) time: Timestamp,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Record { level: Option<Level>, line: Range<usize> },
    Event { name: String, attributes: Fields },
}

impl Trace {
    /// Takes a line in. `file_service` is whose file it stands in, for lines that don't say.
    pub(crate) fn add(&mut self, seen: Seen, line: &[u8], file_service: &str) {
        let Some(time) = seen.time else {
            self.without_time += 1;
            return;
        };
        self.unsampled += u64::from(seen.sampled == Some(false));
        let service = self.number(seen.service.as_deref().unwrap_or(file_service));
        match seen.ended {
            Some(_) => self.add_span(seen, time, service, line),
            None => {
                self.records += 1;
                let content = Content::Record { level: seen.level, line: self.keep(line) };
                let (span, parent) = (seen.span_id, seen.parent);
                self.entries.push(Entry { span, parent, service, time, content });
            }
        }
    }

    fn add_span(&mut self, seen: Seen, time: Timestamp, service: usize, line: &[u8]) {
        let Seen { span_id: id, parent, ended: Some(ended), .. } = seen else { return };
        let Ended { name, kind, status, status_message, duration, events } = ended;
        let known = id.map(|id| (id, duration, name.clone()));
        if known.is_some_and(|known| !self.known.insert(known)) {
            self.duplicates += 1;
            return;
        }
        let repeats_id = id.is_some_and(|id| !self.ids.insert(id));
        let (start, end) = (time.saturating_sub(duration), time);
        for event in events {
            let time = start.saturating_add(event.offset);
            let content = Content::Event { name: event.name, attributes: event.attributes };
            self.entries.push(Entry { span: id, parent, service, time, content });
        }
        let line = self.keep(line);
        self.spans.push(Span {
            id,
            parent,
            service,
            name,
            kind,
            status,
            status_message,
            start,
            end,
            duration,
            repeats_id,
            line,
        });
    }

    /// A line that was kept.
    pub(crate) fn line(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The line of a span's end.
    pub(crate) fn line_of(&self, span: &Span) -> &[u8] {
        self.line(&span.line)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.entries.is_empty()
    }

    pub(crate) fn failed(&self) -> usize {
        self.spans.iter().filter(|span| span.status == SpanStatus::Error).count()
    }

    fn keep(&mut self, line: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(line);
        start..self.text.len()
    }

    fn number(&mut self, service: &str) -> usize {
        if let Some(&number) = self.numbers.get(service) {
            return number;
        }
        self.services.push(service.to_owned());
        self.numbers.insert(service.to_owned(), self.services.len() - 1);
        self.services.len() - 1
    }
}
