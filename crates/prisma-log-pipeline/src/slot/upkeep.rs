//! What sinks want to be done at some time, though no record may come until then.

use std::time::{Duration, Instant};

use prisma_log_core::Sink;
use prisma_log_core::support::{Reporter, contain};

use super::calls::call;
use super::{Facts, SinkState};

/// Upkeep is that far apart at least, whatever the sink asks for.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);

/// When a sink wants to be called, as it said after the last call.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    due: Option<Instant>,
    last: Option<Instant>,
    failed: bool,
}

impl Upkeep {
    /// Asks the sink anew; to be done after every call of it.
    pub(crate) fn ask(&mut self, sink: &dyn Sink) {
        self.due = contain(|| sink.due()).unwrap_or(None);
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let earliest = self.last.and_then(|last| last.checked_add(LEAST_INTERVAL));
        self.due.map(|due| earliest.map_or(due, |earliest| due.max(earliest)))
    }

    /// Has the sink do what is due, if it is.
    pub(crate) fn keep_up(&mut self, facts: &Facts, reporter: &Reporter, sink: &mut dyn Sink) {
        if self.due().is_none_or(|due| due > Instant::now()) {
            return;
        }
        let kept = call(facts, reporter, || sink.maintain());
        // Only what upkeep itself has put wrong does it put right.
        if kept.is_ok() && self.failed && facts.state() == SinkState::Failing {
            facts.set_state(SinkState::Ok);
        }
        self.failed = kept.is_err();
        self.last = Some(Instant::now());
        self.ask(sink);
    }
}
