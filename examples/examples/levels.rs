//! Levels per logger and per sink, and arguments that cost nothing below the level.

use std::cell::Cell;
use std::time::Duration;

use prisma_log::{FileSink, Logging, debug, info, warn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let (all, errors) = (scratch.path().join("all.log"), scratch.path().join("errors.log"));
    let logging = Logging::builder()
        .filter("info,shop.orders=debug,shop.noise=off".parse()?)
        .sink("all", "trace".parse()?, FileSink::builder(&all).build()?)
        .sink("errors", "warning".parse()?, FileSink::builder(&errors).build()?)
        .build()?;

    let evaluated = Cell::new(0);
    let costly = || evaluated.replace(evaluated.get() + 1);
    let (orders, stock) = (logging.logger("shop.orders"), logging.logger("shop.stock"));
    debug!(orders, "seen"; "n" => costly());
    debug!(stock, "not seen, and not evaluated"; "n" => costly());
    info!(logging.logger("shop.noise"), "off");
    warn!(stock, "stock is low"; "left" => 3);
    assert!(logging.flush(Duration::from_secs(5)).is_ok());

    assert_eq!(evaluated.get(), 1);
    assert_eq!(std::fs::read_to_string(all)?.lines().count(), 2);
    assert_eq!(std::fs::read_to_string(errors)?.lines().count(), 1);
    Ok(())
}
