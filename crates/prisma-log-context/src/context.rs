//! The context of one request or unit of work.

use std::sync::Arc;

use prisma_log_core::{ContextData, Fields, SpanId, TraceId, Value};

use crate::propagation::{Baggage, TraceParent, TraceState};
use crate::scope::{Scope, current};
use crate::{ids, version};

/// W3C trace flag: the trace is sampled.
const SAMPLED: u8 = 1;

/// A position in a trace, and the fields that every record written there carries.
///
/// Cheap to clone. The setters take and return the value; [`Context::enter`] makes it the
/// calling thread's context until the returned [`Scope`] goes.
///
/// ```
/// use prisma_log_context::Context;
///
/// let request = Context::new().user_id("user123").session_id("s-4").request_id("req789");
/// let _scope = request.enter();
/// // Records logged from here on carry trace_id, span_id, user_id, session_id, request_id.
/// let step = Context::current().unwrap().child();
/// let _inner = step.enter();
/// // The same trace and fields, in a child span.
/// ```
#[derive(Clone, Debug)]
#[must_use = "a context does nothing until it is entered"]
pub struct Context {
    inner: Arc<Inner>,
}

/// What clones of a context share.
#[derive(Clone, Debug)]
pub(crate) struct Inner {
    /// No other content has this number; see [`version()`](crate::version).
    pub(crate) version: u64,
    pub(crate) data: Arc<ContextData>,
    tracestate: TraceState,
    baggage: Baggage,
}

impl Context {
    /// A new trace with a random 128-bit trace id and 64-bit span id, flagged as sampled, without
    /// fields, whatever context the thread is in. For a step of the current one see
    /// [`Context::child`].
    #[expect(clippy::new_without_default, reason = "each new context differs from the last")]
    pub fn new() -> Self {
        Context::in_trace(ids::trace_id(), None, SAMPLED)
    }

    /// Continues a trace that came from elsewhere, in a new span below `parent`.
    pub fn remote(trace_id: TraceId, parent: SpanId, trace_flags: u8) -> Self {
        Context::in_trace(trace_id, Some(parent), trace_flags)
    }

    fn in_trace(trace_id: TraceId, parent: Option<SpanId>, trace_flags: u8) -> Self {
        let mut data = ContextData::EMPTY;
        data.trace_id = Some(trace_id);
        data.span_id = Some(ids::span_id());
        data.parent_span_id = parent;
        data.trace_flags = trace_flags;
        let inner = Inner {
            version: version::next(),
            data: Arc::new(data),
            tracestate: TraceState::default(),
            baggage: Baggage::default(),
        };
        Context { inner: Arc::new(inner) }
    }

    /// The context that the calling thread is in.
    pub fn current() -> Option<Self> {
        current().map(|inner| Context { inner })
    }

    /// A new span below this one: same trace, same fields, same tracestate and baggage.
    pub fn child(&self) -> Self {
        self.clone().change_data(|data| {
            data.parent_span_id = data.span_id;
            data.span_id = Some(ids::span_id());
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        change(inner);
        inner.version = version::next();
        self
    }

    fn change_data(self, change: impl FnOnce(&mut ContextData)) -> Self {
        self.change(|inner| change(Arc::make_mut(&mut inner.data)))
    }

    /// Sets the field `user_id`.
    pub fn user_id(self, id: impl AsRef<str>) -> Self {
        self.field("user_id", id.as_ref())
    }

    /// Sets the field `session_id`.
    pub fn session_id(self, id: impl AsRef<str>) -> Self {
        self.field("session_id", id.as_ref())
    }

    /// Sets the field `request_id`.
    pub fn request_id(self, id: impl AsRef<str>) -> Self {
        self.field("request_id", id.as_ref())
    }

    /// Sets a field of the service's own; a key that is there already is replaced in its place.
    pub fn field<'v>(self, key: &str, value: impl Into<Value<'v>>) -> Self {
        let value = value.into();
        self.change_data(|data| {
            let entries = &mut data.entries;
            if entries.get(key).is_none() {
                entries.push(key, value);
            } else {
                let old = entries.iter();
                *entries = old.map(|(k, old)| (k, if k == key { value } else { old })).collect();
            }
        })
    }

    /// Whether the spans of this trace are recorded: sets or clears the flag `sampled`.
    pub fn sampled(self, yes: bool) -> Self {
        self.change_data(|data| {
            data.trace_flags = data.trace_flags & !SAMPLED | if yes { SAMPLED } else { 0 };
        })
    }

    /// What other tracing systems want to be handed on with the trace; never a part of a record.
    pub fn with_tracestate(self, tracestate: TraceState) -> Self {
        self.change(|inner| inner.tracestate = tracestate)
    }

    /// What the caller wants to be handed on to every service of the request; never a part of a
    /// record.
    pub fn with_baggage(self, baggage: Baggage) -> Self {
        self.change(|inner| inner.baggage = baggage)
    }

    /// The trace that this context is a part of.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.inner.data.trace_id
    }

    /// The span that this context is.
    pub fn span_id(&self) -> Option<SpanId> {
        self.inner.data.span_id
    }

    /// The span that this one is a child of.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.inner.data.parent_span_id
    }

    /// W3C trace flags; bit 0 is `sampled`.
    pub fn trace_flags(&self) -> u8 {
        self.inner.data.trace_flags
    }

    /// Whether the spans of this trace are recorded.
    pub fn is_sampled(&self) -> bool {
        self.trace_flags() & SAMPLED != 0
    }

    /// What a service that is called from here gets to know: the trace, and this span as the parent.
    pub fn traceparent(&self) -> Option<TraceParent> {
        let (trace_id, span_id) = (self.trace_id()?, self.span_id()?);
        Some(TraceParent { trace_id, span_id, flags: self.trace_flags() })
    }

    /// See [`Context::with_tracestate`].
    pub fn tracestate(&self) -> &TraceState {
        &self.inner.tracestate
    }

    /// See [`Context::with_baggage`].
    pub fn baggage(&self) -> &Baggage {
        &self.inner.baggage
    }

    /// The fields in the order they were set.
    pub fn fields(&self) -> &Fields {
        &self.inner.data.entries
    }

    pub(crate) fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.inner)
    }

    /// Makes this the calling thread's context until the scope goes; what was there before
    /// comes back then.
    pub fn enter(&self) -> Scope {
        Scope::of(Some(self))
    }

    /// Calls `f` in this context; what was there before comes back afterwards.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _scope = self.enter();
        f()
    }
}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        let (own, other) = (&*self.inner, &*other.inner);
        own.data == other.data && own.tracestate == other.tracestate && own.baggage == other.baggage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_stay_in_the_trace_and_keep_fields() {
        let root = Context::new().user_id("u").field("tenant", 7_u64);
        let child = root.child();
        assert_eq!(child.trace_id(), root.trace_id());
        assert_eq!(child.parent_span_id(), root.span_id());
        assert_ne!(child.span_id(), root.span_id());
        assert_eq!(child.fields(), root.fields());
        assert_ne!(Context::new().trace_id(), root.trace_id());
    }

    #[test]
    fn a_field_set_twice_keeps_its_place_and_the_last_value() {
        let context = Context::new().user_id("a").request_id("r").user_id("b");
        let fields: Vec<_> = context.fields().iter().collect();
        assert_eq!(fields, [("user_id", Value::Str("b")), ("request_id", Value::Str("r"))]);
    }

    #[test]
    fn a_remote_trace_is_continued_below_its_span() {
        let trace: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        let parent: SpanId = "b7ad6b7169203331".parse().unwrap();
        let context = Context::remote(trace, parent, 0);
        assert_eq!(context.trace_id(), Some(trace));
        assert_eq!(context.parent_span_id(), Some(parent));
        assert_eq!(context.trace_flags(), 0);
    }
}
