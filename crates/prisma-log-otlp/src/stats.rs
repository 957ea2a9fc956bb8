//! Counters that a ledger has no room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a sink did so far; clones look at the same counters.
#[derive(Clone, Debug, Default)]
pub struct OtlpStats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    taken: AtomicU64,
    refused: AtomicU64,
    put_off: AtomicU64,
    splits: AtomicU64,
    skipped: AtomicU64,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident, $add:ident;)*) => {
        impl OtlpStats {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> u64 {
                    self.0.$name.load(Ordering::Relaxed)
                }

                pub(crate) fn $add(&self, count: usize) {
                    self.0.$name.fetch_add(count as u64, Ordering::Relaxed);
                }
            )*
        }
    };
}

counters! {
    /// Requests made, answered or not.
    requests, add_requests;
    /// Records that a server said it took.
    taken, add_taken;
    /// Records that a server refused for good; a front end's ledger has them as dropped.
    refused, add_refused;
    /// How often a server was away, or asked to be left alone, and its records were put off.
    put_off, add_put_off;
    /// How often a request was too large, and was sent again in halves.
    splits, add_splits;
    /// Records that are none for the server: to Zipkin, what is no sampled span. A front end's ledger
    /// has them as delivered.
    skipped, add_skipped;
}
