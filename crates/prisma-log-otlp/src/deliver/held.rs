//! A portion that was sent in part only, until its records come again.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use prisma_log_core::Record;

use super::portion::Portion;

/// What is known of records that will come again.
#[derive(Debug)]
pub(super) struct Held {
    marks: Vec<u64>,
    state: RandomState,
    portion: Portion,
}

impl Held {
    pub(super) fn new(batch: &[Record<'_>], portion: Portion) -> Self {
        let state = RandomState::new();
        let records = batch.iter().take(portion.fates.len());
        Held { marks: records.map(|record| mark(record, &state)).collect(), state, portion }
    }

    /// The portion, if the batch begins with its records; or what of it the batch begins with.
    pub(super) fn recall(mut self, batch: &[Record<'_>]) -> Option<Portion> {
        let known = self.marks.iter().zip(batch);
        let same = known.take_while(|(known, record)| **known == mark(record, &self.state)).count();
        self.portion.fates.truncate(same);
        (same > 0).then_some(self.portion)
    }
}

/// A number by which a record is known again: everything of it that tells it from others.
fn mark(record: &Record<'_>, state: &RandomState) -> u64 {
    let context = record.context;
    let mut hasher = state.build_hasher();
    (record.sequence, record.timestamp, record.level, record.recovered).hash(&mut hasher);
    (record.logger, record.message, record.tag).hash(&mut hasher);
    record.fields.as_encoded().hash(&mut hasher);
    (context.trace_id, context.span_id, context.entries.as_encoded()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::portion::Fate;
    use super::*;
    use prisma_log_core::{Level, Timestamp};

    #[test]
    fn only_the_same_records_in_the_same_order_are_known_again() {
        let record = |sequence| {
            let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "l", "m");
            record.sequence = sequence;
            record
        };
        let check = |comes: &[u64], expect: Option<&[Fate]>| {
            let fates = vec![Fate::Taken, Fate::Open, Fate::Refused];
            let kept: Vec<_> = [1, 2, 3, 4].map(record).into();
            let held = Held::new(&kept, Portion { fates, error: None });
            let comes: Vec<_> = comes.iter().map(|&sequence| record(sequence)).collect();
            let known = held.recall(&comes).map(|portion| portion.fates);
            assert_eq!(known.as_deref(), expect, "{comes:?}");
        };
        use Fate::{Open, Refused, Taken};
        check(&[1, 2, 3, 4], Some(&[Taken, Open, Refused]));
        check(&[1, 2, 3], Some(&[Taken, Open, Refused]));
        check(&[1, 2], Some(&[Taken, Open]));
        check(&[1, 3, 2], Some(&[Taken]));
        check(&[2, 3], None);
        check(&[], None);
    }
}
