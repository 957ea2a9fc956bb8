//! Messages as records of a sink.

use std::time::Instant;

use prisma_log_core::{Error, Record, Sink};
use prisma_log_monitor::{Message, NotifyError};

use crate::record::records;

/// The logger of the records.
const LOGGER: &str = "prisma_log.alerts";

/// Hands the records of a message to a sink, and has it flush.
#[derive(Debug)]
pub(crate) struct Records<S> {
    sink: S,
}

impl<S: Sink> Records<S> {
    pub(crate) fn new(sink: S) -> Self {
        Records { sink }
    }

    pub(crate) fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        if self.sink.due().is_some_and(|due| due <= Instant::now()) {
            self.sink.maintain().map_err(NotifyError::temporary)?;
        }
        let news = records(message);
        let batch: Vec<Record<'_>> = news
            .iter()
            .map(|news| {
                let mut record = Record::new(message.at, news.level, LOGGER, &news.message);
                record.fields = news.fields.as_ref();
                record.sequence = message.id;
                record
            })
            .collect();
        let refused = self.write(&batch)?;
        self.sink.flush().map_err(NotifyError::temporary)?;
        match refused {
            None => Ok(()),
            Some(error) => Err(NotifyError::permanent(error)),
        }
    }

    /// Writes what the sink takes; the error of the last record that it never will.
    fn write(&mut self, batch: &[Record<'_>]) -> Result<Option<Error>, NotifyError> {
        let mut rest = batch;
        let mut refused = None;
        while !rest.is_empty() {
            let Err(failed) = self.sink.write(rest) else { break };
            if let Some(wait) = failed.retry_after {
                return Err(NotifyError::temporary(failed.error).retry_after(wait));
            }
            let gone = failed.delivered.saturating_add(failed.rejected.unwrap_or(1));
            rest = rest.get(gone..).unwrap_or_default();
            refused = Some(failed.error);
        }
        Ok(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prisma_log_core::{BatchError, Durability, Timestamp};

    use super::*;

    /// Takes what does not say `refuse`, and nothing while it is away.
    #[derive(Default)]
    struct Double {
        taken: Vec<String>,
        is_away: bool,
        flushes: usize,
    }

    impl Sink for Double {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            for (index, record) in batch.iter().enumerate() {
                if self.is_away {
                    let error = BatchError::new(index, Error::state("away"));
                    return Err(error.retry_after(Duration::from_secs(7)));
                }
                if record.message.contains("refuse") {
                    return Err(BatchError::new(index, Error::state("refused")));
                }
                self.taken.push(record.message.to_owned());
            }
            Ok(())
        }

        fn flush(&mut self) -> Result<(), Error> {
            self.flushes += 1;
            Ok(())
        }

        fn durability(&self) -> Durability {
            Durability::Memory
        }
    }

    #[test]
    fn what_a_sink_says_is_what_the_monitor_hears() {
        let mut records = Records::new(Double::default());
        let mut message = Message::test("log", Timestamp::UNIX_EPOCH);
        message.news = vec![message.news[0].clone(); 3];
        message.news[1].alert.message = "refuse".into();
        let error = records.notify(&message).unwrap_err();
        assert!(!error.is_temporary);
        assert_eq!((records.sink.taken.len(), records.sink.flushes), (2, 1));

        records.sink.is_away = true;
        let error = records.notify(&message).unwrap_err();
        assert!(error.is_temporary);
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));

        records.sink.is_away = false;
        message.news.remove(1);
        records.notify(&message).unwrap();
        assert_eq!((records.sink.taken.len(), records.sink.flushes), (4, 2));
    }
}
