//! Files that are rotated by size and clock, kept within limits, and rotated on demand.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use prisma_log::{Every, FileSink, Filter, Logging, Memory, Retention, Rotation, info};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("logs/app.log");
    let file = FileSink::builder(&path)
        .rotation(Rotation::new().max_bytes(20_000).every(Every::Day).zone("local"))
        .retention(Retention::new().archives(4).total_bytes(100_000))
        .current_link(scratch.path().join("current"))
        .build()?;
    let logging = Logging::builder()
        .service("rotation-example")
        .memory(Memory::Anonymous)
        .sink("file", Filter::default(), file)
        .build()?;
    let log = logging.logger("shop.orders");
    for order in 0..500 {
        info!(log, "order processed"; "order" => order, "amount" => 99.9);
    }
    logging.flush(Duration::from_secs(10));
    // A new file for the next day's batch, whatever the size and the clock say.
    logging.rotate()?;
    info!(log, "a new file");
    logging.flush(Duration::from_secs(10));

    let mut files: Vec<_> = std::fs::read_dir(scratch.path().join("logs"))?
        .flatten()
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .filter(|(name, _)| name.starts_with("app.log"))
        .collect();
    files.sort();
    for (name, bytes) in &files {
        println!("{bytes:>8}  {name}");
    }
    let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    assert!(files.len() == 5 && total <= 100_000, "{files:?}");
    let newest = std::fs::read_to_string(scratch.path().join("current"))?;
    assert!(newest.contains("a new file") && newest.lines().count() == 1, "{newest}");
    Ok(())
}
