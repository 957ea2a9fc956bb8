//! What a rule's kind is told of a line.

use prisma_log_core::Timestamp;

/// A line that concerns a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'e> {
    /// The line's event time.
    pub(super) time: Timestamp,
    /// Whether the rule's own condition holds; one of a sequence's further steps may do without.
    pub(super) is_match: bool,
    /// Bit `i` is set when condition `i` of [`Kind::conditions`](crate::Kind::conditions) holds.
    pub(super) holds: u32,
    /// The value of the kind's field, as text.
    pub(super) text: Option<&'e str>,
    /// The value of the kind's field, if it is a number or a text that is one.
    pub(super) number: Option<f64>,
    /// The line's message.
    pub(super) message: &'e str,
    /// The line as it is kept in an alert.
    pub(super) sample: &'e str,
}
