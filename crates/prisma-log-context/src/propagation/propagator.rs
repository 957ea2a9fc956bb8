//! Reading the headers of a request, and writing those of another.

use std::fmt;
use std::sync::Arc;

use super::b3::{self, B3};
use super::baggage::Reader as BaggageReader;
use super::fault::Counters;
use super::headers::only;
use super::incoming::BaggageField;
use super::tracestate::Reader as TraceStateReader;
use super::{HeaderFault, HeaderSink, HeaderSource, Incoming, TraceParent, TraceState};
use crate::Context;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

/// Takes the position in a trace, and what travels with it, from the headers of one message, and
/// puts it into the headers of another.
///
/// Read are the W3C headers `traceparent`, `tracestate` and `baggage`, and B3 where there is no
/// `traceparent`: the header `b3`, else `x-b3-traceid` and its like. Written are the W3C headers,
/// and B3 on demand; whatever is sent, all of them are read. Cheap to clone; clones share the counters.
///
/// ```
/// use prisma_log_context::Propagation;
///
/// let propagation = Propagation::w3c().baggage_fields(["tenant"]);
/// let request = [
///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
///     ("baggage", "tenant=blue,secret=s3"),
/// ];
/// let context = propagation.extract(&request).context();
/// assert_eq!(context.fields().iter().count(), 1); // baggage.tenant
///
/// let mut onward: Vec<(String, String)> = Vec::new();
/// propagation.inject(&context, &mut onward);
/// assert!(onward[0].1.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
/// assert_eq!(onward[1].1, "tenant=blue,secret=s3");
/// ```
#[derive(Clone)]
#[must_use]
pub struct Propagation {
    trace_context: bool,
    baggage: bool,
    b3_single: bool,
    b3_multi: bool,
    fields: Option<Arc<[BaggageField]>>,
    faults: Arc<Counters>,
}

impl Propagation {
    /// Sends the W3C headers only; no baggage becomes a field.
    pub fn w3c() -> Self {
        Propagation {
            trace_context: true,
            baggage: true,
            b3_single: false,
            b3_multi: false,
            fields: None,
            faults: Arc::default(),
        }
    }

    /// Whether `traceparent` and `tracestate` are sent. Default: yes.
    pub fn trace_context(mut self, send: bool) -> Self {
        self.trace_context = send;
        self
    }

    /// Whether `baggage` is sent. Default: yes; no is for the servers of others, whom it does not
    /// concern.
    pub fn baggage(mut self, send: bool) -> Self {
        self.baggage = send;
        self
    }

    /// Whether the header `b3` is sent too. Default: no.
    pub fn b3_single(mut self, send: bool) -> Self {
        self.b3_single = send;
        self
    }

    /// Whether `x-b3-traceid`, `x-b3-spanid` and `x-b3-sampled` are sent too. Default: no.
    pub fn b3_multi(mut self, send: bool) -> Self {
        self.b3_multi = send;
        self
    }

    /// The baggage keys whose values become fields of the records, as `baggage.KEY`; case matters.
    ///
    /// Anybody can put anything into baggage, so no other of it ever gets into a record, and none
    /// under a key of our own. Default: none.
    pub fn baggage_fields<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        let field = |key: K| BaggageField {
            key: key.as_ref().into(),
            field: format!("baggage.{}", key.as_ref()).into(),
        };
        let fields: Arc<[BaggageField]> = keys.into_iter().map(field).collect();
        self.fields = (!fields.is_empty()).then_some(fields);
        self
    }

    /// What the headers say.
    ///
    /// Never fails: what is wrong is left out and counted. A bad `traceparent` or B3 header leaves
    /// no parent, so the trace starts anew; a bad `tracestate` is left out and spoils nothing
    /// else; of `baggage` the bad members are left out.
    pub fn extract(&self, headers: &(impl HeaderSource + ?Sized)) -> Incoming {
        let mut incoming = Incoming { fields: self.fields.clone(), ..Incoming::default() };
        let mut first = None;
        let mut note = |fault| {
            self.faults.count(fault);
            first.get_or_insert(fault);
        };
        match only(headers, TRACEPARENT, TraceParent::parse) {
            Some(Ok(parent)) => {
                incoming.parent = Some(parent);
                incoming.sampled = Some(parent.is_sampled());
                let mut reader = TraceStateReader::default();
                headers.values(TRACESTATE, &mut |line| reader.line(line));
                incoming.tracestate = reader.finish().unwrap_or_else(|fault| {
                    note(fault);
                    Default::default()
                });
            }
            Some(Err(fault)) => note(fault),
            None => match B3::extract(headers) {
                Some(Ok(b3)) => {
                    incoming.parent = b3.parent();
                    incoming.sampled = b3.sampled;
                }
                Some(Err(fault)) => note(fault),
                None => {}
            },
        }
        let mut reader = BaggageReader::new(&mut note);
        headers.values(BAGGAGE, &mut |line| reader.line(line));
        incoming.baggage = reader.finish();
        incoming.fault = first;
        incoming
    }

    /// Makes the headers say where `context` is and what travels with it.
    ///
    /// Whatever other position they stated before is removed, be it in a format that is not sent.
    pub fn inject(&self, context: &Context, headers: &mut (impl HeaderSink + ?Sized)) {
        let position = context.traceparent();
        let parent = position.filter(|_| self.trace_context);
        let state = parent.map(|_| context.tracestate()).filter(|state| !state.is_empty());
        if state.is_some_and(TraceState::is_too_long) {
            self.faults.count(HeaderFault::TooLong);
        }
        let state = state.map(TraceState::header);
        put(headers, TRACEPARENT, parent.map(TraceParent::header).as_ref().map_or("", ascii));
        put(headers, TRACESTATE, state.as_deref().unwrap_or_default());
        put(headers, BAGGAGE, if self.baggage { context.baggage().text() } else { "" });

        let single = position.filter(|_| self.b3_single).map(b3::single);
        put(headers, b3::SINGLE, single.as_ref().map_or("", ascii));
        let multi = position.filter(|_| self.b3_multi);
        let ids = multi.map(|at| (at.trace_id.hex(), at.span_id.hex()));
        put(headers, b3::TRACE_ID, ids.as_ref().map_or("", |(trace, _)| ascii(trace)));
        put(headers, b3::SPAN_ID, ids.as_ref().map_or("", |(_, span)| ascii(span)));
        put(headers, b3::SAMPLED, multi.map_or("", b3::state));
        put(headers, b3::PARENT_SPAN_ID, "");
        put(headers, b3::FLAGS, "");
    }

    /// How often each fault was met since [`Propagation::w3c`], by this value and its clones;
    /// every reason is there once.
    pub fn faults(&self) -> impl Iterator<Item = (HeaderFault, u64)> {
        self.faults.iter()
    }
}

impl fmt::Debug for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Propagation")
            .field("trace_context", &self.trace_context)
            .field("baggage", &self.baggage)
            .field("b3_single", &self.b3_single)
            .field("b3_multi", &self.b3_multi)
            .field("baggage_fields", &self.fields)
            .finish_non_exhaustive()
    }
}

fn ascii<const N: usize>(bytes: &[u8; N]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Sets a header, or removes it where there is nothing to say.
fn put(headers: &mut (impl HeaderSink + ?Sized), name: &'static str, value: &str) {
    if value.is_empty() {
        headers.remove(name);
    } else {
        headers.set(name, value);
    }
}
