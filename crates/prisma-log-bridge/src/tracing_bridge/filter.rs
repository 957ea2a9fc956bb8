//! What is taken at all.

use std::sync::Arc;

use tracing::Metadata;
use tracing::subscriber::Interest;
use tracing_subscriber::layer::{Context, Filter};

use super::layer::Shared;

/// Takes what any sink of the pipeline takes now.
pub(super) struct PipelineFilter(Arc<Shared>);

impl PipelineFilter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        PipelineFilter(shared)
    }
}

impl<S> Filter<S> for PipelineFilter {
    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.0.takes(metadata)
    }

    /// Levels change while the program runs: asked each time.
    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
}
