//! Events and spans of `tracing`.

mod entered;
mod event;
mod filter;
mod layer;
mod spanned;
mod visit;

use std::fmt;
use std::sync::Arc;

use prisma_log_context::Sampler;
use prisma_log_core::Error;
use prisma_log_pipeline::PipelineDrain;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use filter::PipelineFilter;
use layer::{BridgeLayer, Shared};

/// Takes the events and spans of `tracing` into a pipeline.
///
/// ```no_run
/// use prisma_log_bridge::TracingBridge;
/// use prisma_log_core::Filter;
/// use prisma_log_pipeline::Pipeline;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// # struct Stdout;
/// # impl prisma_log_core::Sink for Stdout {
/// #     fn write(&mut self, _: &[prisma_log_core::Record<'_>]) -> Result<(), prisma_log_core::BatchError> { Ok(()) }
/// #     fn flush(&mut self) -> Result<(), prisma_log_core::Error> { Ok(()) }
/// #     fn durability(&self) -> prisma_log_core::Durability { prisma_log_core::Durability::Memory }
/// # }
/// let filter: Filter = "info,hyper=warn".parse()?;
/// let pipeline = Pipeline::builder().sink("out", filter, Stdout).build()?;
/// // Alone: `TracingBridge::new(pipeline.drain()).install()?`. Beside other layers:
/// let subscriber = tracing_subscriber::registry().with(TracingBridge::new(pipeline.drain()).layer());
/// tracing::subscriber::set_global_default(subscriber).unwrap();
///
/// let span = tracing::info_span!("charge card", amount = 99.9, otel.kind = "client");
/// span.in_scope(|| tracing::info!(attempt = 1, "asking the bank"));
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Events
/// An event's target is its record's logger; its message the record's, or its name, if it was given
/// one and no message; file, line and module the call site. Fields keep their types: bool, the integers
/// up to 128 bits, floats, text, bytes; an error is text with its sources; what is recorded by `?` or
/// `%` is the text that it formats to.
///
/// The record's context is the thread's, or that of the span that the event names as its parent.
/// Events that came from `log` by way of `tracing-log` get their own target and call site back.
///
/// # Spans
/// A span becomes a [`Span`](prisma_log_context::Span) of a
/// [`Tracer`](prisma_log_context::Tracer) whose logger is its target. It is below the span that it
/// names as its parent, or in the thread's context: both know only one innermost, be it a span of
/// `tracing` or a context of ours. Without either, or with `parent: None`, it begins a trace. While it
/// is entered, its context is the thread's. Fields are attributes; these, as users of
/// `tracing-opentelemetry` know them, are not: `otel.name`, `otel.kind` (`internal`, `server`,
/// `client`, `producer`, `consumer`), `otel.status_code` (`ok`, `error`), `otel.status_message` and
/// `otel.status_description`. An event at ERROR fails the span that it is in, with its field `error`
/// or its message as the reason, unless a status was recorded. `follows_from` has no counterpart and
/// is not kept; events are records with the span's id, not events within the span's record.
///
/// A span that no sink takes is none: what is below it is below the next one above. So where spans at
/// INFO are filtered out, their records carry no trace id.
///
/// # Cost
/// An event costs no allocation; its values are copied twice. One that nobody takes costs the look-up
/// of its target, since levels may change at any time; see [`TracingBridge::layer`] for what it costs
/// beside other layers.
#[derive(Clone)]
#[must_use = "nothing is taken until `layer` or `install` is called"]
pub struct TracingBridge {
    drain: PipelineDrain,
    sampler: Sampler,
}

impl TracingBridge {
    /// A bridge into the drain's pipeline; the drain's own name is not used. Every trace that begins
    /// here is recorded, others as their parent was.
    pub fn new(drain: PipelineDrain) -> Self {
        TracingBridge { drain, sampler: Sampler::default() }
    }

    /// Which traces' spans are recorded.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// The layer, for a subscriber that has others as well. It has a filter of its own: what the
    /// pipeline does not take, the other layers still see, and it is made for them: `tracing-subscriber`
    /// evaluates the arguments of an event, and keeps a span, that filters of single layers refuse.
    pub fn layer<S>(self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let shared = Arc::new(Shared::new(&self.drain, self.sampler));
        BridgeLayer::beside_others(&shared).with_filter(PipelineFilter::new(shared))
    }

    /// A subscriber with this layer alone: what the pipeline does not take is not even made.
    pub fn subscriber(self) -> impl Subscriber + Send + Sync + 'static {
        let shared = Arc::new(Shared::new(&self.drain, self.sampler));
        tracing_subscriber::registry().with(BridgeLayer::alone(&shared))
    }

    /// Makes [`TracingBridge::subscriber`] the process's default, for as long as it runs.
    ///
    /// # Errors
    /// When there is one already.
    pub fn install(self) -> Result<(), Error> {
        let installed = tracing::subscriber::set_global_default(self.subscriber());
        installed.map_err(|_| Error::state("cannot bridge `tracing`: it has a subscriber already"))
    }
}

impl fmt::Debug for TracingBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracingBridge").field("sampler", &self.sampler).finish_non_exhaustive()
    }
}
