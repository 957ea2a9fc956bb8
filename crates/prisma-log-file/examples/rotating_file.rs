//! The file sink alone under plain slog: JSON lines into a file that is rotated by size and day.
//!
//! `cargo run -p prisma-log-file --example rotating_file`, or with a path of your own behind `--`.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use prisma_log_core::{Error, SinkDrain};
use prisma_log_file::{Every, FileSink, Retention, Rotation};
use slog::{Logger, info, o};

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/example/app.log".into());
    let sink = FileSink::builder(&path)
        .rotation(Rotation::new().max_bytes(64 * 1024).every(Every::Day).zone("local"))
        .retention(Retention::new().archives(3))
        .build()?;
    let drain = SinkDrain::new(sink);
    let log = Logger::root(drain.named("shop.orders"), o!("version" => "1.4.2"));

    for order in 0..2_000 {
        info!(log, "order processed"; "order" => order, "amount" => 99.9);
    }
    drain.flush_sinks()?;
    println!("2,000 records written; the newest are in {path}, older ones in {path}.<time>");
    Ok(())
}
