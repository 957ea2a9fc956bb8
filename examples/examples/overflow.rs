//! Overflow: what each policy does when the sink is slower than the program.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log::{
    BatchError, Durability, Error, Filter, Logging, Memory, Overflow, Record, Sink, Value, info,
    warn,
};

const RECORDS: u64 = 5000;

/// What a run came to.
#[derive(Default)]
struct Written {
    orders: Vec<u64>,
    warnings: u64,
    /// What the records `records dropped` say.
    told: u64,
}

/// A sink that hangs until somebody opens the gate.
struct Slow {
    gate: Receiver<()>,
    written: Arc<Mutex<Written>>,
}

impl Sink for Slow {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let _opened = self.gate.recv();
        let mut written = self.written.lock().expect("no sink panics");
        for record in batch {
            let number = |key| match record.fields.get(key) {
                Some(Value::U64(number)) => number,
                other => panic!("{key} is {other:?}"),
            };
            match record.message {
                "order processed" => written.orders.push(number("order")),
                "stock is low" => written.warnings += 1,
                "records dropped" => written.told += number("dropped"),
                other => panic!("unexpected: {other}"),
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

/// Logs far more than the queue holds while the sink hangs, then lets it go on.
fn run(name: &str, overflow: Overflow, hangs: bool) -> Result<Written, Error> {
    let (open, gate) = channel();
    let mut open = Some(open);
    let written = Arc::new(Mutex::new(Written::default()));
    let logging = Logging::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(1 << 20)
        .max_record_bytes(1 << 10)
        .overflow(overflow)
        .sink("slow", Filter::default(), Slow { gate, written: Arc::clone(&written) })
        .build()?;
    let log = logging.logger("shop.orders");
    if !hangs {
        open = None;
    }
    let text = "x".repeat(500);
    for order in 0..RECORDS {
        info!(log, "order processed"; "order" => order, "text" => &text);
    }
    warn!(log, "stock is low");
    drop(open);
    assert!(logging.flush(Duration::from_secs(60)).is_ok());

    let health = logging.health();
    drop(logging);
    let written = std::mem::take(&mut *written.lock().expect("no sink panics"));
    println!(
        "{name:<14} {:>4} of {RECORDS} written, {:>4} dropped, {:>4} told in the log",
        written.orders.len(),
        health.dropped,
        written.told
    );
    // Whatever the policy: nothing is lost without being counted and told, and a warning comes
    // through where no INFO record finds room any more.
    assert_eq!(written.orders.len() as u64 + written.told, RECORDS);
    assert_eq!((health.dropped, health.in_flight), (written.told, 0));
    assert_eq!(written.warnings, 1);
    Ok(written)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let newest = run("drop_newest", Overflow::DropNewest, true)?;
    assert!(newest.told > 0 && newest.orders.first() == Some(&0));
    assert!(!newest.orders.contains(&(RECORDS - 1)), "the last ones found no room");

    let oldest = run("drop_oldest", Overflow::DropOldest, true)?;
    assert!(oldest.told > 0);
    assert_eq!(oldest.orders.last(), Some(&(RECORDS - 1)), "the last ones took others' room");

    // One call waits in vain; the others know by then that nothing moves.
    let limited = Overflow::Block { limit: Some(Duration::from_millis(50)) };
    assert!(run("block 50 ms", limited, true)?.told > 0);

    // A sink that moves is waited for.
    let unlimited = Overflow::Block { limit: None };
    assert_eq!(run("block", unlimited, false)?.told, 0);

    let scratch = tempfile::tempdir()?;
    let spill = Overflow::Spill { dir: scratch.path().to_owned(), max_bytes: 16 << 20 };
    assert_eq!(run("spill", spill, true)?.told, 0);
    Ok(())
}
