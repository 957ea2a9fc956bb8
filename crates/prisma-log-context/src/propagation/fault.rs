//! What can be wrong with the headers of a request, and how often it was.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident, $label:literal, $text:literal;)*) => {
        /// Why a header, or a member of one, was not taken.
        ///
        /// `Display` says it in words; [`HeaderFault::as_str`] is the stable label for metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum HeaderFault {
            $($(#[$doc])* $name,)*
        }

        impl HeaderFault {
            /// Every reason there is.
            pub const ALL: &[HeaderFault] = &[$(HeaderFault::$name,)*];

            /// The stable label: lowercase, words joined by `_`.
            pub const fn as_str(self) -> &'static str {
                match self { $(HeaderFault::$name => $label,)* }
            }
        }

        impl fmt::Display for HeaderFault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(HeaderFault::$name => $text,)* })
            }
        }
    };
}

faults! {
    /// A header that may come once came more than once.
    Duplicate, "duplicate", "a header that may come once came more than once";
    /// An id, or the header as a whole, is too short or too long.
    Length, "length", "the header or a part of it does not have the length that its format asks for";
    /// Version `ff` of traceparent is forbidden.
    Version, "version", "version `ff` is forbidden";
    /// There is no `-` where one must be.
    Delimiter, "delimiter", "there is no `-` where one must be";
    /// Something else than hexadecimal digits; W3C wants them in lower case.
    Hex, "hex", "there is something else than hexadecimal digits (W3C: in lower case)";
    /// A trace id of zeros only.
    ZeroTraceId, "zero_trace_id", "the trace id is zero";
    /// A span id of zeros only.
    ZeroSpanId, "zero_span_id", "the span id is zero";
    /// B3: there is a trace id without a span id, or the other way round.
    MissingId, "missing_id", "the trace id or the span id is missing";
    /// B3: the sampling state is none of the known ones.
    Sampling, "sampling", "the sampling state is unknown";
    /// A member of a list is not `key=value`, or has characters that its standard forbids.
    Member, "member", "a member is not key=value of the characters that its standard allows";
    /// tracestate: a key is there twice.
    DuplicateKey, "duplicate_key", "a key is there twice";
    /// More members than the standard has (tracestate 32) or than we pass on (baggage 64).
    TooManyMembers, "too_many_members", "there are too many members";
    /// Longer than any valid header can be, or than we pass on.
    TooLong, "too_long", "the header is too long";
    /// A value's percent-coding is broken, or what it codes is not UTF-8.
    Encoding, "encoding", "the percent-coding is broken or does not code UTF-8";
}

impl std::error::Error for HeaderFault {}

/// How often each reason was met.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; HeaderFault::ALL.len()]);

impl Counters {
    pub(crate) fn count(&self, fault: HeaderFault) {
        if let Some(counter) = self.0.get(fault as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (HeaderFault, u64)> {
        HeaderFault::ALL.iter().copied().zip(self.0.iter().map(|n| n.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_distinct_and_counters_follow_their_reason() {
        let counters = Counters::default();
        for (at, fault) in HeaderFault::ALL.iter().enumerate() {
            (0..at).for_each(|_| counters.count(*fault));
        }
        for (at, (fault, count)) in counters.iter().enumerate() {
            assert_eq!(fault, HeaderFault::ALL[at]);
            assert_eq!(count, at as u64);
            let label = fault.as_str();
            assert!(label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{label}");
            assert_eq!(HeaderFault::ALL.iter().filter(|f| f.as_str() == label).count(), 1);
        }
    }
}
