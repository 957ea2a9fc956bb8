//! A log server that is away: its records wait in the queue, then go to a fallback.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use prisma_log::syslog::Transport;
use prisma_log::{FileSink, Filter, Logging, Memory, SyslogSink, info};

const ORDERS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("meanwhile.log");
    // Nobody listens there.
    let server = SyslogSink::builder(Transport::tcp("127.0.0.1:1")).build()?;
    let logging = Logging::builder()
        .service("fallback-example")
        .memory(Memory::Anonymous)
        .queue_bytes(2 << 20)
        .blocking_sink("server", Filter::default(), server)
        // By itself it takes nothing.
        .sink("file", Filter::off(), FileSink::builder(&path).build()?)
        .fallback("server", "file")
        .build()?;
    let log = logging.logger("shop.orders");
    for order in 0..ORDERS {
        info!(log, "order processed"; "order" => order, "note" => "x".repeat(100));
    }
    logging.flush(Duration::from_secs(1));
    let health = logging.health();
    let (server, file) = (&health.sinks[0], &health.sinks[1]);
    println!(
        "{} records wait for the server ({:?}), {} went to the file",
        server.waiting,
        server.last_error,
        file.ledger.delivered()
    );
    // The queue ends with the process here, so at the end the file gets the rest as well.
    drop(logging);
    let orders = std::fs::read_to_string(&path)?.matches("order processed").count();
    println!("{orders} of {ORDERS} orders are in the file");
    assert_eq!(orders, ORDERS);
    Ok(())
}
