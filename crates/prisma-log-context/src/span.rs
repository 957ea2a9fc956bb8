//! A span, from its start to the record of its end.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_core::support::emit_reversed;
use prisma_log_core::{Fields, Level, Site, SpanEvents, SpanKind, SpanRecord, SpanStatus, Value};
use slog::{BorrowedKV, RecordLocation, RecordStatic, Serializer};

use crate::tracer::Shared;
use crate::{Context, Scope};

/// As OpenTelemetry's SDKs do by default.
const MAX_ATTRIBUTES: usize = 128;

/// A piece of work with a beginning and an end, as a part of a trace.
///
/// When it ends, by [`Span::end`] or by being dropped, it becomes a record of its
/// [`Tracer`](crate::Tracer)'s logger: see [`SpanRecord`] for its form. A span of a trace that is not
/// sampled leaves no record and costs next to nothing, but its context is as good as any other.
///
/// A span may be shared between threads.
#[must_use = "a span that is not kept ends at once"]
pub struct Span {
    context: Context,
    recording: Option<Box<Recording>>,
}

/// What becomes a record.
pub(crate) struct Recording {
    tracer: Arc<Shared>,
    start: Instant,
    site: Site<'static>,
    state: Mutex<State>,
}

struct State {
    name: Cow<'static, str>,
    kind: SpanKind,
    level: Level,
    status: SpanStatus,
    message: String,
    attributes: Fields,
    dropped_attributes: u64,
    events: SpanEvents,
}

impl Recording {
    pub(crate) fn new(
        tracer: Arc<Shared>,
        name: Cow<'static, str>,
        kind: SpanKind,
        level: Level,
        attributes: Fields,
        site: Site<'static>,
    ) -> Self {
        let state = State {
            name,
            kind,
            level,
            status: SpanStatus::Unset,
            message: String::new(),
            attributes,
            dropped_attributes: 0,
            events: SpanEvents::new(),
        };
        Recording { tracer, start: Instant::now(), site, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(self, context: &Context) {
        let duration = self.start.elapsed();
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if state.status == SpanStatus::Unset && std::thread::panicking() {
            (state.status, state.message) = (SpanStatus::Error, "panicked".to_owned());
        }
        let location = RecordLocation {
            file: self.site.file,
            line: self.site.line,
            column: self.site.column,
            function: self.site.function,
            module: self.site.module,
        };
        let level = state.level.into();
        let fixed = RecordStatic { location: &location, tag: SpanRecord::TAG, level };
        let name = std::mem::take(&mut state.name);
        let fields = state.into_fields(duration);
        let _scope = context.enter();
        let message = format_args!("{name}");
        let record = slog::Record::new(&fixed, &message, BorrowedKV(&fields));
        self.tracer.log.log(&record);
    }
}

impl State {
    fn set(&mut self, key: &str, value: Value<'_>) {
        let attributes = &mut self.attributes;
        if attributes.get(key).is_some() {
            let old = attributes.iter();
            *attributes = old.map(|(k, old)| (k, if k == key { value } else { old })).collect();
        } else if attributes.len() < MAX_ATTRIBUTES {
            attributes.push(key, value);
        } else {
            self.dropped_attributes += 1;
        }
    }

    /// In the order that [`SpanRecord`] wants them in.
    fn into_fields(self, duration: Duration) -> Reversed {
        // Room for our own fields, which are fewer than 200 bytes unless something went wrong.
        let mut fields = Fields::with_capacity(256 + self.attributes.as_encoded().len());
        fields.push(SpanRecord::KIND, self.kind.as_str());
        fields.push(SpanRecord::STATUS, self.status.as_str());
        if !self.message.is_empty() {
            fields.push(SpanRecord::STATUS_MESSAGE, &*self.message);
        }
        let dropped_events = self.events.dropped();
        if let Some(events) = self.events.into_json() {
            fields.push(SpanRecord::EVENTS, Value::Json(&events));
        }
        if self.dropped_attributes > 0 {
            fields.push(SpanRecord::DROPPED_ATTRIBUTES, self.dropped_attributes);
        }
        if dropped_events > 0 {
            fields.push(SpanRecord::DROPPED_EVENTS, dropped_events);
        }
        fields.push(SpanRecord::DURATION, duration.as_nanos() as f64 / 1e6);
        fields.append(&self.attributes);
        Reversed(fields)
    }
}

/// Hands fields to slog as its macros do: last written first.
struct Reversed(Fields);

impl slog::KV for Reversed {
    fn serialize(&self, _: &slog::Record<'_>, serializer: &mut dyn Serializer) -> slog::Result {
        emit_reversed(self.0.as_ref(), serializer)
    }
}

impl Span {
    pub(crate) fn new(context: Context, recording: Option<Recording>) -> Self {
        Span { context, recording: recording.map(Box::new) }
    }

    /// The span's position in its trace: enter it, put futures in it, send it on.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Makes this the span that the calling thread is in until the scope goes.
    pub fn enter(&self) -> Scope {
        self.context.enter()
    }

    /// Calls `f` in this span.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.context.run(f)
    }

    /// Whether its trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.context.is_sampled()
    }

    /// Whether there will be a record of it, so that what is costly to find out about it is worth
    /// finding out.
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Gives it another name, where a better one than at the start is known.
    pub fn name(&self, name: impl Into<Cow<'static, str>>) {
        self.change(|state| state.name = name.into());
    }

    /// Says anew what it is to its caller.
    pub fn kind(&self, kind: SpanKind) {
        self.change(|state| state.kind = kind);
    }

    /// Gives its record another level.
    pub fn level(&self, level: Level) {
        self.change(|state| state.level = level);
    }

    /// Sets an attribute; one that is there already is replaced. After the 128th, new ones are counted
    /// only.
    pub fn attribute<'v>(&self, key: &str, value: impl Into<Value<'v>>) {
        self.change(|state| state.set(key, value.into()));
    }

    /// Sets attributes that were gathered before, as [`Span::attribute`] does one by one.
    pub fn attributes(&self, gathered: Fields) {
        self.change(|state| {
            if state.attributes.is_empty() && gathered.len() <= MAX_ATTRIBUTES {
                state.attributes = gathered;
            } else {
                gathered.iter().for_each(|(key, value)| state.set(key, value));
            }
        });
    }

    /// Notes that something happened, now. After the 128th, and after 64 KiB, they are counted only.
    pub fn event(&self, name: &str, attributes: &[(&str, Value<'_>)]) {
        if let Some(recording) = &self.recording {
            let offset = recording.start.elapsed();
            recording.state().events.push(name, offset, attributes);
        }
    }

    /// Says that it went well, whatever was said before.
    pub fn succeed(&self) {
        self.change(|state| (state.status, state.message) = (SpanStatus::Ok, String::new()));
    }

    /// Says that it failed, and why.
    pub fn fail(&self, why: impl Into<String>) {
        self.change(|state| (state.status, state.message) = (SpanStatus::Error, why.into()));
    }

    /// Ends it.
    pub fn end(self) {
        drop(self);
    }

    /// Ends it without a record, where it turned out that nobody wants one.
    pub fn discard(mut self) {
        self.recording = None;
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if let Some(recording) = &self.recording {
            change(&mut recording.state());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.write(&self.context);
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Span");
        shown.field("context", &self.context).field("is_recording", &self.is_recording());
        shown.finish()
    }
}
