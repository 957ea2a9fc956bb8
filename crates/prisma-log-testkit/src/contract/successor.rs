//! What a sink must know of one before it, whose process died or was forked.

use prisma_log_core::{Level, Record, Shape, Sink, SinkPosition, Timestamp};

use super::{Place, token};

fn records(messages: &[String]) -> Vec<Record<'_>> {
    let time = Timestamp::from_unix_seconds(1_795_507_200);
    messages.iter().map(|message| Record::new(time, Level::Info, "contract", message)).collect()
}

/// Asks in every way in which the same must be answered.
fn answer(sink: &mut dyn Sink, since: &SinkPosition, messages: &[String]) -> Vec<bool> {
    let mut records = records(messages);
    let mut ask = |records: &[Record<'_>], how: &str| {
        let answer = sink.written_since(since, records);
        answer.unwrap_or_else(|error| panic!("`written_since` failed {how}: {error}"))
    };
    let first = ask(&records, "at first");
    assert_eq!(first.len(), messages.len(), "number of answers");
    assert_eq!(ask(&records, "the second time"), first, "asked a second time");
    for record in &mut records {
        (record.recovered, record.shape) = (true, Shape::new(1));
    }
    assert_eq!(ask(&records, "with marks"), first, "asked of records marked as recovered");
    first
}

impl Place<'_> {
    /// Drops sinks in the middle of a batch, and asks the next ones how far it came.
    pub(super) fn look_back<S: Sink>(&mut self, open: &mut impl FnMut() -> S) {
        let mut sink = open();
        if sink.position().is_none() {
            let answer = answer(&mut sink, &SinkPosition::default(), &self.tokens(3));
            assert_eq!(answer, [false; 3], "found by a sink without a position");
            return;
        }
        for (written, missing) in [(0, 1), (1, 0), (1, 1), (4, 3), (700, 300), (0, 0)] {
            // Lies before the position, if anything does.
            self.write(&mut sink, 2, "");
            let since = sink.position().expect("a sink with a position should keep having one");
            let mut batch = self.tokens(written);
            // Two records may be the same in everything.
            batch.extend(batch.last().cloned());
            assert!(sink.write(&records(&batch)).is_ok(), "a batch was not taken");
            drop(sink);
            let written = batch.len();
            batch.extend(batch.last().cloned());
            batch.extend(self.tokens(missing));

            sink = open();
            let answer = answer(&mut sink, &since, &batch);
            let expect: Vec<_> = (0..batch.len()).map(|index| index < written).collect();
            assert_eq!(answer, expect, "which of {} records were found", batch.len());
            assert!(sink.write(&records(&batch[written..])).is_ok(), "the rest was not taken");
            self.expected.extend(batch);
        }
        self.flush(&mut sink, "after the rest of dead processes' batches");
    }

    /// What a forked child does first; a process that is none must come to no harm.
    pub(super) fn fork(&mut self, mut sink: impl Sink) {
        self.write(&mut sink, 2, "");
        let told = sink.after_fork();
        assert!(told.is_ok(), "`after_fork` failed: {told:?}");
        self.write(&mut sink, 3, "");
        self.flush(&mut sink, "after `after_fork`");
    }

    fn tokens(&mut self, count: usize) -> Vec<String> {
        self.next += count;
        (self.next - count..self.next).map(token).collect()
    }
}
