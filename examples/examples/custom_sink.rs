//! A sink of your own: it takes batches, says how durable it is, and counts as any other.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use prisma_log::{
    BatchError, Durability, Encoder, Error, Filter, JsonEncoder, Level, Logging, Record, Sink, info,
};

/// Keeps a sum of bytes per level, as a stand-in for something that sends them away.
#[derive(Default)]
struct Meter {
    line: Vec<u8>,
    encoder: JsonEncoder,
}

impl Sink for Meter {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for (delivered, record) in batch.iter().enumerate() {
            self.line.clear();
            self.encoder.encode(record, &mut self.line);
            if self.line.len() > 1024 {
                let error = Error::state(format!("{} bytes are too many", self.line.len()));
                return Err(BatchError { delivered, error });
            }
            println!("{:>8} {:>4} bytes", record.level, self.line.len());
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

fn main() {
    let meter = Filter::at_least(Level::Info);
    let logging = Logging::builder()
        .sink("meter", meter, Meter::default())
        .on_error(|sink, error| println!("{sink} lost a record: {error}"))
        .build();
    let log = logging.logger("shop");
    info!(log, "small"; "n" => 1);
    info!(log, "large"; "payload" => "x".repeat(2000));

    let (name, ledger) = &logging.ledgers()[0];
    println!("{name}: {} delivered, {} dropped", ledger.delivered(), ledger.dropped());
    assert_eq!((ledger.delivered(), ledger.dropped(), ledger.in_flight()), (1, 1, 0));
}
