//! Which record goes where, and the messages around log records and spans.

use prisma_log_core::{Record, SpanRecord};

use super::attributes::Limits;
use super::log::write_log;
use super::span::{SentSpan, write_span};
use crate::Protocol;
use crate::deliver::{Encoding, Part, Partial};
use crate::form::{Form, JsonForm, Key, ProtoForm, key};
use crate::resource::Resource;
use crate::send::Answer;

/// The sampled bit of trace flags.
const SAMPLED: u8 = 1;

/// What is exported apart from each other, to an endpoint each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    Traces,
}

impl Signal {
    pub(crate) const BOTH: [Signal; 2] = [Signal::Logs, Signal::Traces];

    /// The path behind a collector's address.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Signal::Logs => "v1/logs",
            Signal::Traces => "v1/traces",
        }
    }

    /// In variables: `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`.
    pub(crate) fn in_variables(self) -> &'static str {
        match self {
            Signal::Logs => "LOGS_",
            Signal::Traces => "TRACES_",
        }
    }

    fn keys(self) -> &'static Keys {
        match self {
            Signal::Logs => &LOGS,
            Signal::Traces => &TRACES,
        }
    }
}

/// The names around records.
struct Keys {
    resources: Key,
    scopes: Key,
    records: Key,
    /// Of the number of records that were refused, in an answer in JSON.
    rejected: &'static str,
}

const LOGS: Keys = Keys {
    resources: key(1, "resourceLogs"),
    scopes: key(2, "scopeLogs"),
    records: key(2, "logRecords"),
    rejected: "rejectedLogRecords",
};
const TRACES: Keys = Keys {
    resources: key(1, "resourceSpans"),
    scopes: key(2, "scopeSpans"),
    records: key(2, "spans"),
    rejected: "rejectedSpans",
};
const SCOPE: Key = key(1, "scope");
const SCOPE_NAME: Key = key(1, "name");

/// The span of a record, if it is a sampled one with both ids.
pub(crate) fn span_of<'r>(record: &Record<'r>) -> Option<SentSpan<'r>> {
    let context = record.context;
    let span = SpanRecord::of(record).filter(|_| context.trace_flags & SAMPLED != 0)?;
    Some(SentSpan { span, trace_id: context.trace_id?, span_id: context.span_id? })
}

/// How OTLP has records.
pub(crate) struct Otlp {
    /// Of logs and traces.
    pub(crate) protocols: [Protocol; 2],
    /// Of logs and traces.
    pub(crate) limits: [Limits; 2],
    pub(crate) resource: Resource,
    pub(crate) site: bool,
    /// Whether spans go to the traces' endpoint.
    pub(crate) traces: bool,
}

impl Encoding for Otlp {
    fn lane(&self, record: &Record<'_>) -> Option<usize> {
        Some(usize::from(self.traces && span_of(record).is_some()))
    }

    fn encode(&self, lane: usize, record: &Record<'_>, out: &mut Vec<u8>) {
        match self.protocols[lane] {
            Protocol::HttpProtobuf => self.piece(lane, record, &mut ProtoForm::new(out)),
            Protocol::HttpJson => self.piece(lane, record, &mut JsonForm::new(out)),
        }
    }

    fn assemble(
        &self,
        lane: usize,
        part: &Part,
        of: &[usize],
        batch: &[Record<'_>],
        out: &mut Vec<u8>,
    ) {
        let (keys, resource) = (Signal::BOTH[lane].keys(), &self.resource);
        match self.protocols[lane] {
            Protocol::HttpProtobuf => {
                request(&mut ProtoForm::new(out), keys, resource, part, of, batch);
            }
            // The root message has no field of its own around it.
            Protocol::HttpJson => JsonForm::new(out).braces(|form| {
                request(form, keys, resource, part, of, batch);
            }),
        }
    }

    fn partial(&self, lane: usize, answer: &Answer) -> Partial {
        Partial::read(answer, Signal::BOTH[lane].keys().rejected)
    }

    fn part_from_parent(&mut self) {
        self.resource.part_from_parent();
    }
}

impl Otlp {
    fn piece<F: Form>(&self, lane: usize, record: &Record<'_>, form: &mut F) {
        let limits = self.limits[lane];
        let signal = Signal::BOTH[lane];
        form.piece(signal.keys().records, |form| match (signal, span_of(record)) {
            (Signal::Traces, Some(span)) => write_span(form, &span, limits, self.site),
            _ => write_log(form, record, limits, self.site),
        });
    }
}

/// Writes the records at these places of a part, grouped by their loggers.
fn request<F: Form>(
    form: &mut F,
    keys: &Keys,
    resource: &Resource,
    part: &Part,
    of: &[usize],
    batch: &[Record<'_>],
) {
    form.list(keys.resources, |form| {
        form.item(keys.resources, |form| {
            resource.write(form);
            form.list(keys.scopes, |form| {
                for scope in of.chunk_by(|&a, &b| part.scope(a) == part.scope(b)) {
                    let Some(&first) = scope.first() else { continue };
                    form.item(keys.scopes, |form| {
                        let logger = batch[part.record(first)].logger;
                        form.message(SCOPE, |form| form.text(SCOPE_NAME, logger));
                        form.list(keys.records, |form| {
                            for &at in scope {
                                form.encoded_item(part.piece(at));
                            }
                        });
                    });
                }
            });
        });
    });
}
