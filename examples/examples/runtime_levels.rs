//! Levels that change while the program runs, and calls that don't log too often.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log::{
    BatchError, Durability, Error, Filter, Level, Logging, Memory, Record, Sink, debug, error, info,
};

/// Keeps messages, with the number of suppressed records where one tells it.
#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl Messages {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no sink panics"))
    }
}

impl Sink for Messages {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let mut messages = self.0.lock().expect("no sink panics");
        messages.extend(batch.iter().map(|record| match record.fields.get("suppressed") {
            Some(count) => format!("{}: {count}", record.message),
            None => record.message.to_owned(),
        }));
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
    let (all, alarms) = (Messages::default(), Messages::default());
    let logging = Logging::builder()
        .memory(Memory::Anonymous)
        .filter(Filter::at_least(Level::Info))
        .sink("all", Filter::default(), all.clone())
        .sink("alarms", Filter::at_least(Level::Error), alarms.clone())
        .build()?;
    let (orders, stock) = (logging.logger("shop.orders"), logging.logger("shop.stock"));
    let flush = || assert!(logging.flush(Duration::from_secs(60)).is_ok());
    let call = |when: &str| {
        debug!(orders, "{} orders", when);
        debug!(stock, "{} stock", when);
        flush();
    };

    // Loggers follow at once; each call tests a level in memory, and nothing else.
    call("before");
    assert_eq!(all.take(), [""; 0]);
    logging.set_filter("info,shop.orders=debug".parse()?);
    println!("now: {}", logging.filter());
    call("after");
    assert_eq!(all.take(), ["after orders"]);
    logging.set_filter(Filter::at_least(Level::Info));

    // A sink's own level.
    info!(orders, "for all");
    error!(orders, "for both");
    flush();
    logging.set_sink_filter("alarms", Filter::off())?;
    error!(orders, "not for alarms any more");
    flush();
    assert_eq!(all.take(), ["for all", "for both", "not for alarms any more"]);
    assert_eq!(alarms.take(), ["for both"]);
    let error = logging.set_sink_filter("alarm", Filter::off()).expect_err("there is no such sink");
    println!("{error}");

    // The first three in an hour; the others are counted and told.
    for attempt in 0..100 {
        info!(stock, every = "1h", first = 3, "supplier does not answer"; "attempt" => attempt);
    }
    flush();
    let expect = [&["supplier does not answer"; 3][..], &["records suppressed: 97"]].concat();
    assert_eq!(all.take(), expect);

    // Every tenth.
    for item in 0..100 {
        info!(stock, sample = 10, "item {} counted", item);
    }
    flush();
    let counted = all.take();
    println!("{counted:?}");
    assert_eq!((counted.len(), &*counted[1]), (11, "item 10 counted"));
    assert_eq!(counted[10], "records suppressed: 90");
    Ok(())
}
