//! The loss ledger: what happened to every record, exactly.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a record did not reach a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The sink returned an error.
    SinkFailed,
    /// The sink panicked.
    SinkPanicked,
    /// The record was made by the sink itself while it wrote, and can't be written through it.
    Reentrant,
    /// The queue had no room for the record, and the overflow rule gave it up.
    QueueFull,
    /// The sink was in trouble for so long that the record went to its fallback instead, which
    /// counts it in a ledger of its own.
    FailedOver,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [DropReason; 5] = [
        DropReason::SinkFailed,
        DropReason::SinkPanicked,
        DropReason::Reentrant,
        DropReason::QueueFull,
        DropReason::FailedOver,
    ];

    /// The reason as a metric label: `sink_failed`, `sink_panicked`, `reentrant`,
    /// `queue_full`, `failed_over`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DropReason::SinkFailed => "sink_failed",
            DropReason::SinkPanicked => "sink_panicked",
            DropReason::Reentrant => "reentrant",
            DropReason::QueueFull => "queue_full",
            DropReason::FailedOver => "failed_over",
        }
    }
}

/// Counters of one sink. At rest `submitted = delivered + dropped` holds exactly; while calls
/// are under way the difference is what is in flight.
#[derive(Debug, Default)]
pub struct Ledger {
    submitted: AtomicU64,
    delivered: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Ledger {
    /// Counts records handed over for the sink.
    pub fn submit(&self, records: u64) {
        self.submitted.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts records that the sink took.
    pub fn deliver(&self, records: u64) {
        self.delivered.fetch_add(records, Ordering::Release);
    }

    /// Counts records that are lost.
    pub fn drop_records(&self, records: u64, reason: DropReason) {
        self.dropped[reason as usize].fetch_add(records, Ordering::Release);
    }

    /// The counters as they stand.
    pub fn snapshot(&self) -> LedgerSnapshot {
        // Outcomes are read before submissions, so that in-flight is never negative.
        let delivered = self.delivered.load(Ordering::Acquire);
        let dropped = self.dropped.each_ref().map(|count| count.load(Ordering::Acquire));
        LedgerSnapshot { submitted: self.submitted.load(Ordering::Acquire), delivered, dropped }
    }
}

/// The ledger's counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerSnapshot {
    submitted: u64,
    delivered: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl LedgerSnapshot {
    /// Records handed over for the sink.
    pub fn submitted(&self) -> u64 {
        self.submitted
    }

    /// Records that the sink took.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Records lost for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Records lost for this reason.
    pub fn dropped_by(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Records whose outcome is still open.
    pub fn in_flight(&self) -> u64 {
        self.submitted.saturating_sub(self.delivered + self.dropped())
    }
}
