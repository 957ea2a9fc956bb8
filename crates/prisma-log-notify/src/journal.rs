//! Messages to the systemd journal.

use prisma_log_journald::JournaldSink;
use prisma_log_monitor::{Message, Notifier, NotifyError};

use crate::records::Records;

/// Sends a record for each alert of a message to the systemd journal.
///
/// # Format
/// The sink's, with the alert's line as `MESSAGE`, the priority by the severity (INFO when it is
/// resolved) and the fields that [`LogNotifier`](crate::LogNotifier) lists, but `alert.origin`, in
/// the journal's spelling: `ALERT_ID`, `ALERT_RULE`, ….
///
/// # Delivery
/// A message is delivered when its entries are in the journal's socket, which outlives the process.
///
/// # Failure
/// A journal that is being restarted, or takes nothing, makes the error a temporary one; all entries
/// of the message are then sent again. An entry that is too large is a permanent error; the others
/// are sent.
///
/// # Cost
/// A datagram for each alert.
#[derive(Debug)]
pub struct JournalNotifier(Records<JournaldSink>);

impl JournalNotifier {
    /// Sends to where this sink sends.
    pub fn new(sink: JournaldSink) -> Self {
        JournalNotifier(Records::new(sink))
    }
}

impl Notifier for JournalNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        self.0.notify(message)
    }
}
