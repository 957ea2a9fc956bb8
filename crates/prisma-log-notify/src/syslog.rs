//! Messages to a syslog server.

use prisma_log_monitor::{Message, Notifier, NotifyError};
use prisma_log_syslog::SyslogSink;

use crate::records::Records;

/// Sends a record for each alert of a message to a syslog server.
///
/// # Format
/// The sink's, with the logger `prisma_log.alerts`, the alert's line as the message, the severity by
/// the alert's (INFO when it is resolved) and the fields that [`LogNotifier`](crate::LogNotifier)
/// lists, but `alert.origin`.
///
/// # Delivery
/// A message is delivered when the sink was flushed; what that is worth, says
/// [its documentation](prisma_log_syslog). Syslog has no answers.
///
/// # Failure
/// A server that is away makes the error a temporary one, with the sink's own time; all records of
/// the message are then sent again. A record that the sink refuses, for its size or the like, is a
/// permanent error; the others are sent.
///
/// # Cost
/// The sink's: one `write` and a question to the kernel for each message.
#[derive(Debug)]
pub struct SyslogNotifier(Records<SyslogSink>);

impl SyslogNotifier {
    /// Sends to where this sink sends.
    pub fn new(sink: SyslogSink) -> Self {
        SyslogNotifier(Records::new(sink))
    }
}

impl Notifier for SyslogNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        self.0.notify(message)
    }
}
