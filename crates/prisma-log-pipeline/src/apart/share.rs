//! What the worker and a sink's own thread have in common: the batches that wait, and wishes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_core::{Error, SinkCommand};

use crate::answer::Answer;

use super::entry::Entry;

/// How it went; `None` is well.
pub(crate) type Receipt = Arc<Answer<Option<Arc<Error>>>>;

/// What may be asked of a sink besides taking records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Flush,
    Command(SinkCommand),
}

#[derive(Default)]
pub(super) struct Share {
    inner: Mutex<Inner>,
    /// For the sink's thread: there is something to do.
    changed: Condvar,
    /// For the worker: the sink's thread has no batch in hand.
    returned: Condvar,
    /// By how many batches that wait each chunk is needed.
    needed: Mutex<HashMap<u32, u32>>,
    /// The sink has asked to be given records again, and is not through with those that wait.
    in_trouble: AtomicBool,
}

#[derive(Default)]
struct Inner {
    /// In the order of their numbers.
    waiting: VecDeque<Entry>,
    /// The greatest number of a batch.
    last: u64,
    wishes: VecDeque<Wish>,
    /// The sink's thread has a batch in hand.
    is_writing: bool,
    /// It is in a call of the sink, or about to be.
    is_busy: bool,
    /// When the sink may be tried again.
    retry_at: Option<Instant>,
    closed: bool,
}

struct Wish {
    /// The last batch before it.
    after: u64,
    task: Task,
    receipt: Receipt,
}

/// What the sink's thread is to do.
pub(super) enum Next {
    Write(Entry),
    Do(Task, Vec<Receipt>),
    Maintain,
    End,
}

impl Share {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn needed(&self) -> MutexGuard<'_, HashMap<u32, u32>> {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn needs(&self, chunk: u32) -> bool {
        self.needed().contains_key(&chunk)
    }

    /// Chunks are needed by one batch less.
    pub(super) fn done_with(&self, chunks: impl Iterator<Item = u32>) {
        let mut needed = self.needed();
        for chunk in chunks {
            if let Some(count) = needed.get_mut(&chunk) {
                *count -= 1;
                if *count == 0 {
                    needed.remove(&chunk);
                }
            }
        }
    }

    pub(super) fn in_trouble(&self) -> bool {
        self.in_trouble.load(Ordering::Relaxed)
    }

    /// The sink has come to the end of the batch in hand.
    pub(super) fn is_through(&self) {
        let mut inner = self.lock();
        inner.is_writing = false;
        if inner.waiting.is_empty() {
            self.in_trouble.store(false, Ordering::Relaxed);
        }
        drop(inner);
        self.returned.notify_all();
    }

    /// Whether the sink is left alone until it may be tried again.
    pub(super) fn is_left_alone(&self) -> bool {
        self.lock().retry_at.is_some()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.waiting.is_empty() && !inner.is_writing
    }

    pub(super) fn is_busy(&self) -> bool {
        self.lock().is_busy
    }

    /// Puts a batch behind the others, as `make` makes it for its number; or makes it a part of the
    /// last one, if `join` can: then it needs these chunks no more than before.
    pub(super) fn put<T>(
        &self,
        given: T,
        join: impl FnOnce(&mut Entry, T) -> Result<Vec<u32>, T>,
        make: impl FnOnce(u64, T) -> Entry,
    ) -> Vec<u32> {
        let mut inner = self.lock();
        let (entry, before) = match inner.waiting.back_mut() {
            None => (Err(given), Vec::new()),
            Some(last) => {
                let before: Vec<u32> = last.batch.chunks().collect();
                (join(last, given).map(|both| (last, both)), before)
            }
        };
        let (new, both): (Vec<u32>, Vec<u32>) = match entry {
            Ok((last, both)) => {
                (last.batch.chunks().filter(|chunk| !before.contains(chunk)).collect(), both)
            }
            Err(given) => {
                inner.last += 1;
                let entry = make(inner.last, given);
                let chunks = entry.batch.chunks().collect();
                inner.waiting.push_back(entry);
                (chunks, Vec::new())
            }
        };
        let mut needed = self.needed();
        for chunk in new {
            *needed.entry(chunk).or_default() += 1;
        }
        drop(needed);
        drop(inner);
        self.changed.notify_all();
        both
    }

    /// What the sink could not take yet is the first in line after this time.
    pub(super) fn put_back(&self, entry: Entry, wait: Duration) {
        let mut inner = self.lock();
        self.in_trouble.store(true, Ordering::Relaxed);
        inner.is_writing = false;
        inner.waiting.push_front(entry);
        inner.retry_at = Some(Instant::now() + wait);
        drop(inner);
        self.returned.notify_all();
    }

    /// Has the sink wait, before it gets its first batch.
    pub(super) fn wait_first(&self, wait: Duration) {
        let mut inner = self.lock();
        self.in_trouble.store(true, Ordering::Relaxed);
        inner.retry_at = Some(Instant::now() + wait);
    }

    /// Waits for the batch that a sink in trouble is being tried with: it is older than those that
    /// wait. `false` when it did not come back in this time.
    pub(super) fn await_return(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut inner = self.lock();
        while inner.is_writing && self.in_trouble() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.returned.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Takes what has waited longest away from the sink.
    pub(super) fn take_oldest(&self) -> Option<Entry> {
        let entry = self.lock().waiting.pop_front()?;
        self.done_with(entry.batch.chunks());
        self.changed.notify_all();
        Some(entry)
    }

    /// Asks for something behind everything that was put so far. A sink that waits for another try
    /// has it now.
    pub(super) fn ask(&self, task: Task) -> Receipt {
        let receipt: Receipt = Arc::new(Answer::new());
        let mut inner = self.lock();
        let after = inner.last;
        inner.wishes.push_back(Wish { after, task, receipt: Arc::clone(&receipt) });
        inner.hurry();
        drop(inner);
        self.changed.notify_all();
        receipt
    }

    /// Has the sink's thread end once it is through, or at once when the sink is in trouble.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for something to do; the sink wants upkeep at `due`.
    pub(super) fn next(&self, due: Option<Instant>) -> Next {
        let mut inner = self.lock();
        loop {
            let now = Instant::now();
            inner.is_busy = true;
            if let Some((task, receipts)) = inner.grant() {
                return Next::Do(task, receipts);
            }
            if inner.closed && (inner.waiting.is_empty() || inner.retry_at.is_some()) {
                inner.is_busy = false;
                return Next::End;
            }
            if due.is_some_and(|due| due <= now) {
                return Next::Maintain;
            }
            if inner.retry_at.is_none_or(|at| at <= now)
                && let Some(entry) = inner.waiting.pop_front()
            {
                inner.retry_at = None;
                inner.is_writing = true;
                return Next::Write(entry);
            }
            inner.is_busy = false;
            let retry_at = inner.retry_at.filter(|_| !inner.waiting.is_empty());
            let until = retry_at.into_iter().chain(due).min();
            inner = match until {
                None => self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(inner, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// After a command: it may have ended the trouble.
    pub(super) fn try_now(&self) {
        self.lock().hurry();
    }
}

impl Inner {
    fn hurry(&mut self) {
        if self.retry_at.is_some() {
            self.retry_at = Some(Instant::now());
        }
    }

    /// The first wish whose time has come; flushes that may be one are.
    fn grant(&mut self) -> Option<(Task, Vec<Receipt>)> {
        let oldest = self.waiting.front().map(|entry| entry.number);
        let waits = self.retry_at.is_some() && oldest.is_some();
        let is_ready = |wish: &Wish| {
            let is_through = oldest.is_none_or(|oldest| oldest > wish.after);
            // What is asked of a sink in trouble may be what ends it.
            is_through || waits && matches!(wish.task, Task::Command(_))
        };
        let at = self.wishes.iter().position(is_ready)?;
        let wish = self.wishes.remove(at)?;
        let mut receipts = vec![wish.receipt];
        while wish.task == Task::Flush
            && let Some(other) =
                self.wishes.pop_front_if(|other| other.task == Task::Flush && is_ready(other))
        {
            receipts.push(other.receipt);
        }
        Some((wish.task, receipts))
    }
}
