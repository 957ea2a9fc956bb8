//! The worker's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::os;
use crate::shared::Shared;
use crate::worker::Passed;

use super::Engine;
use super::generation::is_paused;

/// Longest sleep between two batches while records come in: long enough to gather a batch.
const GATHER: Duration = Duration::from_millis(1);
/// How often the clock is renewed and memory made ready.
const TICK: Duration = Duration::from_secs(1);
/// The first tick: the clock can tell the speed of the processor's counter by then.
const FIRST_TICK: Duration = Duration::from_millis(20);
/// After so long without a record, the worker sleeps until a call wakes it. That costs the call some
/// microseconds, which those that come after a short pause do without.
const LONG_SILENCE: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) fn run(&self, shared: &Arc<Shared>) {
        let mut idle = Duration::ZERO;
        let mut last_tick = Instant::now();
        let mut last_record = last_tick;
        let mut tick = FIRST_TICK;
        self.pool.make_ready();
        shared.clock.tick();
        loop {
            while is_paused() {
                std::thread::sleep(Duration::from_micros(50));
            }
            if self.control.is_wanted() && self.obey(shared) {
                return;
            }
            self.collect_emergencies(shared);
            let limit = shared.clock.now();
            let (passed, due) = {
                let mut worker = self.lock_worker();
                let passed = if worker.has_nothing_new(&self.pool) {
                    Passed::NOTHING
                } else {
                    worker.pass(shared, &self.pool, limit)
                };
                worker.keep_up(shared);
                (passed, worker.due())
            };
            if last_tick.elapsed() >= tick {
                last_tick = Instant::now();
                tick = TICK;
                shared.clock.tick();
                let mut worker = self.lock_worker();
                worker.relieve(shared, &self.pool);
                worker.tell(shared, false, |notice| self.put(shared, notice));
            }
            if passed.more {
                idle = Duration::ZERO;
                continue;
            }
            self.pool.make_ready();
            idle = if passed.records > 0 {
                GATHER.min(self.latency)
            } else {
                (idle * 2).clamp(Duration::from_micros(100), self.latency)
            };
            if passed.records > 0 {
                last_record = Instant::now();
            }
            if last_record.elapsed() >= LONG_SILENCE && shared.falls_asleep() {
                self.sleep_until_woken(shared, due);
                continue;
            }
            self.sleeps(true);
            if !self.control.is_wanted() {
                std::thread::park_timeout(idle.min(until(due)));
            }
            self.sleeps(false);
        }
    }

    /// Sleeps until the next call, or tick, or a sink's upkeep: looking every few milliseconds would
    /// cost more than all the rest of an idle program.
    fn sleep_until_woken(&self, shared: &Shared, due: Option<Instant>) {
        // From here on every thread sees that it has to wake the worker, or has shown its record.
        let is_seen = os::heavy_fence();
        let nothing_new = self.lock_worker().has_nothing_new(&self.pool);
        if nothing_new && !self.control.is_wanted() {
            // Without the fence a record may go unseen, and waits for as long as ever.
            let longest = if is_seen { TICK } else { self.latency };
            std::thread::park_timeout(longest.min(until(due)));
        }
        shared.wakes_up();
    }
}

/// How long until then; without a time, for as long as can be.
fn until(due: Option<Instant>) -> Duration {
    due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()))
}
