//! What `tracing` calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prisma_log_context::{Context, Sampler, Tracer};
use prisma_log_pipeline::PipelineDrain;
use slog::{Logger, OwnedKVList, o};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context as LayerContext;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::entered;
use super::event::{self, level_of, site_of};
use super::spanned::Spanned;
use super::visit::Visitor;
use crate::gathered::with_gathered;
use crate::loggers::Loggers;
use crate::tracing_sink;
use prisma_log_core::support::Table;

/// What the layer and its filter share.
pub(super) struct Shared {
    /// Tells the layers of a process apart.
    number: u64,
    pub(super) loggers: Loggers,
    tracers: Table<Tracer>,
    sampler: Sampler,
    pub(super) no_values: OwnedKVList,
}

impl Shared {
    pub(super) fn new(drain: &PipelineDrain, sampler: Sampler) -> Self {
        static LAYERS: AtomicU64 = AtomicU64::new(0);
        Shared {
            number: LAYERS.fetch_add(1, Ordering::Relaxed),
            loggers: Loggers::new(drain.named("")),
            tracers: Table::new(),
            sampler,
            no_values: o!().into(),
        }
    }

    /// Whether any sink takes what is described so.
    #[inline]
    pub(super) fn takes(&self, metadata: &Metadata<'_>) -> bool {
        self.loggers.take(metadata.target(), level_of(metadata))
            && !tracing_sink::is_source_of(metadata)
    }

    /// The tracer whose logger has this name.
    fn tracer(&self, target: &str) -> Tracer {
        let make = || {
            self.loggers.with(target, |drain| {
                let log = Logger::root_typed(drain.clone(), o!());
                Tracer::new(&log).sampler(self.sampler)
            })
        };
        self.tracers.get_or_keep(target, make).cloned().unwrap_or_else(make)
    }
}

pub(super) struct BridgeLayer {
    shared: Arc<Shared>,
    /// What it does not take, nobody does.
    alone: bool,
}

/// What spans are to the layers of this kind; there is one, nearly always.
struct Ours(Vec<(u64, Arc<Spanned>)>);

impl BridgeLayer {
    pub(super) fn alone(shared: &Arc<Shared>) -> Self {
        BridgeLayer { shared: Arc::clone(shared), alone: true }
    }

    pub(super) fn beside_others(shared: &Arc<Shared>) -> Self {
        BridgeLayer { shared: Arc::clone(shared), alone: false }
    }

    fn keep<'a, S: LookupSpan<'a>>(&self, span: &SpanRef<'a, S>, spanned: Spanned) {
        let entry = (self.shared.number, Arc::new(spanned));
        let mut extensions = span.extensions_mut();
        match extensions.get_mut::<Ours>() {
            Some(Ours(entries)) => entries.push(entry),
            None => extensions.insert(Ours(vec![entry])),
        }
    }

    /// What the span is to us. Nothing of a user's is called while the registry's lock is held.
    fn find<'a, S: LookupSpan<'a>>(&self, span: &SpanRef<'a, S>) -> Option<Arc<Spanned>> {
        let extensions = span.extensions();
        let Ours(entries) = extensions.get::<Ours>()?;
        let entry = entries.iter().find(|(number, _)| *number == self.shared.number)?;
        Some(Arc::clone(&entry.1))
    }

    fn forget<'a, S: LookupSpan<'a>>(&self, span: &SpanRef<'a, S>) -> Option<Arc<Spanned>> {
        let mut extensions = span.extensions_mut();
        let Ours(entries) = extensions.get_mut::<Ours>()?;
        let at = entries.iter().position(|(number, _)| *number == self.shared.number)?;
        Some(entries.swap_remove(at).1)
    }

    fn key(&self, id: &Id) -> (u64, u64) {
        (self.shared.number, id.into_u64())
    }
}

impl<S> Layer<S> for BridgeLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// Levels change while the program runs: asked each time.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        if self.alone { Interest::sometimes() } else { Interest::always() }
    }

    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, _: LayerContext<'_, S>) -> bool {
        !self.alone || self.shared.takes(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: LayerContext<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        let metadata = attributes.metadata();
        let tracer = self.shared.tracer(metadata.target());
        let mut builder =
            tracer.span(metadata.name()).level(level_of(metadata)).site(site_of(metadata));
        if attributes.is_root() {
            builder = builder.root();
        } else if attributes.parent().is_some() || Context::current().is_none() {
            // Contextual parents are entered, so that they are the thread's context or above it.
            let parent = span.parent().and_then(|parent| self.find(&parent));
            if let Some(parent) = parent {
                builder = builder.child_of(parent.span.context());
            }
        }
        let spanned = with_gathered(|gathered| {
            attributes.record(&mut Visitor { gathered, of_event: false });
            for (key, value) in gathered.iter().filter(|(key, _)| !Spanned::is_about_it(key)) {
                builder = builder.attribute(key, value);
            }
            let spanned = Spanned::new(builder.start());
            for (key, value) in gathered.iter().filter(|(key, _)| Spanned::is_about_it(key)) {
                spanned.record(key, value);
            }
            spanned
        });
        self.keep(&span, spanned);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: LayerContext<'_, S>) {
        let Some(spanned) = cx.span(id).and_then(|span| self.find(&span)) else { return };
        with_gathered(|gathered| {
            values.record(&mut Visitor { gathered, of_event: false });
            for (key, value) in gathered.iter() {
                spanned.record(key, value);
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, cx: LayerContext<'_, S>) {
        let spanned = || cx.event_span(event).and_then(|span| self.find(&span));
        let parent = event.parent().and_then(|_| spanned());
        let _scope = parent.as_ref().map(|parent| parent.span.enter());
        event::write(&self.shared, event, |reason| {
            if let Some(spanned) = spanned() {
                spanned.saw_error(reason);
            }
        });
    }

    fn on_enter(&self, id: &Id, cx: LayerContext<'_, S>) {
        if let Some(spanned) = cx.span(id).and_then(|span| self.find(&span)) {
            entered::enter(self.key(id), &spanned.span);
        }
    }

    fn on_exit(&self, id: &Id, _: LayerContext<'_, S>) {
        entered::exit(self.key(id));
    }

    fn on_close(&self, id: Id, cx: LayerContext<'_, S>) {
        // The last of it: its record is written here, while no lock is held.
        let spanned = cx.span(&id).and_then(|span| self.forget(&span));
        drop(spanned);
    }
}
