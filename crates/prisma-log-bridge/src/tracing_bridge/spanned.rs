//! A span of `tracing` and the span of ours that it is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prisma_log_context::Span;
use prisma_log_core::{SpanKind, SpanStatus, Value};

/// Fields that say something about the span, instead of being attributes.
const ABOUT_THE_SPAN: &str = "otel.";

pub(super) struct Spanned {
    pub(super) span: Span,
    status: Mutex<Status>,
}

/// What was said of how it went.
#[derive(Default)]
struct Status {
    code: Option<SpanStatus>,
    message: String,
}

impl Spanned {
    pub(super) fn new(span: Span) -> Self {
        Spanned { span, status: Mutex::default() }
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the field may be about the span.
    pub(super) fn is_about_it(key: &str) -> bool {
        key.starts_with(ABOUT_THE_SPAN)
    }

    /// Takes in a field.
    pub(super) fn record(&self, key: &str, value: Value<'_>) {
        if !Spanned::is_about_it(key) || !self.understand(key, value) {
            self.span.attribute(key, value);
        }
    }

    /// Whether the field says something about the span, which is then done.
    fn understand(&self, key: &str, value: Value<'_>) -> bool {
        let Value::Str(text) = value else { return false };
        match key {
            "otel.name" => self.span.name(text.to_owned()),
            "otel.kind" => match SpanKind::parse(&text.to_ascii_lowercase()) {
                Some(kind) => self.span.kind(kind),
                None => return false,
            },
            "otel.status_code" => match SpanStatus::parse(&text.to_ascii_lowercase()) {
                Some(code) => self.say(|status| status.code = Some(code)),
                None => return false,
            },
            "otel.status_message" | "otel.status_description" => self.say(|status| {
                status.message = text.to_owned();
                status.code.get_or_insert(SpanStatus::Error);
            }),
            _ => return false,
        }
        true
    }

    fn say(&self, change: impl FnOnce(&mut Status)) {
        let mut status = self.status();
        change(&mut status);
        match status.code {
            Some(SpanStatus::Ok) => self.span.succeed(),
            Some(SpanStatus::Error) => self.span.fail(status.message.as_str()),
            _ => {}
        }
    }

    /// An error happened in it.
    pub(super) fn saw_error(&self, reason: &str) {
        if self.status().code.is_none() {
            self.span.fail(reason);
        }
    }
}
