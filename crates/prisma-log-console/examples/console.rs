//! The console sink alone under plain slog: text in colour for people.
//!
//! `cargo run -p prisma-log-console --example console`, and `-- json` for one JSON line a record.

use prisma_log_console::{ConsoleSink, Stream};
use prisma_log_core::{Error, SinkDrain};
use prisma_log_format::JsonEncoder;
use slog::{Logger, crit, debug, error, info, o, warn};

fn main() -> Result<(), Error> {
    let mut builder = ConsoleSink::builder().stream(Stream::Stdout);
    if std::env::args().nth(1).as_deref() == Some("json") {
        builder = builder.encoder(JsonEncoder::new());
    }
    let drain = SinkDrain::new(builder.build()?);
    let log = Logger::root(drain.named("shop.orders"), o!("version" => "1.4.2"));

    debug!(log, "looking up the order"; "order" => 42);
    info!(log, "order processed"; "order" => 42, "amount" => 99.9);
    warn!(log, "stock is low"; "item" => "blue shoes", "left" => 2);
    error!(log, "payment refused"; "error_code" => "E001");
    crit!(log, "what a user typed can't reach the terminal: \x1b[2J\n\x1b[31mfake line");
    drain.flush_sinks()
}
