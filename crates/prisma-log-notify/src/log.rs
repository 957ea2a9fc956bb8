//! Messages as log records.

use std::fmt;

use prisma_log_core::support::emit_reversed;
use prisma_log_core::{Fields, Timestamp};
use prisma_log_monitor::{Message, Notifier, NotifyError};
use slog::{KV, Logger, Never, SendSyncUnwindSafeDrain};

use crate::record::records;
use crate::text::cut;

/// Longest text of a record, in bytes, so that what stands behind it stays within the sample that an
/// alert keeps of its line.
const LONGEST: usize = 400;

/// Logs a record for each alert of a message.
///
/// # Format
/// The alert's line as the message, the level by the severity (INFO when it is resolved), slog's
/// tag [`LogNotifier::TAG`], and the fields `alert.origin`, `alert.id`, `alert.rule`,
/// `alert.severity`, `alert.state`, `alert.event`, `alert.count`, `alert.first_seen`,
/// `alert.last_seen`, `alert.message_id`, `alert.receiver` and `alert.group.KEY`. A further record
/// says how many alerts the message leaves out, and how many messages were held back.
///
/// # Delivery
/// The message is delivered when the calls returned.
///
/// # Failure
/// Log calls don't fail; what their sinks lose is in the sinks' ledgers.
///
/// **Loops.** The monitor may watch the log that is written here, and raise an alert because of a
/// record of ours. Such an alert is left out: the lines that it keeps as samples, or its message,
/// have this notifier's `alert.origin`, a random mark of the process, which who only writes log
/// messages can't know. After a restart a record of the former process may cost one more.
///
/// # Cost
/// A log call for each alert.
pub struct LogNotifier {
    log: Box<dyn Fn(&slog::Record<'_>) + Send>,
    origin: String,
}

impl LogNotifier {
    /// slog's tag of the records.
    pub const TAG: &'static str = prisma_log_monitor::MonitorSink::ALERT_TAG;

    /// Logs to this logger.
    pub fn new<D>(log: Logger<D>) -> Self
    where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = Never> + 'static,
    {
        LogNotifier { log: Box::new(move |record| log.log(record)), origin: origin() }
    }

    /// Whether the alert is due to a record of ours.
    fn is_ours(&self, message: &str, samples: &[String]) -> bool {
        message.contains(&self.origin) || samples.iter().any(|line| line.contains(&self.origin))
    }
}

/// A mark that can't be guessed: std seeds its hashers at random.
fn origin() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || RandomState::new().hash_one(Timestamp::UNIX_EPOCH.unix_nanos());
    format!("{:016x}{:016x}", half(), half())
}

impl Notifier for LogNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        let mut message = message.clone();
        let before = message.news.len();
        message.news.retain(|news| !self.is_ours(&news.alert.message, &news.alert.samples));
        if message.news.is_empty() && before > 0 {
            return Ok(());
        }
        for news in records(&message) {
            let mut fields = Fields::new();
            fields.push("alert.origin", &*self.origin);
            fields.append(&news.fields);
            let site = slog::record_static!(slog::Level::from(news.level), Self::TAG);
            let text = cut(&news.message, LONGEST);
            (self.log)(&slog::Record::new(
                &site,
                &format_args!("{text}"),
                slog::BorrowedKV(&Pairs(&fields)),
            ));
        }
        Ok(())
    }
}

struct Pairs<'a>(&'a Fields);

impl KV for Pairs<'_> {
    fn serialize(
        &self,
        _: &slog::Record<'_>,
        serializer: &mut dyn slog::Serializer,
    ) -> slog::Result {
        emit_reversed(self.0.as_ref(), serializer)
    }
}

impl fmt::Debug for LogNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogNotifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
