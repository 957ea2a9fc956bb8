//! The thread of one sink.

use std::sync::Arc;
use std::time::Instant;

use prisma_log_core::support::Reporter;

use crate::definitions::Definitions;
use crate::local::with_local;
use crate::os;
use crate::pool::Pool;
use crate::slot::{Delivery, Facts, SharedSink, command, deliver, flush, position};

use super::entry::Entry;
use super::share::{Next, Share, Task};
use super::track::Track;

pub(super) struct Driver {
    pub(super) sink: SharedSink,
    pub(super) index: usize,
    pub(super) facts: Arc<Facts>,
    pub(super) pool: Arc<Pool>,
    pub(super) reporter: Arc<Reporter>,
    pub(super) share: Arc<Share>,
    pub(super) track: Arc<Track>,
    pub(super) definitions: Definitions,
    /// When the sink wants upkeep.
    pub(super) due: Option<Instant>,
}

impl Driver {
    pub(super) fn run(mut self) {
        os::block_signals();
        with_local(|local| local.in_sink.set(true));
        self.due = self.sink.lock().upkeep.due();
        loop {
            match self.share.next(self.due) {
                Next::Write(entry) => self.write(entry),
                Next::Do(task, receipts) => {
                    let outcome = self.fulfil(task);
                    for receipt in receipts {
                        receipt.give(outcome.clone());
                    }
                }
                Next::Maintain => {
                    let driven = &mut *self.sink.lock();
                    driven.upkeep.keep_up(&self.facts, &self.reporter, &mut *driven.sink);
                    self.due = driven.upkeep.due();
                }
                Next::End => return,
            }
        }
    }

    fn write(&mut self, mut entry: Entry) {
        let segment = &self.pool.segment;
        let delivery = {
            let driven = &mut *self.sink.lock();
            // While an older record may yet be written, the sink is asked for it from where that
            // began.
            let is_own = Arc::ptr_eq(&entry.track, &self.track);
            if is_own
                && self.track.is_oldest(entry.tracked_as)
                && let Some(position) = position(&*driven.sink)
            {
                segment.set_position(self.index, &position);
            }
            self.definitions.update(segment);
            let (records, _) = entry.batch.records(segment, &self.definitions, &mut driven.shapes);
            let delivery = deliver(&self.facts, &self.reporter, &mut *driven.sink, &records);
            driven.upkeep.ask(&*driven.sink);
            self.due = driven.upkeep.due();
            delivery
        };
        match delivery {
            Delivery::Done => {
                self.share.done_with(entry.batch.chunks());
                entry.end(&self.pool);
                self.share.is_through();
            }
            Delivery::Later { from, wait } => {
                let chunks = entry.forget_first(from, &self.pool);
                self.share.done_with(chunks.into_iter());
                self.share.put_back(entry, wait);
            }
        }
    }

    fn fulfil(&mut self, task: Task) -> Option<Arc<prisma_log_core::Error>> {
        let outcome = {
            let driven = &mut *self.sink.lock();
            let outcome = match task {
                Task::Flush => flush(&self.facts, &self.reporter, &mut *driven.sink),
                Task::Command(wanted) => {
                    command(&self.facts, &self.reporter, &mut *driven.sink, wanted)
                }
            };
            driven.upkeep.ask(&*driven.sink);
            self.due = driven.upkeep.due();
            outcome
        };
        if matches!(task, Task::Command(_)) {
            self.share.try_now();
        }
        outcome.err().map(Arc::new)
    }
}
