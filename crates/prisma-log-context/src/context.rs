//! The context of one request or unit of work.

use std::sync::Arc;

use prisma_log_core::{ContextData, Fields, SpanId, TraceId, Value};

use crate::ids;
use crate::scope::{Scope, current_data};

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
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a context does nothing until it is entered"]
pub struct Context {
    data: Arc<ContextData>,
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
        Context { data: Arc::new(data) }
    }

    /// The context that the calling thread is in.
    pub fn current() -> Option<Self> {
        current_data().map(|data| Context { data })
    }

    /// A new span below this one: same trace, same fields.
    pub fn child(&self) -> Self {
        let mut data = (*self.data).clone();
        data.parent_span_id = data.span_id;
        data.span_id = Some(ids::span_id());
        Context { data: Arc::new(data) }
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
    pub fn field<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        let value = value.into();
        let entries = &mut Arc::make_mut(&mut self.data).entries;
        if entries.get(key).is_none() {
            entries.push(key, value);
        } else {
            let replaced: Fields =
                entries.iter().map(|(k, old)| (k, if k == key { value } else { old })).collect();
            *entries = replaced;
        }
        self
    }

    /// The trace that this context is a part of.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.data.trace_id
    }

    /// The span that this context is.
    pub fn span_id(&self) -> Option<SpanId> {
        self.data.span_id
    }

    /// The span that this one is a child of.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.data.parent_span_id
    }

    /// W3C trace flags; bit 0 is `sampled`.
    pub fn trace_flags(&self) -> u8 {
        self.data.trace_flags
    }

    /// The fields in the order they were set.
    pub fn fields(&self) -> &Fields {
        &self.data.entries
    }

    /// Makes this the calling thread's context until the scope goes; what was there before
    /// comes back then.
    pub fn enter(&self) -> Scope {
        Scope::enter(Arc::clone(&self.data))
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
