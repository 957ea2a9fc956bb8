//! What a server is doing, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of a [`ServerLayer`](crate::ServerLayer)'s requests since it was made; clones share them.
///
/// Every request that began is, at any later time, in flight or has ended in exactly one way:
/// begun = in flight + responses + errors + panics + cancelled.
#[derive(Clone, Debug, Default)]
pub struct ServerStats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    in_flight: AtomicU64,
    /// By the status code's first digit, from 1.
    responses: [AtomicU64; 9],
    errors: AtomicU64,
    panics: AtomicU64,
    cancelled: AtomicU64,
    unlogged: AtomicU64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Response(http::StatusCode),
    Error,
    Panic,
    Cancelled,
}

impl ServerStats {
    /// Requests whose response has not begun.
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Responses of a class: 2 for 200 to 299, and so on, from 1 to 9.
    pub fn responses(&self, class: u16) -> u64 {
        let counter = usize::from(class).checked_sub(1).and_then(|at| self.0.responses.get(at));
        counter.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Requests that ended in an error of the service.
    pub fn errors(&self) -> u64 {
        self.0.errors.load(Ordering::Relaxed)
    }

    /// Requests whose handler panicked.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Requests that were given up before there was a response.
    pub fn cancelled(&self) -> u64 {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Requests that ended in any way.
    pub fn ended(&self) -> u64 {
        let responses: u64 = (1..=9).map(|class| self.responses(class)).sum();
        responses + self.errors() + self.panics() + self.cancelled()
    }

    /// Those among them that left no record, by a rule of
    /// [`skip`](crate::ServerLayer::skip) or [`keep_one_in`](crate::ServerLayer::keep_one_in).
    pub fn unlogged(&self) -> u64 {
        self.0.unlogged.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, ending: Ending) {
        let counter = match ending {
            Ending::Response(status) => {
                let class = usize::from(status.as_u16() / 100).clamp(1, 9);
                &self.0.responses[class - 1]
            }
            Ending::Error => &self.0.errors,
            Ending::Panic => &self.0.panics,
            Ending::Cancelled => &self.0.cancelled,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn leave_out(&self) {
        self.0.unlogged.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn every_status_has_a_class() {
        let stats = ServerStats::default();
        for (code, class) in [(100, 1), (204, 2), (302, 3), (404, 4), (503, 5), (999, 9)] {
            stats.begin();
            stats.end(Ending::Response(StatusCode::from_u16(code).unwrap()));
            assert_eq!(stats.responses(class), 1, "{code}");
        }
        stats.begin();
        assert_eq!((stats.ended(), stats.in_flight()), (6, 1));
        assert_eq!((stats.responses(0), stats.responses(10)), (0, 0));
    }
}
