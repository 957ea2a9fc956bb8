//! What the headers of a request said.

use std::sync::Arc;

use super::{Baggage, HeaderFault, TraceParent, TraceState};
use crate::Context;

/// What the headers of a request said about its trace; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Incoming {
    /// The caller's position in the trace. Without one, because there was no header or a bad one,
    /// the trace starts here.
    pub parent: Option<TraceParent>,
    /// Whether the caller records the trace; none when there is no caller, or it leaves the
    /// decision to us (then the flag in `parent` is set, as for a trace that starts here).
    ///
    /// Can be there without `parent`: B3 can forbid or ask for recording without naming a trace.
    pub sampled: Option<bool>,
    /// What tracing systems left for each other; empty without a `traceparent`.
    pub tracestate: TraceState,
    /// All that services left for each other. Of this, only what
    /// [`Propagation::baggage_fields`](super::Propagation::baggage_fields) names gets into records.
    pub baggage: Baggage,
    /// The first thing that was wrong.
    pub fault: Option<HeaderFault>,
    /// The baggage keys that become fields, if any does.
    pub(super) fields: Option<Arc<[BaggageField]>>,
}

/// A baggage key that becomes a field, and that field's key.
#[derive(Debug, PartialEq)]
pub(super) struct BaggageField {
    pub(super) key: Box<str>,
    pub(super) field: Box<str>,
}

impl Incoming {
    /// A context in a new span below the caller's, or in a new trace, with the tracestate and the
    /// baggage to be sent on, and a field `baggage.KEY` for each baggage key that may become one.
    pub fn context(&self) -> Context {
        let mut context = match (self.parent, self.sampled) {
            (Some(parent), _) => Context::remote(parent.trace_id, parent.span_id, parent.flags),
            (None, Some(sampled)) => Context::new().sampled(sampled),
            (None, None) => Context::new(),
        };
        if !self.tracestate.is_empty() {
            context = context.with_tracestate(self.tracestate.clone());
        }
        if !self.baggage.is_empty() {
            context = context.with_baggage(self.baggage.clone());
            for BaggageField { key, field } in self.fields.iter().flat_map(|fields| fields.iter()) {
                if let Some(value) = self.baggage.get(key) {
                    context = context.field(field, &*value);
                }
            }
        }
        context
    }
}
