//! What a dead process left in its segment, into the sinks: once.

mod cursors;
mod target;

use std::path::Path;
use std::time::Instant;

use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{Error, Record, Timestamp};

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::emergency;
use crate::health::RecoveryReport;
use crate::merge::Merge;
use crate::pool::Claim;
use crate::reader::Shapes;
use crate::segment::Segment;
use crate::slot::{flush, panicked, position};
use crate::store::{self, Found};

pub(crate) use cursors::{Cursors, all_places};
pub(crate) use target::Target;

/// So many batches from the first one on, records are looked for in the sink: the batch at which
/// the process died is among them.
const BATCHES_IN_DOUBT: usize = 8;

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
                let kept = report.kept;
                let _flushed = replay(&segment, &cursors, targets, reporter, &mut report);
                if targets.iter().any(|target| target.is_given_up()) {
                    let why = why_kept(&path, report.kept - kept, targets);
                    let what = format!("a queue was left for the next start: {why}");
                    reporter.report("recovery", &Error::state(what));
                    report.left.push(why);
                } else if let Err(error) = store::remove(&segment) {
                    let what = format!("cannot remove {}", path.display());
                    reporter.report("recovery", &Error::io(what, error));
                }
            }
        }
    }
    report.elapsed = begun.elapsed();
    report
}

/// Says which sinks a queue is kept for.
fn why_kept(path: &Path, records: u64, targets: &[Target<'_>]) -> String {
    let given_up = targets.iter().filter(|target| target.is_given_up());
    let sinks = given_up.map(|target| {
        let error = target.facts.last_error().unwrap_or_default();
        format!("{}: {error}", target.facts.name)
    });
    let sinks = sinks.collect::<Vec<_>>().join("; ");
    format!("{}: {records} records wait for sinks in trouble ({sinks})", path.display())
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
    // They are all sinks' at once: the next start has them, too.
    if !targets.iter().any(|target| target.is_given_up()) {
        replay_emergencies(segment, cursors.notes, targets, reporter, report);
    }
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
        // Of each record, which of its batch's items it is.
        let mut items = Vec::new();
        let mut ends = Vec::new();
        for batch in batches {
            for (at, item) in batch.items.iter().enumerate() {
                if item.at < self.cursors.start(index, item.chunk) {
                    continue;
                }
                let record = batch.record(self.segment, self.definitions, &mut shapes, item);
                // A damaged one was counted when the batch was read.
                if let Some(mut record) = record.filter(|r| target.admission.takes(r, 0, 0)) {
                    record.shape = None;
                    records.push(record);
                    items.push(at);
                }
            }
            ends.push(records.len());
        }
        let written = if in_doubt { self.written(index, target, &records, reporter) } else { None };
        let mut from = 0;
        for (batch, end) in batches.iter().zip(ends) {
            let known = |at: &usize| written.as_ref().is_some_and(|written| written[*at]);
            let left: Vec<usize> = (from..end).filter(|at| !known(at)).collect();
            let mut rest: Vec<Record<'_>> = left.iter().map(|&at| records[at]).collect();
            for record in &mut rest {
                record.recovered = true;
            }
            if target.is_given_up() {
                report.kept += rest.len() as u64;
                from = end;
                continue;
            }
            report.already_written += (end - from - rest.len()) as u64;
            from = end;
            let mut through = 0;
            if !rest.is_empty() {
                // While it is in doubt what the dead process wrote, another kill must find it from
                // where that began.
                if (!in_doubt || self.cursors.positions(index).next().is_none())
                    && let Some(position) = position(&*target.sink)
                {
                    self.cursors.note_position(index, &position);
                }
                through = target.take(&rest, reporter, report);
            }
            // Another kill, in the middle of this, starts from here.
            match left.get(through) {
                None => self.cursors.advance(index, &batch.chunks),
                Some(&first) => {
                    report.kept += (rest.len() - through) as u64;
                    self.cursors.advance(index, &batch.clone().forget_first(items[first]).all());
                    self.cursors.hold(index);
                }
            }
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
            if target.admission.takes(&record, 0, 0)
                && target.take(&[record], reporter, report) == 0
            {
                target.lose(1, report);
            }
        }
        frees_slots
    });
}
