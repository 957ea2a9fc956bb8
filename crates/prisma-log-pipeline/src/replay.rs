//! What a dead process left in its segment, into the sinks: once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{Error, Record, Sink, SinkPosition, Timestamp};

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::emergency;
use crate::health::RecoveryReport;
use crate::merge::Merge;
use crate::pool::Claim;
use crate::reader::Shapes;
use crate::segment::{MAX_SINKS, PAYLOAD_AT, Segment};
use crate::slot::{Admission, Facts, deliver, flush, panicked, position};
use crate::store::{self, Found};

/// So many batches from the first one on, records are looked for in the sink: the batch at which
/// the process died is among them.
const BATCHES_IN_DOUBT: usize = 8;

/// A sink that takes part in a replay.
pub(crate) struct Target<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) admission: &'a mut Admission,
    pub(crate) sink: &'a mut dyn Sink,
}

impl Target<'_> {
    fn take(&mut self, batch: &[Record<'_>], reporter: &Reporter, report: &mut RecoveryReport) {
        let before = self.facts.ledger.snapshot();
        self.facts.ledger.submit(batch.len() as u64);
        deliver(self.facts, reporter, self.sink, batch);
        let after = self.facts.ledger.snapshot();
        report.records += after.delivered() - before.delivered();
        report.failed += after.dropped() - before.dropped();
    }
}

/// Replays everything that dead processes of a service left in its folder.
pub(crate) fn replay_all(
    folder: &Path,
    targets: &mut [Target<'_>],
    reporter: &Reporter,
) -> RecoveryReport {
    let begun = Instant::now();
    let mut report = RecoveryReport::default();
    let files = store::segment_files(folder).unwrap_or_else(|error| {
        let what = format!("cannot look for queues in {}", folder.display());
        reporter.report("recovery", &Error::io(what, error));
        Vec::new()
    });
    for path in files {
        match store::adopt(&path) {
            Found::Owned => {}
            Found::Bad(_) if store::remove_unborn(&path) => {}
            Found::Bad(why) => {
                let why = format!("{}: {why}", path.display());
                reporter.report("recovery", &Error::data(format!("a queue was left: {why}")));
                report.left.push(why);
            }
            Found::Orphan(segment, lost) => {
                report.segments += 1;
                if let Some(lost) = lost {
                    let lost = format!("{}: {lost}", path.display());
                    let what = format!("a part of a queue is lost: {lost}");
                    reporter.report("recovery", &Error::data(what));
                    report.lost.push(lost);
                }
                let cursors = Cursors::by_name(&segment, targets);
                // What fails is in the sink's health and was reported.
                let _flushed = replay(&segment, &cursors, targets, reporter, &mut report);
                if let Err(error) = store::remove(&segment) {
                    let what = format!("cannot remove {}", path.display());
                    reporter.report("recovery", &Error::io(what, error));
                }
            }
        }
    }
    report.elapsed = begun.elapsed();
    report
}

/// Where each chunk's frames begin that a sink has not taken.
pub(crate) struct Cursors<'a> {
    segment: &'a Segment,
    /// By place and chunk, where the dead process stood: targets may share a place.
    starts: HashMap<(usize, u32), u32>,
    /// For each target the places of its cursor: with several, it takes what any of them has not.
    places: Vec<Vec<usize>>,
    /// Whether what is taken is noted in the segment.
    notes: bool,
}

impl<'a> Cursors<'a> {
    /// Each target goes on where the sink of its name was. One of a new name takes what those sinks
    /// have not that are no more: they may have been renamed.
    fn by_name(segment: &'a Segment, targets: &[Target<'_>]) -> Self {
        let names: Vec<&str> = segment.sink_names().collect();
        let place = |target: &Target<'_>| {
            names.iter().position(|name| *name == target.facts.name).into_iter().collect()
        };
        let mut places: Vec<Vec<usize>> = targets.iter().map(place).collect();
        let gone = all_places(segment)
            .into_iter()
            .filter(|place| !places.iter().flatten().any(|p| p == place));
        let gone: Vec<usize> = gone.collect();
        for none in places.iter_mut().filter(|places| places.is_empty()) {
            none.clone_from(&gone);
        }
        Cursors { segment, starts: starts(segment), places, notes: true }
    }

    /// Each target goes on at these places, and nothing is noted. One with a single place stands for
    /// that sink, and may have written records already; one with several has not.
    pub(crate) fn unnoted(segment: &'a Segment, places: Vec<Vec<usize>>) -> Self {
        Cursors { segment, starts: starts(segment), places, notes: false }
    }

    /// Where the sinks stood, in the words of one that is asked what it has already.
    fn positions(&self, target: usize) -> impl Iterator<Item = SinkPosition> {
        let places = &self.places[target][..];
        let asked = if self.notes || places.len() == 1 { places } else { &[] };
        asked.iter().filter_map(|&place| self.segment.position(place))
    }

    /// Whether a target takes part: a sink that is new since then does not.
    fn has(&self, target: usize) -> bool {
        !self.places[target].is_empty()
    }

    fn start(&self, target: usize, chunk: u32) -> u32 {
        let places = self.places[target].iter();
        let starts = places.map(|&place| self.starts.get(&(place, chunk)).copied());
        starts.map(Option::unwrap_or_default).min().unwrap_or(PAYLOAD_AT)
    }

    fn note_position(&self, target: usize, position: &SinkPosition) {
        for &place in self.places[target].iter().filter(|_| self.notes) {
            self.segment.set_position(place, position);
        }
    }

    fn advance(&self, target: usize, batch: &Batch) {
        for &place in self.places[target].iter().filter(|_| self.notes) {
            // The last one that shares it, when all the others are through.
            if !self.places[target + 1..].iter().flatten().any(|&later| later == place) {
                batch.advance(self.segment, place);
            }
        }
    }
}

/// Where every sink stands in every chunk.
fn starts(segment: &Segment) -> HashMap<(usize, u32), u32> {
    let mut starts = HashMap::new();
    for chunk in (0..segment.chunk_count()).filter(|&chunk| segment.chunk(chunk).in_use()) {
        for place in all_places(segment) {
            let cursor = &segment.chunk(chunk).header().cursors[place];
            starts.insert((place, chunk), cursor.load(Ordering::Acquire));
        }
    }
    starts
}

/// The places of all sinks that the segment knows.
pub(crate) fn all_places(segment: &Segment) -> Vec<usize> {
    (0..segment.sink_names().count().clamp(1, MAX_SINKS)).collect()
}

fn claims(segment: &Segment) -> Vec<Claim> {
    let chunks = (0..segment.chunk_count()).filter(|&chunk| segment.chunk(chunk).in_use());
    // Each chunk by itself: they are merged by time all the same.
    let claim = |(stream, chunk)| Claim { stream: stream as u32, chunk, sealed: false };
    chunks.enumerate().map(claim).collect()
}

/// Writes what the sinks have not taken yet, marked as recovered.
///
/// # Errors
/// What the first flush failed with; all sinks are flushed.
pub(crate) fn replay(
    segment: &Segment,
    cursors: &Cursors<'_>,
    targets: &mut [Target<'_>],
    reporter: &Reporter,
    report: &mut RecoveryReport,
) -> Result<(), Error> {
    let mut definitions = Definitions::default();
    definitions.update(segment);
    let claims = claims(segment);
    let mut merge = Merge::default();
    let mut shapes = Shapes::default();
    let mut first = true;
    let mut next_sequence = greatest_sequence(segment, &claims) + 1;
    loop {
        let mut batches = Vec::new();
        let wanted = if first { BATCHES_IN_DOUBT } else { 1 };
        while batches.len() < wanted {
            let mut batch = Batch::default();
            let merged = merge.fill(segment, &claims, u64::MAX, &mut shapes, &mut batch);
            report.damaged_bytes += merged.damaged;
            if batch.items.is_empty() {
                break;
            }
            report.damaged_bytes += damaged_bytes(segment, &definitions, &batch);
            batch.number_rest(segment, &mut next_sequence);
            batches.push(batch);
        }
        if batches.is_empty() {
            break;
        }
        for (index, target) in targets.iter_mut().enumerate() {
            if cursors.has(index) {
                let chunk = Chunk { segment, definitions: &definitions, cursors };
                chunk.write(index, target, &batches, first, reporter, report);
            }
        }
        first = false;
    }
    replay_emergencies(segment, cursors.notes, targets, reporter, report);
    let flushed: Vec<Result<(), Error>> =
        targets.iter_mut().map(|target| flush(target.facts, reporter, &mut *target.sink)).collect();
    flushed.into_iter().collect()
}

/// Bytes of frames that are no whole records. What can be read of them is written all the same.
fn damaged_bytes(segment: &Segment, definitions: &Definitions, batch: &Batch) -> u64 {
    let mut shapes = Shapes::default();
    let damaged = batch.items.iter().filter(|item| {
        let record = batch.record(segment, definitions, &mut shapes, item);
        record.is_none() || !batch.is_whole(segment, item)
    });
    damaged.map(|item| u64::from(item.head.len)).sum()
}

/// The greatest number that the dead process gave to a record.
fn greatest_sequence(segment: &Segment, claims: &[Claim]) -> u64 {
    let mut merge = Merge::default();
    let mut shapes = Shapes::default();
    let mut greatest = 0;
    let mut batch = Batch::default();
    loop {
        batch.clear();
        merge.fill(segment, claims, u64::MAX, &mut shapes, &mut batch);
        let numbers = batch.items.iter().map(|item| item.head.sequence);
        match numbers.max() {
            Some(number) => greatest = greatest.max(number),
            None => return greatest,
        }
    }
}

struct Chunk<'a> {
    segment: &'a Segment,
    definitions: &'a Definitions,
    cursors: &'a Cursors<'a>,
}

impl Chunk<'_> {
    /// Writes a run of batches to one sink.
    fn write(
        &self,
        index: usize,
        target: &mut Target<'_>,
        batches: &[Batch],
        in_doubt: bool,
        reporter: &Reporter,
        report: &mut RecoveryReport,
    ) {
        // Shapes are of living records: a recovered one is of none.
        let mut shapes = Shapes::default();
        let mut records: Vec<Record<'_>> = Vec::new();
        let mut ends = Vec::new();
        for batch in batches {
            for item in &batch.items {
                if item.at < self.cursors.start(index, item.chunk) {
                    continue;
                }
                let record = batch.record(self.segment, self.definitions, &mut shapes, item);
                // A damaged one was counted when the batch was read.
                if let Some(mut record) = record.filter(|r| target.admission.takes(r, 0, 0)) {
                    record.shape = None;
                    records.push(record);
                }
            }
            ends.push(records.len());
        }
        let written = if in_doubt { self.written(index, target, &records, reporter) } else { None };
        let mut from = 0;
        for (batch, end) in batches.iter().zip(ends) {
            let known = |at: &usize| written.as_ref().is_some_and(|written| written[*at]);
            let mut rest: Vec<Record<'_>> =
                (from..end).filter(|at| !known(at)).map(|at| records[at]).collect();
            for record in &mut rest {
                record.recovered = true;
            }
            report.already_written += (end - from - rest.len()) as u64;
            from = end;
            if !rest.is_empty() {
                // While it is in doubt what the dead process wrote, another kill must find it from
                // where that began.
                if (!in_doubt || self.cursors.positions(index).next().is_none())
                    && let Some(position) = position(&*target.sink)
                {
                    self.cursors.note_position(index, &position);
                }
                target.take(&rest, reporter, report);
            }
            // Another kill, in the middle of this, starts from here.
            self.cursors.advance(index, batch);
        }
    }

    /// Which records the sink has already, whether it had them before the first death or from a
    /// recovery that was itself cut short.
    fn written(
        &self,
        index: usize,
        target: &mut Target<'_>,
        records: &[Record<'_>],
        reporter: &Reporter,
    ) -> Option<Vec<bool>> {
        let mut known: Option<Vec<bool>> = None;
        for position in self.cursors.positions(index) {
            let sink = &mut *target.sink;
            let written = contain(|| sink.written_since(&position, records));
            match written.unwrap_or_else(|reason| Err(panicked(&reason))) {
                Ok(written) if written.len() == records.len() => {
                    let known = known.get_or_insert_with(|| vec![false; records.len()]);
                    for (known, written) in known.iter_mut().zip(written) {
                        *known |= written;
                    }
                }
                Ok(_) => {}
                Err(error) => reporter.report(&target.facts.name, &error),
            }
        }
        known
    }
}

fn replay_emergencies(
    segment: &Segment,
    frees_slots: bool,
    targets: &mut [Target<'_>],
    reporter: &Reporter,
    report: &mut RecoveryReport,
) {
    emergency::collect(segment, |notice, nanos| {
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        let timestamp = Timestamp::from_unix_nanos(nanos);
        let mut record = Record::new(timestamp, notice.level, notice.logger, notice.message);
        record.recovered = true;
        for target in &mut *targets {
            if target.admission.takes(&record, 0, 0) {
                target.take(&[record], reporter, report);
            }
        }
        frees_slots
    });
}
