//! The seams that sinks and encoders fill.

use std::time::{Duration, Instant};

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

    /// Where the next batch will go, told cheaply; a place before that is fine. `None` when the
    /// sink can't look back.
    ///
    /// A front end that survives crashes keeps it with the records that are about to be written;
    /// after a crash the next process's sink is asked [`Sink::written_since`].
    fn position(&self) -> Option<SinkPosition> {
        None
    }

    /// Which of these records a sink of the same kind, in a process that died, has already written
    /// after `since`. [`Record::recovered`] makes no difference, neither here nor in what was
    /// written: a process that replayed records may have died as well. By default none.
    ///
    /// Asked again, it answers the same. So records that may be alike in everything belong into one
    /// call, and into one before any of them is written again.
    ///
    /// # Errors
    /// When what was written could not be read back; the records are then written again.
    fn written_since(
        &mut self,
        since: &SinkPosition,
        batch: &[Record<'_>],
    ) -> Result<Vec<bool>, Error> {
        let _: &SinkPosition = since;
        Ok(vec![false; batch.len()])
    }

    /// Called in a forked child before its first write: what must not be shared with the parent
    /// is to be opened anew. By default nothing is done.
    ///
    /// # Errors
    /// When that is not possible; the child's records for this sink are then lost and counted.
    fn after_fork(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// When the sink wants [`Sink::maintain`] to be called, though no record may come until then.
    /// By default, and while nothing is waiting to be done, `None`.
    ///
    /// Asked after every call of the sink. A front end without a thread of its own, such as
    /// [`SinkDrain`](crate::SinkDrain), keeps the time only when the next record or flush comes.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Does what [`Sink::due`] was about: a synchronisation, a rotation, another attempt to connect.
    /// Called too early, it does nothing.
    ///
    /// # Errors
    /// When it could not be done; the sink says in [`Sink::due`] when it wants to try again.
    fn maintain(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Does what an operator asked for, or nothing where the command has no meaning for the sink.
    ///
    /// # Errors
    /// When it could not be done; the sink goes on as before.
    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        let _: SinkCommand = command;
        Ok(())
    }
}

/// What an operator may ask of a running sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkCommand {
    /// Lets go of what the sink has open, and opens it anew: what SIGHUP asks for by custom after
    /// a log file was moved away. A file is opened again, a connection made again.
    Reopen,
    /// Begins a new file now, as if the current one were full.
    Rotate,
}

/// A place in what a sink writes to; only that kind of sink knows what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SinkPosition(pub [u64; 4]);

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

    fn position(&self) -> Option<SinkPosition> {
        (**self).position()
    }

    fn written_since(
        &mut self,
        since: &SinkPosition,
        batch: &[Record<'_>],
    ) -> Result<Vec<bool>, Error> {
        (**self).written_since(since, batch)
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        (**self).after_fork()
    }

    fn due(&self) -> Option<Instant> {
        (**self).due()
    }

    fn maintain(&mut self) -> Result<(), Error> {
        (**self).maintain()
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        (**self).command(command)
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
#[non_exhaustive]
pub struct BatchError {
    /// How many records, counted from the batch's front, were taken.
    pub delivered: usize,
    /// Why the rest was not.
    pub error: Error,
    /// When the rest may be tried again, if the fault is not the records': a full disk, a server
    /// that is away. `None`: the first record that was not taken never will be.
    pub retry_after: Option<Duration>,
    /// How many records behind those never will be taken, if the sink knows, as one does whose
    /// server looked at all of them and refused some: the rest of the batch is to be handed over as
    /// ever. Which of the records before the rest were refused may be unknown; the number is exact.
    /// Without a meaning when they may be tried again.
    pub rejected: Option<usize>,
}

impl BatchError {
    /// So many records, counted from the batch's front, were taken; the next one never will be.
    pub fn new(delivered: usize, error: Error) -> Self {
        BatchError { delivered, error, retry_after: None, rejected: None }
    }

    /// None of the batch was taken.
    pub fn none_delivered(error: Error) -> Self {
        BatchError::new(0, error)
    }

    /// The records that were not taken may be tried again after this time: a front end with a queue
    /// keeps them there until then.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// So many records behind those that were taken never will be, at least one.
    #[must_use]
    pub fn rejected(mut self, records: usize) -> Self {
        self.rejected = Some(records.max(1));
        self
    }
}

/// Turns a record into bytes.
///
/// An encoder belongs to one sink, and may keep what it made of a record's [`Shape`](crate::Shape).
pub trait Encoder: Send {
    /// Appends the encoded record to `out`, without a line end.
    ///
    /// Whatever the record holds, what is appended has no `\n` or other control character, and
    /// nothing in a field can be read as part of the envelope.
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>);
}

impl<E: Encoder + ?Sized> Encoder for Box<E> {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        (**self).encode(record, out);
    }
}
