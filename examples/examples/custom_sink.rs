//! A sink of your own: it takes batches, says how durable it is, and counts as any other.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

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
                return Err(BatchError::new(delivered, error));
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

fn main() -> Result<(), Error> {
    let meter = Filter::at_least(Level::Info);
    let logging = Logging::builder()
        .sink("meter", meter, Meter::default())
        .on_error(|sink, error| println!("{sink} lost a record: {error}"))
        .build()?;
    let log = logging.logger("shop");
    info!(log, "small"; "n" => 1);
    info!(log, "large"; "payload" => "x".repeat(2000));

    logging.flush(Duration::from_secs(5));
    let health = logging.health();
    let (name, ledger) = (&health.sinks[0].name, health.sinks[0].ledger);
    println!("{name}: {} delivered, {} dropped", ledger.delivered(), ledger.dropped());
    assert_eq!((ledger.delivered(), ledger.dropped(), ledger.in_flight()), (1, 1, 0));
    Ok(())
}
