//! Sinks that stand in for others: every record is somewhere, and every ledger says where.

use std::collections::BTreeSet;
use std::time::Duration;

use prisma_log_core::{DropReason, Filter, Level};
use prisma_log_pipeline::{Overflow, Pipeline, PipelineBuilder};
use prisma_log_testkit::{MemoryHandle, MemorySink};

use crate::support::{PATIENCE, logger};
use crate::trouble::{SOON, Trouble, add, await_that, ledger, numbers, told};

const RECORDS: u64 = 60_000;

/// With a queue of which a sink's share holds a few of the greatest batches.
fn builder() -> PipelineBuilder {
    crate::trouble::builder().queue_bytes(4 << 20)
}

/// Logs INFO, and a WARNING now and then, at a pace that the worker keeps up with.
fn log_slowly(pipeline: &Pipeline, count: u64) {
    let log = logger(pipeline);
    for n in 0..count {
        let text = "some more text, so that the queue fills";
        if n % 100 == 99 {
            slog::warn!(log, "work"; "n" => n, "text" => text);
            await_that("the worker is through", || pipeline.health().in_flight == 0);
        } else {
            slog::info!(log, "work"; "n" => n, "text" => text);
        }
    }
}

/// Each number is in one of these at least; how many are in several.
fn union(handles: &[&MemoryHandle]) -> usize {
    let each: Vec<BTreeSet<u64>> =
        handles.iter().map(|handle| numbers(handle).into_iter().collect()).collect();
    let counts: usize = each.iter().map(BTreeSet::len).sum();
    let listed: usize = handles.iter().map(|handle| numbers(handle).len()).sum();
    assert_eq!(counts, listed, "none twice in one sink");
    let all: BTreeSet<u64> = each.into_iter().flatten().collect();
    assert!(all.iter().copied().eq(0..RECORDS), "{} of {RECORDS}", all.len());
    counts - all.len()
}

fn flush_twice(pipeline: &Pipeline) {
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert!(pipeline.flush(PATIENCE).is_ok(), "what the first had to tell is told");
}

#[test]
fn what_a_sink_has_no_room_for_goes_to_its_fallback() {
    let wait = Overflow::Block { limit: None };
    let ways = [(wait.clone(), false), (wait, true)];
    // A fallback of its own thread may be short of time: then the policy has its turn.
    let others = [Overflow::DropNewest, Overflow::DropOldest].map(|overflow| (overflow, false));
    for (overflow, is_blocking) in ways.into_iter().chain(others) {
        let trouble = Trouble::now();
        let (sink, handle) = trouble.sink(7, SOON);
        let (stand_in, stood_in) = Trouble::now().sink(usize::MAX, SOON);
        let builder = add(builder().overflow(overflow.clone()), is_blocking, "file", sink);
        let builder = if is_blocking {
            builder.blocking_sink("console", Filter::off(), stand_in)
        } else {
            builder.sink("console", Filter::off(), stand_in)
        };
        let pipeline = builder.fallback("file", "console").build().unwrap();
        log_slowly(&pipeline, RECORDS);
        trouble.ends();
        flush_twice(&pipeline);
        assert_eq!(union(&[&handle, &stood_in]), 0, "none in both");
        assert!(numbers(&handle).is_sorted());
        let (own, other) = (ledger(&pipeline, 0), ledger(&pipeline, 1));
        let gone = own.dropped_by(DropReason::FailedOver);
        assert!(gone > 0);
        assert_eq!(own.dropped(), gone);
        assert_eq!(own.delivered(), handle.len() as u64);
        assert_eq!(own.submitted(), own.delivered() + gone);
        assert_eq!((other.submitted(), other.delivered()), (gone, gone));
        // The notices themselves may have gone over.
        let told = [&handle, &stood_in]
            .map(|handle| told(handle, "records failed over", "failed_over", "file"));
        assert_eq!(told.iter().sum::<u64>(), gone);
        assert_eq!(pipeline.health().dropped, 0);
    }
}

#[test]
fn what_the_fallback_has_anyway_is_not_written_twice() {
    let trouble = Trouble::now();
    let (sink, handle) = trouble.sink(7, SOON);
    let stand_in = MemorySink::new();
    let stood_in = stand_in.handle();
    let pipeline = add(builder(), false, "file", sink)
        .sink("console", Filter::at_least(Level::Warning), stand_in)
        .fallback("file", "console")
        .build()
        .unwrap();
    log_slowly(&pipeline, RECORDS);
    // What it takes from now on is another matter than what it took.
    pipeline.set_sink_filter("console", Filter::off()).unwrap();
    trouble.ends();
    flush_twice(&pipeline);
    let both = union(&[&handle, &stood_in]);
    let gone = ledger(&pipeline, 0).dropped_by(DropReason::FailedOver);
    let other = ledger(&pipeline, 1);
    assert_eq!((other.in_flight(), other.dropped()), (0, 0));
    assert_eq!(other.delivered(), stood_in.len() as u64);
    let warnings = numbers(&handle).iter().filter(|n| *n % 100 == 99).count();
    assert_eq!(both, warnings, "in both is what was for both");
    assert!(gone > 0);
    let own = ledger(&pipeline, 0);
    assert_eq!(own.delivered(), handle.len() as u64);
    assert_eq!(own.submitted(), own.delivered() + gone);
    assert_eq!(own.submitted(), pipeline.health().submitted, "everything was for it");
}

#[test]
fn a_fallback_in_trouble_is_passed_over_for_its_own() {
    let (first, second) = (Trouble::now(), Trouble::now());
    let (sink, handle) = first.sink(0, SOON);
    let (stand_in, stood_in) = second.sink(5, SOON);
    let last = MemorySink::new();
    let lasts = last.handle();
    let pipeline = add(builder(), false, "file", sink)
        .sink("syslog", Filter::off(), stand_in)
        .sink("console", Filter::off(), last)
        .fallback("syslog", "console")
        .fallback("file", "syslog")
        .build()
        .unwrap();
    log_slowly(&pipeline, RECORDS);
    first.ends();
    second.ends();
    flush_twice(&pipeline);
    assert_eq!(union(&[&handle, &stood_in, &lasts]), 0);
    assert!(!stood_in.is_empty() && !lasts.is_empty());
    let own = ledger(&pipeline, 0);
    let gone = own.dropped_by(DropReason::FailedOver);
    assert_eq!((own.in_flight(), own.dropped()), (0, gone));
    let ledgers = [1, 2].map(|sink| ledger(&pipeline, sink));
    assert_eq!(ledgers.iter().map(|l| l.in_flight()).sum::<u64>(), 0);
    let passed_on = ledgers[0].dropped_by(DropReason::FailedOver);
    assert_eq!(ledgers[0].submitted() + ledgers[1].submitted(), gone + passed_on);
    assert_eq!(ledgers[0].delivered() + ledgers[1].delivered(), gone);
}

#[test]
fn a_sink_that_hangs_has_its_fallback_too() {
    let (sink, handle) = Trouble::now().sink(usize::MAX, SOON);
    let (gate, open) = std::sync::mpsc::channel::<()>();
    struct Hangs<S>(S, Option<std::sync::mpsc::Receiver<()>>);
    impl<S: prisma_log_core::Sink> prisma_log_core::Sink for Hangs<S> {
        fn write(
            &mut self,
            batch: &[prisma_log_core::Record<'_>],
        ) -> Result<(), prisma_log_core::BatchError> {
            if let Some(gate) = self.1.take() {
                let _opened = gate.recv();
            }
            self.0.write(batch)
        }
        fn flush(&mut self) -> Result<(), prisma_log_core::Error> {
            self.0.flush()
        }
        fn durability(&self) -> prisma_log_core::Durability {
            self.0.durability()
        }
    }
    let stand_in = MemorySink::new();
    let stood_in = stand_in.handle();
    let pipeline = builder()
        .blocking_sink("hung", Filter::default(), Hangs(sink, Some(open)))
        .sink("console", Filter::off(), stand_in)
        .fallback("hung", "console")
        .build()
        .unwrap();
    log_slowly(&pipeline, RECORDS);
    assert!(handle.is_empty() && !stood_in.is_empty());
    drop(gate);
    flush_twice(&pipeline);
    assert_eq!(union(&[&handle, &stood_in]), 0);
    let own = ledger(&pipeline, 0);
    assert_eq!(own.dropped(), own.dropped_by(DropReason::FailedOver));
    assert_eq!(own.dropped(), stood_in.len() as u64);
}

#[test]
fn at_the_end_the_fallback_gets_what_no_next_start_will_find() {
    let (sink, handle) = Trouble::now().sink(3, Duration::from_secs(2));
    let stand_in = MemorySink::new();
    let stood_in = stand_in.handle();
    let pipeline = add(builder(), false, "file", sink)
        .sink("console", Filter::off(), stand_in)
        .fallback("file", "console")
        .build()
        .unwrap();
    let log = logger(&pipeline);
    (0..1000).for_each(|n| slog::info!(log, "work"; "n" => n));
    drop(pipeline);
    let mut all = numbers(&handle);
    assert!(!all.is_empty() && all.len() < 1000);
    all.extend(numbers(&stood_in));
    assert!(all.into_iter().eq(0..1000), "none in both, and in order");
}

#[test]
fn fallbacks_that_can_not_be_are_refused() {
    let check = |pairs: &[(&str, &str)], told: &str| {
        let sink = |builder: PipelineBuilder, name: &str| {
            builder.sink(name, Filter::default(), MemorySink::new())
        };
        let mut builder = ["a", "b", "c"].into_iter().fold(builder(), sink);
        for (from, to) in pairs {
            builder = builder.fallback(*from, *to);
        }
        let error = builder.build().err().map(|error| format!("{error} {:?}", error.hint()));
        match error {
            Some(error) => assert!(!told.is_empty() && error.contains(told), "{pairs:?}: {error}"),
            None => assert_eq!(told, "", "{pairs:?}"),
        }
    };
    check(&[("a", "b"), ("b", "c")], "");
    check(&[("a", "c"), ("b", "c"), ("a", "c")], "");
    check(&[("a", "x")], "no sink is called `x`");
    check(&[("x", "a")], "there are: a, b, c");
    check(&[("b", "b")], "sink `b` is its own fallback");
    check(&[("a", "b"), ("a", "c")], "sink `a` has two fallbacks");
    check(&[("a", "b"), ("b", "a")], "lead back to it");
    check(&[("a", "b"), ("b", "c"), ("c", "a")], "lead back to it");
    // Also where the circle does not begin at the first sink.
    check(&[("a", "b"), ("b", "c"), ("c", "b")], "lead back to it");
}
