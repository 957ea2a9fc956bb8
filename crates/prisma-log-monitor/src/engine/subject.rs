//! What rules are asked about: a line of a file, however much of it was read, or a record of the
//! process.

use prisma_log_core::{Level, Record, SpanId, TraceId, Value};
use prisma_log_tail::{LineView, LogLine};

/// Something that rules are asked about.
pub(crate) trait Subject {
    fn level(&self) -> Option<Level>;
    fn logger(&self) -> Option<&str>;
    fn message(&self) -> &str;
    fn trace_id(&self) -> Option<TraceId>;
    fn span_id(&self) -> Option<SpanId>;
    fn field(&self, key: &str) -> Option<Value<'_>>;
}

impl Subject for LogLine {
    fn level(&self) -> Option<Level> {
        self.level
    }

    fn logger(&self) -> Option<&str> {
        self.logger.as_deref()
    }

    fn message(&self) -> &str {
        &self.message
    }

    fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    fn span_id(&self) -> Option<SpanId> {
        self.span_id
    }

    fn field(&self, key: &str) -> Option<Value<'_>> {
        self.fields.get(key)
    }
}

impl Subject for LineView<'_> {
    fn level(&self) -> Option<Level> {
        self.level()
    }

    fn logger(&self) -> Option<&str> {
        self.logger()
    }

    fn message(&self) -> &str {
        self.message()
    }

    fn trace_id(&self) -> Option<TraceId> {
        self.trace_id()
    }

    fn span_id(&self) -> Option<SpanId> {
        self.span_id()
    }

    fn field(&self, key: &str) -> Option<Value<'_>> {
        self.field(key)
    }
}

impl Subject for Record<'_> {
    fn level(&self) -> Option<Level> {
        Some(self.level)
    }

    fn logger(&self) -> Option<&str> {
        (!self.logger.is_empty()).then_some(self.logger)
    }

    fn message(&self) -> &str {
        self.message
    }

    fn trace_id(&self) -> Option<TraceId> {
        self.context.trace_id
    }

    fn span_id(&self) -> Option<SpanId> {
        self.context.span_id
    }

    fn field(&self, key: &str) -> Option<Value<'_>> {
        self.fields.get(key).or_else(|| self.context.entries.get(key))
    }
}
