//! The seams that sinks and encoders fill.

use crate::{Error, Record};

/// Takes batches of records to where they are kept.
///
/// A sink is driven by one thread at a time. It never logs through the pipeline that feeds it.
pub trait Sink: Send {
    /// Writes the whole batch in order.
    ///
    /// # Errors
    /// When not all of it was taken; [`BatchError::delivered`] says how many records, counted
    /// from the front, were.
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError>;

    /// Brings everything taken so far to the sink's [`Sink::durability`].
    ///
    /// # Errors
    /// When that could not be done; what was taken may be less durable than promised.
    fn flush(&mut self) -> Result<(), Error>;

    /// How far a record is safe once [`Sink::write`] and [`Sink::flush`] returned `Ok`.
    fn durability(&self) -> Durability;
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        (**self).write(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }

    fn durability(&self) -> Durability {
        (**self).durability()
    }
}

/// How far a record is safe; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// A0: in the process's memory.
    Memory,
    /// A1: in a shared mapping, survives the process's death.
    CrashRing,
    /// A2: with the kernel, survives the process's death and is readable.
    PageCache,
    /// A3: on stable storage, survives the machine's death.
    Synced,
    /// A4: acknowledged by the peer.
    PeerAcknowledged,
}

/// A batch that was not taken whole.
#[derive(Debug)]
pub struct BatchError {
    /// How many records, counted from the batch's front, were taken.
    pub delivered: usize,
    /// Why the rest was not.
    pub error: Error,
}

impl BatchError {
    /// None of the batch was taken.
    pub fn none_delivered(error: Error) -> Self {
        BatchError { delivered: 0, error }
    }
}

/// Turns a record into bytes.
pub trait Encoder: Send + Sync {
    /// Appends the encoded record to `out`, without a line end.
    ///
    /// Whatever the record holds, what is appended has no `\n` or other control character, and
    /// nothing in a field can be read as part of the envelope.
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>);
}

impl<E: Encoder + ?Sized> Encoder for Box<E> {
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        (**self).encode(record, out);
    }
}
