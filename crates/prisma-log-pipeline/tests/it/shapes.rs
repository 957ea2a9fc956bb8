//! What a sink remembers of a record's shape stays true, whoever drives it from one record to the
//! next.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Shape, Sink};
use prisma_log_pipeline::{Pipeline, PipelineBuilder};
use prisma_log_testkit::{Fault, FaultySink};

use crate::forking::{exit, fork, reap};
use crate::support::{PATIENCE, Place, here, logger, place};
use crate::trouble::SOON;

/// Remembers the message of each shape, as an encoder does, and notes whether it still holds.
struct Remembers {
    known: HashMap<Shape, String>,
    file: File,
}

impl Remembers {
    fn new(path: &Path) -> Self {
        let file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        Remembers { known: HashMap::new(), file }
    }
}

impl Sink for Remembers {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            // The first ones of a call have none.
            let Some(shape) = record.shape else { continue };
            let known = self.known.entry(shape).or_insert_with(|| record.message.to_owned());
            writeln!(self.file, "{} {}", record.message, known).unwrap();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PageCache
    }
}

fn with(place: &Place, is_blocking: bool, faults: Vec<Fault>) -> PipelineBuilder {
    let sink = FaultySink::new(Remembers::new(&place.lines())).schedule(faults);
    let other = FaultySink::new(Remembers::new(&place.0.join("others")));
    let builder = place.builder().sink("others", Filter::default(), other);
    if is_blocking {
        builder.blocking_sink("lines", Filter::default(), sink)
    } else {
        builder.sink("lines", Filter::default(), sink)
    }
}

fn log_first(pipeline: &Pipeline) {
    for _ in 0..5 {
        slog::info!(logger(pipeline), "first");
    }
    assert!(pipeline.flush(PATIENCE).is_ok());
}

/// The later ones come before the one that is known.
fn log_others(pipeline: &Pipeline) {
    let log = logger(pipeline);
    for _ in 0..5 {
        slog::info!(log, "second");
    }
    for _ in 0..5 {
        slog::info!(log, "third"; "with" => "a field");
    }
    assert!(pipeline.flush(PATIENCE).is_ok());
    log_first(pipeline);
}

pub(crate) fn scene(which: &str) {
    let place = here();
    let pipeline = with(&place, which == "blocking", Vec::new()).build().unwrap();
    log_first(&pipeline);
    reap(fork(|| {
        log_others(&pipeline);
        exit();
    }));
}

fn check(place: &Place) {
    for path in [place.lines(), place.0.join("others")] {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.dedup();
        let expect = ["first", "second", "third", "first"].map(|word| format!("{word} {word}"));
        assert_eq!(lines, expect);
    }
}

#[test]
fn a_forked_child_does_not_take_one_call_for_another() {
    for which in ["worker", "blocking"] {
        let (_dir, place) = place();
        assert!(place.play(&format!("shapes {which}")).success());
        check(&place);
    }
}

#[test]
fn nor_does_a_sink_that_gets_a_thread_of_its_own() {
    for is_blocking in [false, true] {
        let (_dir, place) = place();
        let faults = vec![Fault::None, Fault::RetryAfter(0, SOON), Fault::None];
        let pipeline = with(&place, is_blocking, faults).build().unwrap();
        log_first(&pipeline);
        log_others(&pipeline);
        drop(pipeline);
        check(&place);
    }
}
