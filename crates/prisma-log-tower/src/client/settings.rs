//! How calls are logged.

use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, StatusCode};
use prisma_log_context::{Propagation, Tracer};
use prisma_log_core::Level;

use crate::captured::Captured;
use crate::query::Query;

pub(super) type Template = Arc<dyn Fn(&Extensions) -> Option<&str> + Send + Sync>;
pub(super) type LevelOf = Arc<dyn Fn(StatusCode) -> Level + Send + Sync>;

/// What all services of a layer share.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) tracer: Tracer,
    pub(super) propagation: Propagation,
    pub(super) always: bool,
    pub(super) template: Option<Template>,
    pub(super) query: Query,
    pub(super) request_headers: Captured,
    pub(super) response_headers: Captured,
    pub(super) level: LevelOf,
    pub(super) slow: Option<Duration>,
}

impl Settings {
    pub(super) fn new(tracer: Tracer) -> Self {
        Settings {
            tracer,
            propagation: Propagation::w3c(),
            always: false,
            template: None,
            query: Query::only::<&str>([]),
            request_headers: Captured::default(),
            response_headers: Captured::default(),
            level: Arc::new(level_by_class),
            slow: None,
        }
    }
}

/// Whether a failed call is an error, only the caller knows.
fn level_by_class(status: StatusCode) -> Level {
    if status.as_u16() >= 400 { Level::Warning } else { Level::Info }
}
