//! Where spans begin.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use prisma_log_core::{Fields, Level, Site, SpanKind, Value};
use slog::{Logger, Never, SendRefUnwindSafeDrain, SendSyncUnwindSafeDrain};

use crate::propagation::Incoming;
use crate::span::{Recording, Span};
use crate::{Context, Sampler};

/// Begins spans, whose ends become records of a logger.
///
/// Cheap to clone. The setters take and return the value.
///
/// ```
/// use prisma_log_context::{SpanKind, Tracer};
///
/// # let log = slog::Logger::root(slog::Discard, slog::o!());
/// let tracer = Tracer::new(&log);
/// let span = tracer.span("charge card").kind(SpanKind::Client).attribute("amount", 99.9).start();
/// {
///     let _scope = span.enter();
///     // Records logged here carry the span's trace_id and span_id; spans begun here are its children.
/// }
/// span.event("retry", &[("attempt", 2_u64.into())]);
/// span.end(); // dropping it ends it as well
/// ```
#[derive(Clone)]
pub struct Tracer {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) log: Logger,
    sampler: Sampler,
    level: Level,
}

impl Tracer {
    /// Spans end in records of this logger, at [`Level::Info`]; a trace without a parent is always
    /// recorded, others as their parent was.
    pub fn new<D>(log: &Logger<D>) -> Self
    where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = Never>
            + SendRefUnwindSafeDrain<Ok = (), Err = Never>
            + Clone
            + 'static,
    {
        let log = log.to_erased();
        Tracer { shared: Arc::new(Shared { log, sampler: Sampler::default(), level: Level::Info }) }
    }

    /// Which traces are recorded.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        Arc::make_mut(&mut self.shared).sampler = sampler;
        self
    }

    /// The level of the spans' records, unless a span has its own.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        Arc::make_mut(&mut self.shared).level = level;
        self
    }

    /// A span of this name, which is best the same for all spans of a kind, such as
    /// `GET /orders/{id}`; what differs belongs into attributes.
    ///
    /// Its parent is the context that the thread is in when it starts, if there is one.
    #[track_caller]
    pub fn span(&self, name: impl Into<Cow<'static, str>>) -> SpanBuilder<'_> {
        SpanBuilder {
            tracer: self,
            name: name.into(),
            parent: Parent::Current,
            kind: SpanKind::Internal,
            level: self.shared.level,
            always: false,
            attributes: Fields::new(),
            context_fields: Fields::new(),
            site: site_of(Location::caller()),
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tracer");
        shown.field("sampler", &self.shared.sampler).field("level", &self.shared.level);
        shown.finish_non_exhaustive()
    }
}

/// Builds a [`Span`].
#[derive(Debug)]
#[must_use = "no span begins until `start` is called"]
pub struct SpanBuilder<'t> {
    tracer: &'t Tracer,
    name: Cow<'static, str>,
    parent: Parent,
    kind: SpanKind,
    level: Level,
    always: bool,
    attributes: Fields,
    context_fields: Fields,
    site: Site<'static>,
}

fn site_of(place: &'static Location<'static>) -> Site<'static> {
    let mut site = Site::new(place.file(), place.line(), "");
    site.column = place.column();
    site
}

#[derive(Debug)]
enum Parent {
    Current,
    None,
    Local(Context),
    /// The span's own context below a parent elsewhere, and whether that one is sampled.
    Remote(Context, Option<bool>),
}

impl SpanBuilder<'_> {
    /// What the span is to its caller; [`SpanKind::Internal`] by default.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Begins a new trace, whatever context the thread is in.
    pub fn root(mut self) -> Self {
        self.parent = Parent::None;
        self
    }

    /// Puts the span below this context.
    pub fn child_of(mut self, parent: &Context) -> Self {
        self.parent = Parent::Local(parent.clone());
        self
    }

    /// Continues the trace that a request brought along; begins a new one where it brought none.
    pub fn continues(mut self, incoming: &Incoming) -> Self {
        self.parent = Parent::Remote(incoming.context(), incoming.sampled);
        self
    }

    /// Adds an attribute that is known from the beginning.
    pub fn attribute<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        self.attributes.push(key, value);
        self
    }

    /// Adds a field to the span's context, such as the request's id: every record of the span, and of
    /// what is below it, carries it.
    pub fn context_field<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        self.context_fields.push(key, value);
        self
    }

    /// The call site of the span's record, where that is not the call of [`Tracer::span`].
    pub fn site(mut self, site: Site<'static>) -> Self {
        self.site = site;
        self
    }

    /// The level of the span's record.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Whether there is a record even where the trace is not sampled, because it is wanted in the log
    /// all the same, as that of a request is; off by default.
    pub fn always(mut self, yes: bool) -> Self {
        self.always = yes;
        self
    }

    /// Begins the span.
    pub fn start(self) -> Span {
        let shared = &self.tracer.shared;
        let below = |parent: Option<Context>| match parent {
            Some(parent) => {
                let sampled = parent.trace_id().map(|_| parent.is_sampled());
                (parent.child(), sampled)
            }
            None => (Context::new(), None),
        };
        let (context, parent_sampled) = match self.parent {
            Parent::Current => below(Context::current()),
            Parent::Local(parent) => below(Some(parent)),
            Parent::None => below(None),
            Parent::Remote(context, sampled) => (context, sampled),
        };
        let sampled =
            context.trace_id().is_some_and(|id| shared.sampler.samples(id, parent_sampled));
        let context =
            if context.is_sampled() == sampled { context } else { context.sampled(sampled) };
        let context = self
            .context_fields
            .iter()
            .fold(context, |context, (key, value)| context.field(key, value));
        let recording = (sampled || self.always).then(|| {
            let tracer = Arc::clone(shared);
            Recording::new(tracer, self.name, self.kind, self.level, self.attributes, self.site)
        });
        Span::new(context, recording)
    }
}
