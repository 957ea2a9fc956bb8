//! Which traces took longest.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use prisma_log_core::{Level, SpanId, SpanStatus, Timestamp, TraceId};

use super::quick::{Quick, look};
use super::read::Ended;
use super::{Reader, Seen};

/// All traces of the files, each in short.
#[derive(Debug, Default)]
pub(crate) struct Slowest {
    traces: HashMap<TraceId, Summary>,
    services: Vec<String>,
    numbers: HashMap<String, u32>,
    known: HashSet<(TraceId, SpanId, Duration)>,
    reader: Reader,
    /// How many spans were found again.
    pub(crate) duplicates: u64,
    /// How many lines of a trace state no time, and are not counted otherwise.
    pub(crate) without_time: u64,
}

/// A trace in short.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The span that the rest hangs below: of those without a parent the longest, else of all.
    pub(crate) root: Option<Root>,
    pub(crate) spans: u64,
    pub(crate) records: u64,
    /// Spans that failed, and records of level ERROR and above.
    pub(crate) errors: u64,
    /// Numbers of services, as they came.
    services: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) name: Box<str>,
    pub(crate) start: Timestamp,
    pub(crate) duration: Duration,
    service: u32,
    has_parent: bool,
}

impl Slowest {
    /// Takes a line in.
    pub(crate) fn add(&mut self, line: &[u8], file_service: &str) {
        match look(line) {
            Quick::Untraced => {}
            Quick::Record(id, level) => self.add_record(id, Some(level)),
            Quick::Unknown => {
                if let Some(seen) = self.reader.read(line) {
                    self.add_seen(seen, file_service);
                }
            }
        }
    }

    fn add_record(&mut self, id: TraceId, level: Option<Level>) {
        let summary = self.traces.entry(id).or_default();
        summary.records += 1;
        summary.errors += u64::from(level.is_some_and(|level| level >= Level::Error));
    }

    fn add_seen(&mut self, seen: Seen, file_service: &str) {
        let Seen { trace_id, span_id, parent, service, level, time, ended, .. } = seen;
        let Some(Ended { name, status, duration, .. }) = ended else {
            return self.add_record(trace_id, level);
        };
        let Some(time) = time else {
            self.without_time += 1;
            return;
        };
        if span_id.is_some_and(|id| !self.known.insert((trace_id, id, duration))) {
            self.duplicates += 1;
            return;
        }
        let service = self.number(service.as_deref().unwrap_or(file_service));
        let summary = self.traces.entry(trace_id).or_default();
        summary.spans += 1;
        summary.errors += u64::from(status == SpanStatus::Error);
        if !summary.services.contains(&service) {
            summary.services.push(service);
        }
        let has_parent = parent.is_some();
        let is_better = summary
            .root
            .as_ref()
            .is_none_or(|root| (!has_parent, duration) > (!root.has_parent, root.duration));
        if is_better {
            let start = time.saturating_sub(duration);
            let name = name.into_boxed_str();
            summary.root = Some(Root { name, start, duration, service, has_parent });
        }
    }

    /// How many traces there are.
    pub(crate) fn len(&self) -> usize {
        self.traces.len()
    }

    /// How many of them have records only: how long they took is not known.
    pub(crate) fn without_spans(&self) -> usize {
        self.traces.values().filter(|summary| summary.root.is_none()).count()
    }

    /// The slowest traces, the slowest first.
    pub(crate) fn top(&self, count: usize) -> Vec<(TraceId, &Root, &Summary)> {
        let mut all: Vec<_> = self
            .traces
            .iter()
            .filter_map(|(&id, summary)| Some((id, summary.root.as_ref()?, summary)))
            .collect();
        all.sort_by(|(a, left, _), (b, right, _)| {
            right.duration.cmp(&left.duration).then_with(|| a.cmp(b))
        });
        all.truncate(count);
        all
    }

    /// The service that a root is of.
    pub(crate) fn service(&self, root: &Root) -> &str {
        self.name(root.service)
    }

    /// The services that have spans in a trace: the root's, then the others as they were found.
    pub(crate) fn services<'a>(
        &'a self,
        root: &'a Root,
        summary: &'a Summary,
    ) -> impl Iterator<Item = &'a str> {
        let others = summary.services.iter().filter(|&&number| number != root.service);
        std::iter::once(&root.service).chain(others).map(|&number| self.name(number))
    }

    fn name(&self, number: u32) -> &str {
        self.services.get(number as usize).map_or("", String::as_str)
    }

    fn number(&mut self, service: &str) -> u32 {
        if let Some(&number) = self.numbers.get(service) {
            return number;
        }
        let number = self.services.len() as u32;
        self.services.push(service.to_owned());
        self.numbers.insert(service.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(trace: u128, level: &str, rest: &str) -> String {
        let id = TraceId::new(trace).unwrap();
        format!(
            r#"{{"timestamp":"2026-11-24T08:00:01.000000Z","level":"{level}","logger":"a","message":"GET /","trace_id":"{id}"{rest}}}"#
        )
    }

    fn span(trace: u128, id: u64, parent: u64, milliseconds: f64, status: &str) -> String {
        let id = SpanId::new(id).unwrap();
        let parent = SpanId::new(parent);
        let parent = parent.map_or(String::new(), |id| format!(r#","parent_span_id":"{id}""#));
        line(
            trace,
            "INFO",
            &format!(
                r#","span_id":"{id}"{parent},"slog.tag":"span","span.status":"{status}","duration_ms":{milliseconds}"#
            ),
        )
    }

    #[test]
    fn traces_by_the_duration_of_their_root() {
        let mut slowest = Slowest::default();
        for (service, line) in [
            ("a", span(1, 1, 0, 10.0, "unset")),
            ("b", span(1, 2, 1, 90.0, "error")),
            ("b", span(1, 2, 1, 90.0, "error")),
            ("a", line(1, "ERROR", "")),
            ("a", line(1, "INFO", "")),
            // No span without a parent here: the longest counts.
            ("a", span(2, 3, 9, 20.0, "ok")),
            ("a", span(2, 4, 3, 15.0, "ok")),
            ("a", line(3, "INFO", "")),
            ("a", r#"{"msg":"no trace"}"#.to_owned()),
            ("a", "plain".to_owned()),
        ] {
            slowest.add(line.as_bytes(), service);
        }
        let top = slowest.top(9);
        let durations: Vec<_> =
            top.iter().map(|(id, root, _)| (id.get(), root.duration.as_millis())).collect();
        assert_eq!(durations, [(2, 20), (1, 10)]);
        let (_, root, first) = &top[1];
        assert_eq!((first.spans, first.records, first.errors), (2, 2, 2));
        assert_eq!(slowest.services(root, first).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((slowest.service(root), &*root.name), ("a", "GET /"));
        assert_eq!((slowest.len(), slowest.without_spans(), slowest.duplicates), (3, 1, 1));
        assert_eq!(slowest.top(1).len(), 1);
    }
}
