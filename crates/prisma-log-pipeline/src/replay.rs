//! What a dead process left in its segment, into the sinks: once.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use prisma_log_core::support::Reporter;
use prisma_log_core::{Error, Record, Sink, Timestamp};

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::emergency;
use crate::health::RecoveryReport;
use crate::merge::Merge;
use crate::pool::Claim;
use crate::reader::Shapes;
use crate::segment::{MAX_SINKS, PAYLOAD_AT, Segment};
use crate::slot::{Admission, Facts, deliver, flush};
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
            Found::Bad(why) => {
                let why = format!("{}: {why}", path.display());
                reporter.report("recovery", &Error::data(format!("a queue was left: {why}")));
                report.left.push(why);
            }
            Found::Orphan(segment) => {
                report.segments += 1;
                replay(&segment, targets, reporter, &mut report);
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

/// Where each chunk's frames begin that a sink has not taken, by its name or, in a set-up that has
/// none of the names, by what no sink has taken.
struct Cursors<'a> {
    segment: &'a Segment,
    /// For each target the places of its cursor; all of them when no name is known.
    places: Vec<Vec<usize>>,
}

impl<'a> Cursors<'a> {
    fn new(segment: &'a Segment, targets: &[Target<'_>]) -> Self {
        let names: Vec<&str> = segment.sink_names().collect();
        let place = |target: &Target<'_>| {
            names.iter().position(|name| *name == target.facts.name).into_iter().collect()
        };
        let mut places: Vec<Vec<usize>> = targets.iter().map(place).collect();
        if places.iter().all(Vec::is_empty) {
            let all: Vec<usize> = (0..names.len().clamp(1, MAX_SINKS)).collect();
            places.fill(all);
        }
        Cursors { segment, places }
    }

    /// Whether a target takes part: a sink that is new since then does not.
    fn has(&self, target: usize) -> bool {
        !self.places[target].is_empty()
    }

    fn start(&self, target: usize, chunk: u32) -> u32 {
        let cursors = &self.segment.chunk(chunk).header().cursors;
        let places = self.places[target].iter();
        places.map(|&at| cursors[at].load(Ordering::Acquire)).min().unwrap_or(PAYLOAD_AT)
    }

    fn advance(&self, target: usize, batch: &Batch) {
        for &place in &self.places[target] {
            batch.advance(self.segment, place);
        }
    }
}

fn claims(segment: &Segment) -> Vec<Claim> {
    let chunks = (0..segment.chunk_count()).filter(|&chunk| segment.chunk(chunk).in_use());
    // Each chunk by itself: they are merged by time all the same.
    let claim = |(stream, chunk)| Claim { stream: stream as u32, chunk, sealed: false };
    chunks.enumerate().map(claim).collect()
}

/// Writes what the sinks have not taken yet, marked as recovered.
pub(crate) fn replay(
    segment: &Segment,
    targets: &mut [Target<'_>],
    reporter: &Reporter,
    report: &mut RecoveryReport,
) {
    let mut definitions = Definitions::default();
    definitions.update(segment);
    let cursors = Cursors::new(segment, targets);
    let claims = claims(segment);
    let mut merge = Merge::default();
    let mut shapes = Shapes::default();
    let mut first = true;
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
            batches.push(batch);
        }
        if batches.is_empty() {
            break;
        }
        for index in 0..targets.len() {
            if cursors.has(index) {
                let chunk = Chunk { segment, definitions: &definitions, cursors: &cursors };
                chunk.write(index, &mut targets[index], &batches, first, reporter, report);
            }
        }
        first = false;
    }
    replay_emergencies(segment, targets, reporter, report);
    for target in targets {
        // What fails is in the sink's health and was reported.
        let _flushed = flush(target.facts, reporter, target.sink);
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
            let (all, damaged) = batch.records(self.segment, self.definitions, &mut shapes);
            report.damaged_bytes += damaged;
            let start = |item: &crate::batch::Item| self.cursors.start(index, item.chunk);
            let mut all = all.into_iter();
            for item in &batch.items {
                // Of a batch with a damaged frame the places are not known: all of it is written.
                let Some(mut record) = all.next() else { break };
                if (damaged > 0 || item.at >= start(item)) && target.admission.takes(&record, 0, 0)
                {
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
                if let Some(position) = target.sink.position() {
                    for &place in &self.cursors.places[index] {
                        self.segment.set_position(place, &position);
                    }
                }
                let before = target.facts.ledger.snapshot();
                target.facts.ledger.submit(rest.len() as u64);
                deliver(target.facts, reporter, target.sink, &rest);
                let after = target.facts.ledger.snapshot();
                report.records += after.delivered() - before.delivered();
                report.failed += after.dropped() - before.dropped();
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
        let place = *self.cursors.places[index].first()?;
        let position = self.segment.position(place)?;
        let again = records.iter().map(|record| {
            let mut record = *record;
            record.recovered = true;
            record
        });
        let both: Vec<Record<'_>> = records.iter().copied().chain(again).collect();
        match target.sink.written_since(&position, &both) {
            Ok(written) if written.len() == both.len() => {
                let (before, again) = written.split_at(records.len());
                Some(before.iter().zip(again).map(|(a, b)| *a || *b).collect())
            }
            Ok(_) => None,
            Err(error) => {
                reporter.report(&target.facts.name, &error);
                None
            }
        }
    }
}

fn replay_emergencies(
    segment: &Segment,
    targets: &mut [Target<'_>],
    reporter: &Reporter,
    report: &mut RecoveryReport,
) {
    emergency::collect(segment, |notice, nanos, sequence| {
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        let timestamp = Timestamp::from_unix_nanos(nanos);
        let mut record = Record::new(timestamp, notice.level, notice.logger, notice.message);
        record.sequence = sequence;
        record.recovered = true;
        for target in &mut *targets {
            if target.admission.takes(&record, 0, 0) {
                target.facts.ledger.submit(1);
                deliver(target.facts, reporter, target.sink, &[record]);
                report.records += 1;
            }
        }
        true
    });
}
