//! What is asked of the worker, and what came of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prisma_log_core::Error;

use crate::answer::Answer;
use crate::apart::{Receipt, Task};

#[derive(Default)]
pub(super) struct Control {
    wishes: Mutex<Wishes>,
    /// Something is wanted.
    wanted: AtomicBool,
}

#[derive(Default)]
struct Wishes {
    asked: Vec<Wish>,
    /// The worker is to end.
    stop: bool,
    /// It answers nothing any more.
    stopped: bool,
}

pub(super) struct Wish {
    pub(super) task: Task,
    pub(super) deadline: Instant,
    pub(super) answer: Arc<Answer<Round>>,
}

/// What the worker's part of a flush, or of a command, came to.
#[derive(Clone, Default)]
pub(super) struct Round {
    /// Everything was handed to the sinks.
    pub(super) drained: bool,
    pub(super) sinks: Vec<Step>,
}

/// How far a sink is with it.
#[derive(Clone)]
pub(crate) enum Step {
    Done(Option<Arc<Error>>),
    /// The sink's own thread was asked.
    Asked(Receipt),
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Asks the worker; `None` when it is no more there to answer.
    pub(super) fn ask(
        &self,
        task: Task,
        deadline: Instant,
        stop: bool,
    ) -> Option<Arc<Answer<Round>>> {
        let mut wishes = self.lock();
        if wishes.stopped {
            return None;
        }
        let answer = Arc::new(Answer::new());
        wishes.asked.push(Wish { task, deadline, answer: Arc::clone(&answer) });
        wishes.stop |= stop;
        self.wanted.store(true, Ordering::Release);
        Some(answer)
    }

    /// What is wanted. When it is nothing more, and the worker is to end, it is not asked again:
    /// `None`.
    pub(super) fn take(&self) -> Option<Vec<Wish>> {
        let mut wishes = self.lock();
        self.wanted.store(false, Ordering::Release);
        if wishes.asked.is_empty() && wishes.stop {
            wishes.stopped = true;
            return None;
        }
        Some(std::mem::take(&mut wishes.asked))
    }
}
