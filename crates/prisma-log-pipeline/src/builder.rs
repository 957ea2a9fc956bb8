//! Puts a pipeline together.

mod checks;

use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::support::{ErrorHandler, Reporter, contain};
use prisma_log_core::{Clock as TimeSource, Durability, Error, Filter, Sink};

use crate::apart::Apart;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::health::RecoveryReport;
use crate::levels::Levels;
use crate::overflow::Overflow;
use crate::pipeline::{Pipeline, close_on_signals};
use crate::pool::Pool;
use crate::reader::Shapes;
use crate::registry;
use crate::replay::{Target, replay_all};
use crate::shared::{INLINE, Parts, Shared};
use crate::slot::{Admission, Facts, SharedSink, Slot, SlotSink};
use crate::store::{Memory, Store};
use crate::worker::Worker;

/// Builds a [`Pipeline`].
#[must_use = "nothing is set up until `build` is called"]
pub struct PipelineBuilder {
    service: Option<String>,
    memory: Memory,
    queue_bytes: usize,
    max_record_bytes: usize,
    latency: Duration,
    overflow: Overflow,
    filter: Filter,
    sinks: Vec<Seat>,
    /// Sink and fallback, by name.
    fallbacks: Vec<(String, String)>,
    clock: Option<Box<dyn TimeSource>>,
    on_error: Option<ErrorHandler>,
    recover: bool,
    inline: bool,
    capture_panics: bool,
    flush_on_signals: bool,
}

struct Seat {
    name: String,
    filter: Filter,
    sink: Box<dyn Sink>,
    blocking: bool,
}

impl PipelineBuilder {
    pub(crate) fn new() -> Self {
        PipelineBuilder {
            service: None,
            memory: Memory::Default,
            queue_bytes: 8 << 20,
            max_record_bytes: 64 << 10,
            latency: Duration::from_millis(8),
            overflow: Overflow::default(),
            filter: Filter::default(),
            sinks: Vec::new(),
            fallbacks: Vec::new(),
            clock: None,
            on_error: None,
            recover: true,
            inline: false,
            capture_panics: false,
            flush_on_signals: false,
        }
    }

    /// The service's name: what a process leaves behind is replayed by the next one of the same
    /// service and user. By default the name of the program's file.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Where the queue is; by default [`Memory::Default`].
    pub fn memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Most bytes of the queue in memory, over all threads: 8 MiB by default, 1 MiB at least. Memory
    /// is taken as it is needed, and kept.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Most bytes of one record, from 1 KiB to 1 MiB: 64 KiB by default. What is over is cut off,
    /// and the record says how much that was.
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = bytes;
        self
    }

    /// Longest sleep of the worker between two looks at the queue, from 100 µs to 10 s: 8 ms by
    /// default. A record waits for about that long before it is written. After two seconds of
    /// silence the worker sleeps until the next call wakes it, which costs that call some 10 µs.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// What happens when the queue is full; by default a call waits for up to a second.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// What passes at all, before the sinks' own filters; by default everything.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Adds a sink that does not wait for others, such as a file: the worker drives it. The name is
    /// what reports and ledgers use, and how a sink is known again after a crash.
    ///
    /// When it asks to be given records again later ([`BatchError::retry_after`]), it gets a thread
    /// of its own, for good: nobody else waits with it.
    ///
    /// [`BatchError::retry_after`]: prisma_log_core::BatchError::retry_after
    pub fn sink(self, name: impl Into<String>, filter: Filter, sink: impl Sink + 'static) -> Self {
        self.add(name.into(), filter, Box::new(sink), false)
    }

    /// Adds a sink that may wait, such as one that sends over a network: it gets a thread of its
    /// own, and when it does not come back only its own records are dropped, once they fill a
    /// quarter of the queue.
    pub fn blocking_sink(
        self,
        name: impl Into<String>,
        filter: Filter,
        sink: impl Sink + 'static,
    ) -> Self {
        self.add(name.into(), filter, Box::new(sink), true)
    }

    fn add(mut self, name: String, filter: Filter, sink: Box<dyn Sink>, blocking: bool) -> Self {
        self.sinks.push(Seat { name, filter, sink, blocking });
        self
    }

    /// Names the sink that stands in for another one of this pipeline, in whatever order they are
    /// added: when that is in trouble for so long that its share of the queue is used up, the oldest
    /// of what waits for it goes to the fallback, whatever level that has. What the fallback takes
    /// anyway is not written to it a second time. The sink's ledger counts them as
    /// [`FailedOver`](prisma_log_core::DropReason::FailedOver), and a record tells how many they
    /// were. A fallback may have one itself.
    pub fn fallback(mut self, sink: impl Into<String>, fallback: impl Into<String>) -> Self {
        self.fallbacks.push((sink.into(), fallback.into()));
        self
    }

    /// Where timestamps come from; by default the system's clock, read through the processor's
    /// counter where that can be relied on.
    pub fn clock(mut self, clock: impl TimeSource + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Called with the sink's name, or `queue` or `recovery`, and the error for everything that
    /// fails in the background. Failures go to stderr as well, at most one line a second.
    pub fn on_error(mut self, handler: impl Fn(&str, &Error) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Box::new(handler));
        self
    }

    /// Whether to replay what former processes of the service left behind, before anything else is
    /// written; on by default.
    pub fn recover(mut self, on: bool) -> Self {
        self.recover = on;
        self
    }

    /// Whether calls write their records themselves, before they return, without a worker; off by
    /// default. Sinks with a thread of their own still write in it.
    pub fn inline(mut self, on: bool) -> Self {
        self.inline = on;
        self
    }

    /// Whether a panic becomes a record at CRITICAL with message, place and backtrace, before the
    /// panic hook that is there runs; off by default.
    pub fn capture_panics(mut self, on: bool) -> Self {
        self.capture_panics = on;
        self
    }

    /// Whether SIGTERM and SIGINT flush the pipeline, for up to five seconds, before they do what
    /// they did before; off by default. A second signal ends the process at once.
    pub fn flush_on_signals(mut self, on: bool) -> Self {
        self.flush_on_signals = on;
        self
    }

    /// Starts the pipeline: replays what was left behind, then starts the worker.
    ///
    /// # Errors
    /// When a setting is out of its range, a [fallback](PipelineBuilder::fallback) is no sink of the
    /// pipeline or leads back to the sink that it stands in for, the memory that was asked for can't be had, or signal
    /// handlers can't be installed.
    pub fn build(self) -> Result<Pipeline, Error> {
        let sizes = self.sizes()?;
        self.check_sinks()?;
        let fallbacks = self.fallback_places()?;
        let service = self.service.clone().unwrap_or_else(program_name);
        let names: Vec<String> = self.sinks.iter().map(|seat| seat.name.clone()).collect();
        let store = Store::open(&self.memory, &service, sizes, &self.overflow, names)?;
        let reporter = Arc::new(Reporter::new(self.on_error));
        let clock = Clock::new(self.clock);
        let mut seats = self.sinks;
        let mut facts = Vec::new();
        for seat in &seats {
            let durability = contain(|| seat.sink.durability()).unwrap_or(Durability::Memory);
            facts.push(Arc::new(Facts::new(&seat.name, durability, seat.blocking)));
        }
        let mut recovery = RecoveryReport::default();
        if self.recover
            && let Some(folder) = &store.folder
        {
            let mut admissions: Vec<Admission> =
                seats.iter().map(|seat| Admission::new(seat.filter.clone())).collect();
            let targets = seats.iter_mut().zip(&facts).zip(&mut admissions);
            let mut targets: Vec<Target<'_>> = targets
                .map(|((seat, facts), admission)| Target::new(facts, admission, &mut *seat.sink))
                .collect();
            recovery = replay_all(folder, &mut targets, &reporter);
        }
        let (segment, why_anonymous) = store.segment(clock.now())?;
        let segment = Arc::new(segment);
        registry::add_segment(&segment);
        let pool = Arc::new(Pool::new(segment));
        let filters = seats.iter().map(|seat| seat.filter.clone()).collect();
        let mut slots = Vec::new();
        for (index, (seat, facts)) in seats.into_iter().zip(&facts).enumerate() {
            let sink = SharedSink::new(seat.sink);
            let sink = if seat.blocking {
                let apart = Apart::start(sink, index, facts, &pool, &reporter);
                SlotSink::Apart(apart.map_err(|error| {
                    Error::io(format!("cannot start a thread for sink {}", seat.name), error)
                })?)
            } else {
                SlotSink::Local(sink)
            };
            let admission = Admission::new(seat.filter);
            let (facts, fallback) = (Arc::clone(facts), fallbacks[index]);
            slots.push(Slot { facts, admission, sink, fallback });
        }
        let worker = Worker::new(slots, Shapes::default());
        let engine = Engine::new(pool, worker, facts, self.latency, 0);
        let parts = Parts {
            max_record_bytes: self.max_record_bytes,
            overflow: self.overflow,
            clock,
            levels: Levels::new(self.filter, filters),
            reporter,
            store,
            why_anonymous,
            recovery,
        };
        let shared = Shared::new(parts, engine);
        if self.inline {
            shared.set_mode(INLINE);
        } else if let Err(error) = shared.engine.get().start(&shared) {
            shared.set_mode(INLINE);
            let what = "cannot start the worker's thread: calls write their records themselves";
            shared.reporter.report("queue", &Error::io(what, error));
        }
        let mut pipeline = Pipeline::new(&shared);
        if self.capture_panics {
            pipeline.hook = Some(crate::panic_records::install(&pipeline));
        }
        if self.flush_on_signals {
            close_on_signals()?;
        }
        Ok(pipeline)
    }
}

fn program_name() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_ref().and_then(|path| path.file_name()).and_then(|name| name.to_str());
    name.unwrap_or("service").to_owned()
}
