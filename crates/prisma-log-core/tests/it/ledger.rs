use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Sink, SinkDrain};
use slog::{Logger, info, o};

/// Refuses every third record.
struct EveryThird(u64);

impl Sink for EveryThird {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for (delivered, _) in batch.iter().enumerate() {
            self.0 += 1;
            if self.0.is_multiple_of(3) {
                return Err(BatchError::new(delivered, Error::state("every third")));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[test]
fn the_conservation_law_holds_across_threads() {
    let drain = SinkDrain::builder().sink("thirds", Filter::default(), EveryThird(0)).build();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let log = Logger::root(drain.clone(), o!());
            scope.spawn(move || {
                for number in 0..3_000 {
                    info!(log, "record"; "number" => number);
                }
            });
        }
    });
    let (_, ledger) = &drain.ledgers()[0];
    assert_eq!(ledger.submitted(), 12_000);
    assert_eq!(ledger.delivered(), 8_000);
    assert_eq!(ledger.dropped(), 4_000);
    assert_eq!(ledger.in_flight(), 0);
}
