//! The monitor as a sink: records of the process itself, without a detour over text.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink};

use super::intake::SharedIntake;
use super::signal::Signal;

/// What records of the process have as their source.
pub(super) const SOURCE: &str = "process";
/// What may wait for the store before records have to wait for it, in bytes.
const MAX_PENDING: usize = 32 << 20;
/// How long records wait then.
const WAIT: Duration = Duration::from_millis(20);

/// Gives a monitor the records of the process that it runs in.
///
/// Made by [`Monitor::sink`](super::Monitor::sink). Rules see the record's own time, level, logger,
/// message and typed fields, and after these the entries of its context; patterns on the raw line
/// are asked of the message. The source is `process`. Records that tell of alerts
/// ([`MonitorSink::ALERT_TAG`]) are left out.
///
/// # Format
/// None: nothing is encoded.
///
/// # Durability
/// What a record did to windows and alerts is in the store within about 200 ms, at once when a group
/// fires. A process that is killed before that loses it.
///
/// # Failure
/// While the store can't be written, records are taken until what they did to alerts takes 32 MiB; then
/// the sink asks for the rest again later. A monitor that has ended takes no more records.
///
/// # Cost
/// A record that interests no rule costs one search for the rules' literals in its message, and one
/// look at its level for every rule that has none.
#[derive(Debug)]
pub struct MonitorSink {
    intake: SharedIntake,
    signal: Arc<Signal>,
}

impl MonitorSink {
    /// The tag of records that tell of alerts: they are left out, lest an alert raise itself.
    pub const ALERT_TAG: &'static str = "prisma_log.alert";

    pub(super) fn new(intake: SharedIntake, signal: Arc<Signal>) -> Self {
        MonitorSink { intake, signal }
    }
}

impl Sink for MonitorSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        if self.signal.is_stopped() {
            return Err(BatchError::none_delivered(Error::state("the monitor has ended")));
        }
        let source = Path::new(SOURCE);
        let mut intake = self.intake.lock();
        for (done, record) in batch.iter().enumerate() {
            if intake.findings().bytes() >= MAX_PENDING {
                let error = Error::state("the monitor waits for its store");
                return Err(BatchError::new(done, error).retry_after(WAIT));
            }
            if record.tag != Self::ALERT_TAG {
                intake.record(source, record);
            }
        }
        let has_fired = intake.findings().have_fired();
        drop(intake);
        if has_fired {
            self.signal.wake();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.signal.wake();
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}
