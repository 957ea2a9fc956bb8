//! What sinks want done though no record comes, and what operators ask of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Sink, SinkCommand};
use prisma_log_pipeline::{Memory, Pipeline, PipelineBuilder, SinkState};

use crate::support::{PATIENCE, logger};
use crate::trouble::await_that;

/// What is due.
#[derive(Clone, Copy, Debug)]
enum Due {
    Never,
    /// Once, at that time.
    At(Instant),
    /// For ever, since that time.
    Since(Instant),
}

/// What became of it, in its order.
#[derive(Debug, Default)]
struct Seen {
    events: Vec<String>,
    maintained: u64,
    fails: bool,
    /// How long the next batch takes.
    thinks: Option<Duration>,
    /// Records are to be given again, until the next command.
    in_trouble: bool,
}

#[derive(Clone)]
struct Watched(Arc<Mutex<(Due, Seen)>>);

impl Watched {
    fn new(due: Due) -> Self {
        Watched(Arc::new(Mutex::new((due, Seen::default()))))
    }

    fn seen<R>(&self, f: impl FnOnce(&mut Seen) -> R) -> R {
        f(&mut self.0.lock().unwrap().1)
    }

    fn maintained(&self) -> u64 {
        self.seen(|seen| seen.maintained)
    }
}

impl Sink for Watched {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        if let Some(wait) = self.seen(|seen| seen.thinks.take()) {
            std::thread::sleep(wait);
        }
        self.seen(|seen| {
            if seen.in_trouble {
                let error = BatchError::none_delivered(Error::state("away"));
                return Err(error.retry_after(Duration::from_secs(600)));
            }
            seen.events.extend(batch.iter().map(|record| record.message.to_string()));
            Ok(())
        })
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn due(&self) -> Option<Instant> {
        match self.0.lock().unwrap().0 {
            Due::Never => None,
            Due::At(time) | Due::Since(time) => Some(time),
        }
    }

    fn maintain(&mut self) -> Result<(), Error> {
        let (due, seen) = &mut *self.0.lock().unwrap();
        if let Due::At(time) = *due {
            assert!(Instant::now() >= time, "too early");
            *due = Due::Never;
        }
        seen.maintained += 1;
        if seen.fails { Err(Error::state("no connection")) } else { Ok(()) }
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        self.seen(|seen| {
            seen.events.push(format!("{command:?}"));
            seen.in_trouble = false;
            if seen.fails { Err(Error::state("no such file")) } else { Ok(()) }
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Worker,
    Apart,
    Inline,
}

const WAYS: [Way; 3] = [Way::Worker, Way::Apart, Way::Inline];

fn with(way: Way, sink: &Watched) -> PipelineBuilder {
    let builder = Pipeline::builder().memory(Memory::Anonymous).inline(way == Way::Inline);
    match way {
        Way::Apart => builder.blocking_sink("watched", Filter::default(), sink.clone()),
        _ => builder.sink("watched", Filter::default(), sink.clone()),
    }
}

#[test]
fn what_is_due_is_done_without_a_record() {
    for way in [Way::Worker, Way::Apart] {
        let sink = Watched::new(Due::At(Instant::now() + Duration::from_millis(50)));
        let _pipeline = with(way, &sink).build().unwrap();
        await_that("it is done", || sink.maintained() == 1);
    }
    // Where there is no worker, with the next call.
    let sink = Watched::new(Due::At(Instant::now()));
    let pipeline = with(Way::Inline, &sink).build().unwrap();
    slog::info!(logger(&pipeline), "work");
    assert_eq!(sink.maintained(), 1);
}

#[test]
fn what_is_due_wakes_a_worker_that_sleeps_for_long() {
    // After two seconds of silence.
    for way in [Way::Worker, Way::Apart] {
        let sink = Watched::new(Due::At(Instant::now() + Duration::from_millis(2500)));
        let _pipeline = with(way, &sink).build().unwrap();
        await_that("it is done", || sink.maintained() == 1);
    }
}

#[test]
fn what_is_always_due_is_not_done_all_the_time() {
    for way in WAYS {
        let begun = Instant::now();
        let sink = Watched::new(Due::Since(begun));
        let pipeline = with(way, &sink).build().unwrap();
        let log = logger(&pipeline);
        for n in 0..20_000 {
            slog::info!(log, "work"; "n" => n);
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(pipeline.flush(PATIENCE).is_ok());
        slog::info!(log, "work");
        let maintained = u128::from(sink.maintained());
        let elapsed = begun.elapsed().as_millis();
        assert!(maintained > 0 && maintained <= elapsed + 1, "{way:?}: {maintained} in {elapsed}");
    }
}

#[test]
fn upkeep_that_fails_is_reported_and_shown_until_it_does_not() {
    for way in [Way::Worker, Way::Apart] {
        let sink = Watched::new(Due::Since(Instant::now()));
        sink.seen(|seen| seen.fails = true);
        let reports = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&reports);
        let pipeline = with(way, &sink)
            .on_error(move |what, error| told.lock().unwrap().push(format!("{what}: {error}")))
            .build()
            .unwrap();
        let state = || pipeline.health().sinks[0].state;
        await_that("it fails", || state() == SinkState::Failing);
        await_that("it is told", || !reports.lock().unwrap().is_empty());
        assert_eq!(reports.lock().unwrap()[0], "watched: no connection");
        assert_eq!(pipeline.health().sinks[0].last_error.as_deref(), Some("no connection"));
        sink.seen(|seen| seen.fails = false);
        await_that("it is well", || state() == SinkState::Ok);
    }
}

#[test]
fn commands_come_behind_what_was_logged_before() {
    for way in WAYS {
        let sink = Watched::new(Due::Never);
        let pipeline = with(way, &sink).build().unwrap();
        let log = logger(&pipeline);
        slog::info!(log, "before");
        pipeline.command(SinkCommand::Rotate, PATIENCE).unwrap();
        slog::info!(log, "between");
        pipeline.command(SinkCommand::Reopen, PATIENCE).unwrap();
        slog::info!(log, "after");
        assert!(pipeline.flush(PATIENCE).is_ok());
        let events = sink.seen(|seen| seen.events.clone());
        assert_eq!(events, ["before", "Rotate", "between", "Reopen", "after"], "{way:?}");
    }
}

#[test]
fn a_command_reaches_a_sink_in_trouble_and_may_end_that() {
    for way in WAYS {
        let sink = Watched::new(Due::Never);
        sink.seen(|seen| seen.in_trouble = true);
        let pipeline = with(way, &sink).build().unwrap();
        slog::info!(logger(&pipeline), "waits");
        await_that("it is in trouble", || pipeline.health().sinks[0].state == SinkState::Failing);
        pipeline.command(SinkCommand::Reopen, PATIENCE).unwrap();
        // Not after ten minutes.
        await_that("it is tried again", || sink.seen(|seen| seen.events.len() == 2));
        assert_eq!(sink.seen(|seen| seen.events.clone()), ["Reopen", "waits"], "{way:?}");
        assert!(pipeline.flush(PATIENCE).is_ok());
    }
}

#[test]
fn a_command_that_comes_while_a_sink_is_tried_has_it_tried_again_too() {
    let sink = Watched::new(Due::Never);
    sink.seen(|seen| (seen.in_trouble, seen.thinks) = (true, Some(Duration::from_millis(100))));
    let pipeline = with(Way::Apart, &sink).build().unwrap();
    slog::info!(logger(&pipeline), "waits");
    await_that("it is tried", || sink.seen(|seen| seen.thinks.is_none()));
    pipeline.command(SinkCommand::Reopen, PATIENCE).unwrap();
    await_that("it is tried again", || sink.seen(|seen| seen.events.len() == 2));
}

#[test]
fn commands_that_fail_say_where() {
    for way in WAYS {
        let sink = Watched::new(Due::Never);
        let well = Watched::new(Due::Never);
        sink.seen(|seen| seen.fails = true);
        let builder = with(way, &sink).sink("well", Filter::default(), well.clone());
        let pipeline = builder.build().unwrap();
        let error = pipeline.command(SinkCommand::Reopen, PATIENCE).unwrap_err().to_string();
        assert_eq!(error, "cannot command sink watched: no such file", "{way:?}");
        assert_eq!(well.seen(|seen| seen.events.clone()), ["Reopen"], "the others all the same");
        assert_eq!(pipeline.health().failures, 1);
    }
}
