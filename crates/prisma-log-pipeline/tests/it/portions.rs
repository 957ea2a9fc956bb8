//! A sink that takes so many records and then asks to be given the rest again.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkPosition};

/// Takes each portion, over as many batches as that may be, then says `wait` once.
pub(crate) struct Portions<S> {
    inner: S,
    left: VecDeque<(usize, Duration)>,
}

impl<S> Portions<S> {
    /// After the last portion nothing is taken any more, and the last wait is said for ever.
    pub(crate) fn new(inner: S, portions: impl IntoIterator<Item = (usize, Duration)>) -> Self {
        Portions { inner, left: portions.into_iter().collect() }
    }
}

impl<S: Sink> Sink for Portions<S> {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let (portion, wait) = self.left[0];
        let taken = batch.len().min(portion);
        self.inner.write(&batch[..taken])?;
        self.left[0].0 -= taken;
        if taken == batch.len() {
            return Ok(());
        }
        if self.left.len() > 1 {
            self.left.pop_front();
        }
        Err(BatchError::new(taken, Error::state("no more for now")).retry_after(wait))
    }

    fn flush(&mut self) -> Result<(), Error> {
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
}
