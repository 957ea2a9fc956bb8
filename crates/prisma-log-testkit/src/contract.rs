//! What every sink that writes lines must do, as a suite for its tests to call.
//!
//! [`run`] covers what must hold when nothing fails, [`failure`] what must hold when it does.
//! Both panic with what was expected and what was found.

mod successor;

use prisma_log_core::{ContextData, Fields, Filter, Level, Record, Sink, SinkDrain, Timestamp};

/// Runs the suite against one place.
///
/// `open` opens a sink on the place, keeping what is there; it is called several times, never
/// while an earlier sink is alive. `lines` reads all lines of the place, oldest first, without
/// their ends; [`lines_of`] helps. Any encoding will do whose lines contain a message of letters,
/// digits and `-` as it is.
///
/// What is checked: order over batches of all sizes, an empty batch, a batch of some megabytes,
/// that a flush makes everything readable, that records with hostile content stay one line each
/// without a control character, that nothing is lost to dropping and reopening the sink, and that
/// a [`slog::Logger`] over the sink delivers everything and its ledger says so. Of a sink that has
/// a [position](Sink::position), also that the next one on the same place says exactly which
/// records of a batch [were written](Sink::written_since); of one that has none, that it claims
/// to have found nothing; of all, that they go on after [`Sink::after_fork`].
///
/// # Panics
/// When the sink breaks the contract.
pub fn run<S: Sink + 'static>(mut open: impl FnMut() -> S, mut lines: impl FnMut() -> Vec<String>) {
    let mut place = Place { lines: &mut lines, expected: Vec::new(), next: 0 };
    place.check("before anything was written");

    let mut sink = open();
    for size in [1, 0, 2, 1, 7, 100, 3, 1000, 1] {
        place.write(&mut sink, size, "");
    }
    place.flush(&mut sink, "after batches of all sizes");
    drop(sink);
    place.look_back(&mut open);
    place.fork(open());

    let mut sink = open();
    let filler = "x".repeat(1000);
    place.write(&mut sink, 3000, &filler);
    place.flush(&mut sink, "after a batch of three megabytes");
    place.write(&mut sink, 2, &"y".repeat(700_000));
    place.flush(&mut sink, "after records larger than any buffer");
    drop(sink);
    place.check("after the sink was dropped");

    let mut sink = open();
    place.check("after the sink was opened again");
    for hostile in HOSTILE {
        place.write(&mut sink, 3, hostile);
    }
    place.flush(&mut sink, "after records with hostile content");
    drop(sink);

    place.logger(open());
}

/// Checks that a failing sink says exactly how many records it took, and recovers.
///
/// `fail` breaks (`true`) and mends (`false`) what the sink writes to. While it is broken a write
/// must fail at some point; what was delivered must be in `lines`, nothing else, and no part of
/// a record may be left in the way of another.
///
/// # Panics
/// When the sink breaks the contract.
pub fn failure(
    sink: &mut dyn Sink,
    mut fail: impl FnMut(bool),
    mut lines: impl FnMut() -> Vec<String>,
) {
    let mut place = Place { lines: &mut lines, expected: Vec::new(), next: 0 };
    place.check("before anything was written");
    for round in 0..10 {
        place.write(sink, 5, "");
        fail(true);
        let mut failed = false;
        for _ in 0..1000 {
            failed |= place.try_write(sink, 3 + round, "");
        }
        assert!(failed, "no write failed while the place was broken");
        fail(false);
        place.write(sink, 5, "");
        place.flush(sink, "after the place was mended");
    }
}

/// Splits text into lines, and checks that it is UTF-8 and that the last line is whole.
///
/// # Panics
/// When it is not.
pub fn lines_of(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).expect("the lines should be UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn: {text:?}");
    text.split_terminator('\n').map(str::to_owned).collect()
}

/// Contents that break a line, drive a terminal, or make text read differently from what it says.
const HOSTILE: [&str; 12] = [
    "\n",
    "\r\n2026-11-24T08:00:00.000000Z CRITICAL forged: line",
    "\0\0\0",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{7f}\u{8}\u{8}\u{8}",
    "\u{85}\u{9b}31m\u{90}",
    "\u{2028}\u{2029}",
    "\u{202e}gpj.exe\u{2066}\u{200f}",
    "\",\"level\":\"CRITICAL\",\"x\":\"",
    "level=CRITICAL message=\"forged\"",
    "\u{feff}\u{e0041}",
    "${jndi:ldap://x} {} %n {{}}",
];

struct Place<'a> {
    lines: &'a mut dyn FnMut() -> Vec<String>,
    /// The token that each line must contain, in order.
    expected: Vec<String>,
    next: usize,
}

impl Place<'_> {
    fn write(&mut self, sink: &mut dyn Sink, size: usize, content: &str) {
        assert!(!self.try_write(sink, size, content), "a batch of {size} records was not taken");
    }

    /// Writes a batch, expects what was delivered, and says whether it failed.
    fn try_write(&mut self, sink: &mut dyn Sink, size: usize, content: &str) -> bool {
        let tokens: Vec<_> = (self.next..self.next + size).map(token).collect();
        self.next += size;
        let messages: Vec<_> = tokens.iter().map(|token| format!("{token}{content}")).collect();
        let mut fields = Fields::from_iter([("text", content), (content, content)]);
        fields.push("raw", content.as_bytes());
        let mut context = ContextData::default();
        context.entries = fields.clone();
        let batch: Vec<_> = messages
            .iter()
            .map(|message| {
                let time = Timestamp::from_unix_seconds(1_795_507_200);
                let mut record = Record::new(time, Level::Info, "contract", message);
                if content.len() < 100 {
                    record.logger = content;
                    record.fields = fields.as_ref();
                    record.context = &context;
                }
                record
            })
            .collect();
        match sink.write(&batch) {
            Ok(()) => {
                self.expected.extend(tokens);
                false
            }
            Err(failed) => {
                assert!(
                    failed.delivered < size || size == 0,
                    "{} of {size} delivered, and yet an error: {}",
                    failed.delivered,
                    failed.error
                );
                self.expected.extend_from_slice(&tokens[..failed.delivered]);
                true
            }
        }
    }

    fn flush(&mut self, sink: &mut dyn Sink, when: &str) {
        let flushed = sink.flush();
        assert!(flushed.is_ok(), "the flush failed {when}: {flushed:?}");
        self.check(when);
    }

    fn check(&mut self, when: &str) {
        let lines = (self.lines)();
        let pairs = lines.iter().zip(&self.expected);
        for (number, (line, token)) in pairs.enumerate() {
            assert!(line.contains(token), "line {number} lacks {token} {when}: {line:.300}");
            let control =
                line.chars().find(|c| c.is_control() || "\u{2028}\u{2029}\u{202e}".contains(*c));
            assert_eq!(control, None, "in line {number} {when}: {line:.300}");
        }
        assert_eq!(lines.len(), self.expected.len(), "number of lines {when}");
    }

    fn logger(&mut self, sink: impl Sink + 'static) {
        let drain = SinkDrain::builder().sink("subject", Filter::default(), sink).build();
        let log = slog::Logger::root(drain.clone(), slog::o!("version" => 1));
        let tokens: Vec<_> = (self.next..self.next + 200).map(token).collect();
        for token in &tokens {
            slog::info!(log, "{}", token; "half" => 0.5, "text" => "a\nb");
        }
        assert!(drain.flush_sinks().is_ok(), "the flush under a logger failed");
        let (name, ledger) = drain.ledgers().remove(0);
        assert_eq!(name, "subject");
        let counts = (ledger.submitted(), ledger.delivered(), ledger.dropped());
        assert_eq!(counts, (200, 200, 0), "submitted, delivered, dropped");
        self.expected.extend(tokens);
        drop((log, drain));
        self.check("under a logger");
    }
}

/// What a line is recognised by.
fn token(number: usize) -> String {
    format!("record-{number}-")
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};

    use prisma_log_core::{BatchError, Durability, Error, SinkPosition};

    use super::*;

    /// A sink of lines with a defect.
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Defect {
        None,
        Reverses,
        LosesTheLast,
        Repeats,
        Raw,
        ForgetsOnReopen,
        FailsOnEmpty,
        FlushFails,
        FindsNothing,
        AnswersOneTooMany,
        FindsALineTwice,
        FindsWhatIsMarked,
        LosesItsPosition,
        AnswersOnce,
        LosesAfterFork,
        ForkFails,
        /// Not a defect.
        HasNoPosition,
        FindsWithoutPosition,
    }

    struct Lines(Arc<Mutex<Vec<String>>>, Defect, bool);

    impl Sink for Lines {
        fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
            let mut lines: Vec<_> = batch.iter().map(|r| r.message.to_owned()).collect();
            match self.1 {
                Defect::Reverses => lines.reverse(),
                Defect::LosesTheLast => drop(lines.pop()),
                Defect::Repeats => lines.extend(lines.clone().pop()),
                Defect::FailsOnEmpty if batch.is_empty() => {
                    return Err(BatchError::none_delivered(Error::state("empty")));
                }
                _ => {}
            }
            if self.2 && self.1 == Defect::LosesAfterFork {
                return Ok(());
            }
            if self.1 != Defect::Raw {
                lines.iter_mut().for_each(|line| *line = line.escape_debug().to_string());
            }
            self.0.lock().unwrap().extend(lines);
            Ok(())
        }

        fn flush(&mut self) -> Result<(), Error> {
            if self.1 == Defect::FlushFails { Err(Error::state("no")) } else { Ok(()) }
        }

        fn durability(&self) -> Durability {
            Durability::Memory
        }

        fn position(&self) -> Option<SinkPosition> {
            let len = self.0.lock().unwrap().len() as u64;
            match self.1 {
                Defect::HasNoPosition | Defect::FindsWithoutPosition => None,
                Defect::LosesItsPosition if len.is_multiple_of(2) => None,
                _ => Some(SinkPosition([len, 0, 0, 0])),
            }
        }

        fn written_since(
            &mut self,
            since: &SinkPosition,
            batch: &[Record<'_>],
        ) -> Result<Vec<bool>, Error> {
            let mut lines = self.0.lock().unwrap().clone();
            lines.drain(..lines.len().min(since.0[0] as usize));
            let mut answer = Vec::new();
            for record in batch {
                let at = lines.iter().position(|line| line == record.message);
                answer.push(match self.1 {
                    Defect::FindsNothing | Defect::HasNoPosition => false,
                    Defect::FindsWithoutPosition => true,
                    Defect::FindsWhatIsMarked => at.is_some() && record.recovered,
                    _ => at.is_some(),
                });
                if let Some(at) = at.filter(|_| self.1 != Defect::FindsALineTwice) {
                    lines.remove(at);
                }
            }
            if self.1 == Defect::AnswersOnce {
                self.1 = Defect::FindsNothing;
            }
            if self.1 == Defect::AnswersOneTooMany {
                answer.push(false);
            }
            Ok(answer)
        }

        fn after_fork(&mut self) -> Result<(), Error> {
            self.2 = true;
            if self.1 == Defect::ForkFails { Err(Error::state("no")) } else { Ok(()) }
        }
    }

    #[test]
    fn finds_each_defect_and_passes_a_good_sink() {
        let check = |defect: Defect| {
            let kept = Arc::new(Mutex::new(Vec::new()));
            let open = || {
                if defect == Defect::ForgetsOnReopen {
                    kept.lock().unwrap().clear();
                }
                Lines(Arc::clone(&kept), defect, false)
            };
            let lines = || kept.lock().unwrap().clone();
            let passed = catch_unwind(AssertUnwindSafe(|| run(open, lines))).is_ok();
            let is_none = matches!(defect, Defect::None | Defect::HasNoPosition);
            assert_eq!(passed, is_none, "{defect:?}");
        };
        check(Defect::None);
        check(Defect::Reverses);
        check(Defect::LosesTheLast);
        check(Defect::Repeats);
        check(Defect::Raw);
        check(Defect::ForgetsOnReopen);
        check(Defect::FailsOnEmpty);
        check(Defect::FlushFails);
        check(Defect::FindsNothing);
        check(Defect::AnswersOneTooMany);
        check(Defect::FindsALineTwice);
        check(Defect::FindsWhatIsMarked);
        check(Defect::LosesItsPosition);
        check(Defect::AnswersOnce);
        check(Defect::LosesAfterFork);
        check(Defect::ForkFails);
        check(Defect::HasNoPosition);
        check(Defect::FindsWithoutPosition);
    }

    #[test]
    fn failure_wants_the_exact_count() {
        let check = |told: usize, passes: bool| {
            let memory = crate::MemorySink::new();
            let handle = memory.handle();
            let broken = Arc::new(Mutex::new(false));
            struct Breaks<S>(S, Arc<Mutex<bool>>, usize);
            impl<S: Sink> Sink for Breaks<S> {
                fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
                    if *self.1.lock().unwrap() {
                        self.0.write(&batch[..1])?;
                        let error = Error::state("broken");
                        return Err(BatchError::new(self.2, error));
                    }
                    self.0.write(batch)
                }
                fn flush(&mut self) -> Result<(), Error> {
                    Ok(())
                }
                fn durability(&self) -> Durability {
                    Durability::Memory
                }
            }
            let mut sink = Breaks(memory, Arc::clone(&broken), told);
            let fail = |on| *broken.lock().unwrap() = on;
            let run = || failure(&mut sink, fail, || handle.messages());
            assert_eq!(catch_unwind(AssertUnwindSafe(run)).is_ok(), passes, "{told}");
        };
        check(1, true);
        check(0, false);
        check(2, false);
    }
}
