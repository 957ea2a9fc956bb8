//! Recovery: a process dies with records in its queue, and the next start writes them, once.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::path::Path;
use std::process::Command;

use prisma_log::{
    BatchError, Durability, Error, FileSink, Filter, Logging, Memory, Record, Sink, info,
};

const ORDERS: u64 = 1000;
/// Names the folder that the child works in.
const CHILD: &str = "PRISMA_EXAMPLE_RECOVERY";

/// A sink that hangs, so that everything is still in the queue when the process dies.
struct Hanging;

impl Sink for Hanging {
    fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
        loop {
            std::thread::park();
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// The service's set-up. Its name and the place of its queue are what the next start finds it by;
/// without `memory` that is `$XDG_RUNTIME_DIR` or `/dev/shm`.
fn set_up(dir: &Path, hangs: bool) -> Result<Logging, Error> {
    let mut builder =
        Logging::builder().service("recovery-example").memory(Memory::Dir(dir.to_owned()));
    if hangs {
        builder = builder.sink("hanging", Filter::default(), Hanging);
    }
    let file = FileSink::builder(dir.join("app.log")).build()?;
    builder.sink("file", Filter::default(), file).build()
}

/// Logs, and dies as by a bug in C code or `kill -9`: no destructor runs, nothing is flushed.
fn live_and_die(dir: &Path) -> Result<(), Error> {
    let logging = set_up(dir, true)?;
    let log = logging.logger("shop.orders");
    for order in 0..ORDERS {
        info!(log, "order processed"; "order" => order);
    }
    std::process::abort();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(dir) = std::env::var_os(CHILD) {
        return Ok(live_and_die(Path::new(&dir))?);
    }
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path();
    let log = dir.join("app.log");

    let died = Command::new(std::env::current_exe()?).env(CHILD, dir).status()?;
    println!("the first process ended: {died}");
    assert!(!died.success());
    assert_eq!(std::fs::read_to_string(&log)?, "", "it had written nothing");

    // `build` replays before anything new is logged.
    let logging = set_up(dir, false)?;
    let recovery = logging.health().recovery;
    println!("the second start found {} records", recovery.records);
    assert_eq!((recovery.segments, recovery.records, recovery.failed), (1, ORDERS, 0));
    info!(logging.logger("shop.orders"), "started again");
    drop(logging);

    let written = std::fs::read_to_string(&log)?;
    println!("{}", written.lines().next().unwrap_or_default());
    assert_eq!(written.lines().count() as u64, ORDERS + 1);
    for (order, line) in written.lines().take(ORDERS as usize).enumerate() {
        assert!(line.contains(r#""recovered":true"#), "{line}");
        assert!(line.contains(&format!(r#""order":{order}}}"#)), "order {order}: {line}");
    }

    // It was written once: a third start finds nothing.
    let recovery = set_up(dir, false)?.health().recovery;
    assert_eq!((recovery.segments, recovery.records), (0, 0));
    assert_eq!(std::fs::read_to_string(&log)?, written);
    Ok(())
}
