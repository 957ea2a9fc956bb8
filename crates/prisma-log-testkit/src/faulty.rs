//! A sink that fails when it is told to.

use std::fmt;
use std::iter;
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkCommand, SinkPosition};

/// What a [`FaultySink`] does with one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: the batch goes to the inner sink.
    None,
    /// Writes this many of the batch's records, then fails.
    FailAfter(usize),
    /// Writes this many of the batch's records, then fails in a way that passes: the rest may be
    /// tried again after the time.
    RetryAfter(usize, Duration),
    /// Writes this many of the batch's records, then panics.
    PanicAfter(usize),
}

/// Puts faults in front of a sink, one of a schedule before each batch; when the schedule ends,
/// all batches go through.
///
/// ```
/// use prisma_log_core::{Level, Record, Sink, Timestamp};
/// use prisma_log_testkit::{Fault, FaultySink, MemorySink};
///
/// let memory = MemorySink::new();
/// let records = memory.handle();
/// let mut sink = FaultySink::new(memory).schedule([Fault::None, Fault::FailAfter(1)]);
/// let record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", "hello");
/// assert!(sink.write(&[record; 3]).is_ok());
/// assert_eq!(sink.write(&[record; 3]).unwrap_err().delivered, 1);
/// assert_eq!(records.len(), 4);
/// ```
pub struct FaultySink<S> {
    inner: S,
    faults: Box<dyn Iterator<Item = Fault> + Send>,
    flush_fails: bool,
}

impl<S: Sink> FaultySink<S> {
    /// No faults yet.
    pub fn new(inner: S) -> Self {
        FaultySink { inner, faults: Box::new(iter::empty()), flush_fails: false }
    }

    /// What happens to the batches to come; may be endless.
    #[must_use]
    pub fn schedule<I>(mut self, faults: I) -> Self
    where
        I: IntoIterator<Item = Fault>,
        I::IntoIter: Send + 'static,
    {
        self.faults = Box::new(faults.into_iter());
        self
    }

    /// Whether every flush fails.
    #[must_use]
    pub fn flush_fails(mut self, fails: bool) -> Self {
        self.flush_fails = fails;
        self
    }
}

impl<S: Sink> Sink for FaultySink<S> {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let fault = self.faults.next().unwrap_or(Fault::None);
        let (Fault::FailAfter(count) | Fault::RetryAfter(count, _) | Fault::PanicAfter(count)) =
            fault
        else {
            return self.inner.write(batch);
        };
        let taken = count.min(batch.len());
        self.inner.write(&batch[..taken])?;
        assert!(!matches!(fault, Fault::PanicAfter(_)), "this sink was told to panic");
        let failed = BatchError::new(taken, Error::state("this sink was told to fail"));
        match fault {
            Fault::RetryAfter(_, wait) => Err(failed.retry_after(wait)),
            _ => Err(failed),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.flush_fails {
            return Err(Error::state("this sink was told to fail its flush"));
        }
        self.inner.flush()
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    fn position(&self) -> Option<SinkPosition> {
        self.inner.position()
    }

    fn written_since(
        &mut self,
        since: &SinkPosition,
        batch: &[Record<'_>],
    ) -> Result<Vec<bool>, Error> {
        self.inner.written_since(since, batch)
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        self.inner.after_fork()
    }

    fn due(&self) -> Option<Instant> {
        self.inner.due()
    }

    fn maintain(&mut self) -> Result<(), Error> {
        self.inner.maintain()
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        self.inner.command(command)
    }
}

impl<S: fmt::Debug> fmt::Debug for FaultySink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultySink").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use prisma_log_core::{Level, Timestamp};

    use super::*;
    use crate::MemorySink;

    #[test]
    fn follows_its_schedule_and_then_works() {
        let memory = MemorySink::new();
        let records = memory.handle();
        let wait = Duration::from_secs(1);
        let faults = [Fault::PanicAfter(2), Fault::FailAfter(9), Fault::RetryAfter(0, wait)];
        let mut sink = FaultySink::new(memory).schedule(faults).flush_fails(true);
        let batch = [Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", ""); 3];
        assert!(catch_unwind(AssertUnwindSafe(|| sink.write(&batch))).is_err());
        assert_eq!(records.len(), 2);
        assert_eq!(sink.write(&batch).unwrap_err().delivered, 3);
        let passes = sink.write(&batch).unwrap_err();
        assert_eq!((passes.delivered, passes.retry_after), (0, Some(wait)));
        sink.write(&batch).unwrap();
        assert_eq!(records.len(), 8);
        assert!(sink.flush().unwrap_err().is_state());
    }

    #[test]
    fn looks_back_as_the_sink_behind_it_does() {
        struct Knows;
        impl Sink for Knows {
            fn write(&mut self, _: &[Record<'_>]) -> Result<(), BatchError> {
                Ok(())
            }
            fn flush(&mut self) -> Result<(), Error> {
                Ok(())
            }
            fn durability(&self) -> Durability {
                Durability::Synced
            }
            fn position(&self) -> Option<SinkPosition> {
                Some(SinkPosition([7; 4]))
            }
            fn written_since(
                &mut self,
                since: &SinkPosition,
                batch: &[Record<'_>],
            ) -> Result<Vec<bool>, Error> {
                Ok(vec![since.0 == [7; 4]; batch.len()])
            }
            fn after_fork(&mut self) -> Result<(), Error> {
                Err(Error::state("told"))
            }
        }
        let mut sink = FaultySink::new(Knows);
        let since = sink.position().unwrap();
        let record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", "");
        assert_eq!(sink.written_since(&since, &[record; 2]).unwrap(), [true; 2]);
        assert!(sink.after_fork().is_err());
        assert_eq!(sink.durability(), Durability::Synced);
    }
}
