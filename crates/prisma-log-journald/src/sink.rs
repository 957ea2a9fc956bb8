//! Records in, entries out.

use std::fmt;
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkCommand};

use crate::JournaldSinkBuilder;
use crate::entry::EntryEncoder;
use crate::socket::{Journal, Unsent};

/// A buffer that one giant record made larger than this does not stay.
const KEPT_BYTES: usize = 1024 * 1024;
/// After what time an entry that could not be sent is tried again: so soon, then twice as long each
/// time, up to the second one.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Sends records to the systemd journal, each field by its name; see the [crate's page](crate).
pub struct JournaldSink {
    encoder: EntryEncoder,
    journal: Journal,
    entry: Vec<u8>,
    max_record_bytes: usize,
    wait: Duration,
}

impl JournaldSink {
    /// Starts from the defaults: this machine's journal, the program's own name, no prefix.
    pub fn builder() -> JournaldSinkBuilder {
        JournaldSinkBuilder::new()
    }

    pub(crate) fn new(encoder: EntryEncoder, journal: Journal, max_record_bytes: usize) -> Self {
        JournaldSink { encoder, journal, entry: Vec::new(), max_record_bytes, wait: FIRST_WAIT }
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), Unsent> {
        self.entry.clear();
        self.entry.shrink_to(KEPT_BYTES);
        self.encoder.encode(record, &mut self.entry);
        if self.entry.len() > self.max_record_bytes {
            let error = Error::data(format!(
                "a record of logger {} makes an entry of {} bytes, more than the {} allowed",
                record.logger,
                self.entry.len(),
                self.max_record_bytes
            ));
            return Err(Unsent { error, passes: false });
        }
        self.journal.send(&self.entry)
    }

    fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        wait
    }
}

impl Sink for JournaldSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for (delivered, record) in batch.iter().enumerate() {
            match self.send(record) {
                Ok(()) => self.wait = FIRST_WAIT,
                Err(Unsent { error, passes }) => {
                    let failed = BatchError::new(delivered, error);
                    return Err(if passes { failed.retry_after(self.next_wait()) } else { failed });
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PageCache
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        self.journal.disconnect();
        Ok(())
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        if command == SinkCommand::Reopen { self.journal.connect() } else { Ok(()) }
    }
}

impl fmt::Debug for JournaldSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournaldSink").field("socket", &self.journal.path()).finish_non_exhaustive()
    }
}
