//! How requests are logged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Extensions, StatusCode};
use prisma_log_context::{Propagation, Span, Tracer};
use prisma_log_core::Level;

use crate::captured::Captured;
use crate::query::Query;
use crate::server::ServerStats;

pub(super) type Route = Arc<dyn Fn(&Extensions) -> Option<&str> + Send + Sync>;
pub(super) type Peer = Arc<dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync>;
pub(super) type LevelOf = Arc<dyn Fn(StatusCode) -> Level + Send + Sync>;
pub(super) type Enrich = Arc<dyn Fn(&Span, &Extensions) + Send + Sync>;

/// What all services of a layer share.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(super) tracer: Tracer,
    pub(super) propagation: Propagation,
    pub(super) always: bool,
    pub(super) route: Option<Route>,
    pub(super) peer: Option<Peer>,
    pub(super) trusted_proxies: usize,
    pub(super) scheme: &'static str,
    pub(super) path: bool,
    pub(super) query: Query,
    pub(super) request_headers: Captured,
    pub(super) response_headers: Captured,
    pub(super) request_id: bool,
    pub(super) level: LevelOf,
    pub(super) slow: Option<Duration>,
    pub(super) enrich: Option<Enrich>,
    pub(super) skip: Vec<Skip>,
    pub(super) keep: Keep,
    pub(super) stats: ServerStats,
}

impl Settings {
    pub(super) fn new(tracer: Tracer) -> Self {
        Settings {
            tracer,
            propagation: Propagation::w3c(),
            always: true,
            route: None,
            peer: None,
            trusted_proxies: 0,
            scheme: "http",
            path: true,
            query: Query::omitted(),
            request_headers: Captured::default(),
            response_headers: Captured::default(),
            request_id: false,
            level: Arc::new(level_by_class),
            slow: None,
            enrich: None,
            skip: Vec::new(),
            keep: Keep::default(),
            stats: ServerStats::default(),
        }
    }

    pub(super) fn skips(&self, path: &str) -> bool {
        self.skip.iter().any(|rule| rule.applies(path))
    }
}

fn level_by_class(status: StatusCode) -> Level {
    match status.as_u16() {
        500.. => Level::Error,
        400.. => Level::Warning,
        _ => Level::Info,
    }
}

/// A path that leaves no record.
#[derive(Clone, Debug)]
pub(super) enum Skip {
    Exactly(Box<str>),
    Below(Box<str>),
}

impl Skip {
    fn applies(&self, path: &str) -> bool {
        match self {
            Skip::Exactly(rule) => **rule == *path,
            Skip::Below(rule) => path.starts_with(&**rule),
        }
    }
}

/// Which records of those below WARNING are kept.
#[derive(Clone, Debug)]
pub(super) struct Keep {
    one_in: u64,
    pub(super) sampled_too: bool,
    seen: Arc<AtomicU64>,
}

impl Default for Keep {
    fn default() -> Self {
        Keep { one_in: 1, sampled_too: false, seen: Arc::default() }
    }
}

impl Keep {
    pub(super) fn one_in(&mut self, n: u64) {
        *self = Keep { one_in: n.max(1), seen: Arc::default(), ..*self };
    }

    /// Counts one more; the first of every `one_in` is kept.
    pub(super) fn next(&self) -> bool {
        self.one_in == 1 || self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.one_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_class() {
        fn check(status: u16, level: Level) {
            assert_eq!(level_by_class(StatusCode::from_u16(status).unwrap()), level, "{status}");
        }
        check(100, Level::Info);
        check(200, Level::Info);
        check(399, Level::Info);
        check(400, Level::Warning);
        check(499, Level::Warning);
        check(500, Level::Error);
        check(999, Level::Error);
    }

    #[test]
    fn skip_rules_are_whole_paths_or_beginnings() {
        fn check(rule: Skip, path: &str, applies: bool) {
            assert_eq!(rule.applies(path), applies, "{rule:?} {path}");
        }
        let exactly = || Skip::Exactly("/livez".into());
        check(exactly(), "/livez", true);
        check(exactly(), "/livez/", false);
        check(exactly(), "/LIVEZ", false);
        let below = || Skip::Below("/static/".into());
        check(below(), "/static/a.css", true);
        check(below(), "/static", false);
        check(below(), "/a/static/", false);
    }

    #[test]
    fn the_first_of_every_n_is_kept() {
        fn check(n: u64, kept: usize) {
            let mut keep = Keep::default();
            keep.one_in(n);
            assert!(keep.next());
            assert_eq!(1 + (1..1000).filter(|_| keep.next()).count(), kept, "1 in {n}");
        }
        check(0, 1000);
        check(1, 1000);
        check(3, 334);
        check(10, 100);
        check(u64::MAX, 1);
    }
}
