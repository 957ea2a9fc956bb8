//! Records about records: those that were dropped, suppressed, or went elsewhere.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use prisma_log_core::{DropReason, Fields, Level};

use crate::drops::{Dropped, merge_drops};
use crate::emergency;
use crate::limit;
use crate::limited::SUPPRESSED;
use crate::notice::{LOGGER, Notice};
use crate::shared::Shared;

use super::{Sinks, Worker};

/// Drops are told at most once in this time, unless the pipeline is flushed.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Records that were given up for one sink.
pub(super) struct Untold {
    pub(super) sink: usize,
    /// The sink that they went to instead.
    pub(super) to: Option<usize>,
    pub(super) reason: DropReason,
    pub(super) count: u64,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Worker {
    /// Puts records about drops and suppressed records into the queue, if any are due; whether any
    /// were put. What finds no room is told the next time.
    pub(crate) fn tell(
        &mut self,
        shared: &Shared,
        now: bool,
        put: impl Fn(&Notice<'_>) -> bool,
    ) -> bool {
        let due = self.last_told.is_none_or(|last| last.elapsed() >= TELL_INTERVAL);
        if self.parked || !(now || due) {
            return false;
        }
        for _ in 0..shared.emergency_dropped.swap(0, Ordering::Relaxed) {
            let number = shared.next_sequences(1);
            let (logger, level) = (emergency::LOGGER, Level::Critical);
            shared.drops.count(logger, level, DropReason::QueueFull, number);
        }
        let dropped = shared.drops.take();
        self.account(&dropped);
        merge_drops(&mut self.unsaid, dropped);
        let mut told = false;
        if !self.unsaid.is_empty() && put(&notice(DROPPED, &about(&self.unsaid))) {
            self.unsaid.clear();
            told = true;
        }
        told |= self.sinks.tell(&put);
        if told {
            self.last_told = Some(Instant::now());
        }
        limit::take_due(shared.clock.now(), now, |limit, count| {
            let mut fields = Fields::new();
            fields.push("suppressed", count);
            fields.push_args("site", format_args!("{}:{}", limit.file(), limit.line()));
            let put = put(&Notice {
                level: limit.level(),
                logger: limit.module(),
                message: SUPPRESSED,
                site: (limit.file(), limit.line(), limit.module()),
                fields: &fields,
            });
            told |= put;
            put
        });
        told
    }

    /// Enters drops into the ledgers of the sinks that would have taken the records.
    fn account(&self, dropped: &[Dropped]) {
        for slot in &self.sinks.slots {
            for drop in dropped {
                if slot.admission.passes(&drop.logger, drop.level) {
                    slot.facts.ledger.submit(drop.count);
                    slot.facts.ledger.drop_records(drop.count, drop.reason);
                }
            }
        }
    }
}

impl Sinks {
    /// Tells what was given up for single sinks; whether anything was told.
    fn tell(&mut self, put: &impl Fn(&Notice<'_>) -> bool) -> bool {
        let mut told = false;
        for untold in merged(std::mem::take(&mut self.untold)) {
            let name = |sink: usize| self.slots[sink].facts.name.as_str();
            let mut fields = Fields::new();
            let message = match untold.to {
                Some(to) => {
                    fields.push("failed_over", untold.count);
                    fields.push("sink", name(untold.sink));
                    fields.push("fallback", name(to));
                    FAILED_OVER
                }
                None => {
                    fields.push("dropped", untold.count);
                    fields.push("sink", name(untold.sink));
                    fields.push("reason", untold.reason.as_str());
                    DROPPED
                }
            };
            fields.push("first_seq", untold.first);
            fields.push("last_seq", untold.last);
            if put(&notice(message, &fields)) {
                told = true;
            } else {
                self.untold.push(untold);
            }
        }
        told
    }
}

const DROPPED: &str = "records dropped";
const FAILED_OVER: &str = "records failed over";

/// What is alike of one sink as one.
fn merged(untold: Vec<Untold>) -> Vec<Untold> {
    let mut all: Vec<Untold> = Vec::new();
    for one in untold.into_iter().filter(|one| one.count > 0) {
        let key = |untold: &Untold| (untold.sink, untold.to, untold.reason);
        match all.iter_mut().find(|known| key(known) == key(&one)) {
            Some(known) => {
                known.count += one.count;
                known.first = known.first.min(one.first);
                known.last = known.last.max(one.last);
            }
            None => all.push(one),
        }
    }
    all
}

fn notice<'a>(message: &'a str, fields: &'a Fields) -> Notice<'a> {
    Notice {
        level: Level::Warning,
        logger: LOGGER,
        message,
        site: (file!(), line!(), module_path!()),
        fields,
    }
}

/// Fields of the record that tells of drops.
fn about(dropped: &[Dropped]) -> Fields {
    let mut fields = Fields::new();
    fields.push("dropped", dropped.iter().map(|drop| drop.count).sum::<u64>());
    fields.push("first_seq", dropped.iter().map(|drop| drop.first).min().unwrap_or(0));
    fields.push("last_seq", dropped.iter().map(|drop| drop.last).max().unwrap_or(0));
    for drop in dropped {
        let level = drop.level.as_str().to_lowercase();
        let key = format!("{}.{level}.{}", drop.reason.as_str(), drop.logger);
        fields.push(&key, drop.count);
    }
    fields
}
