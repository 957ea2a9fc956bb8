//! Flush: what is written, what is pending, how far it is safe; and a panic as a record.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use prisma_log::{
    BatchError, Durability, Error, FileSink, Filter, FlushReport, Logging, Memory, Record, Sink,
    info,
};

/// Stands for a network that answers late.
struct Network {
    answers: Receiver<()>,
}

impl Sink for Network {
    fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
        let _answered = self.answers.recv();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PeerAcknowledged
    }
}

fn show(report: &FlushReport) {
    println!("{}", if report.complete { "complete" } else { "not complete" });
    for sink in &report.sinks {
        let (name, durability) = (&sink.name, sink.durability);
        let (written, pending, failed) = (sink.written, sink.pending, sink.failed);
        println!(
            "  {name:<8} {written} written, {pending} pending, {failed} failed; {durability:?}"
        );
        if let Some(error) = &sink.error {
            println!("           {error}");
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("app.log");
    let file = FileSink::builder(&path).sync_on_flush(true).build()?;
    let (answer, answers) = channel();
    // The hook that was there before runs after the panic was logged; this example's is silent.
    std::panic::set_hook(Box::new(|_| {}));
    let logging = Logging::builder()
        .memory(Memory::Anonymous)
        .capture_panics(true)
        .sink("file", Filter::default(), file)
        .blocking_sink("network", Filter::default(), Network { answers })
        .build()?;
    let log = logging.logger("shop");
    for order in 0..3 {
        info!(log, "order processed"; "order" => order);
    }

    // The network does not answer: the flush ends at its deadline, and the file has all the same.
    let report = logging.flush(Duration::from_millis(300));
    show(&report);
    assert!(!report.complete && !report.is_ok());
    let (file, network) = (&report.sinks[0], &report.sinks[1]);
    assert_eq!((file.written, file.pending, file.durability), (3, 0, Durability::Synced));
    assert_eq!((network.written, network.pending, network.failed), (0, 3, 0));
    assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 3);

    // From here on it does, and the flush comes back as soon as all is done.
    drop(answer);
    let report = logging.flush(Duration::from_secs(60));
    show(&report);
    assert!(report.is_ok());
    assert_eq!((report.sinks[1].written, report.sinks[1].pending), (3, 0));

    let panicked = std::thread::Builder::new()
        .name("worker-7".into())
        .spawn(|| panic!("no more stock"))?
        .join();
    assert!(panicked.is_err());
    assert!(logging.flush(Duration::from_secs(60)).is_ok());
    let written = std::fs::read_to_string(&path)?;
    let last = written.lines().last().expect("a record");
    for part in ["CRITICAL", "no more stock", "worker-7", "flush.rs", "backtrace"] {
        assert!(last.contains(part), "no {part} in {last}");
    }
    println!("{}…", &last[..120]);
    Ok(())
}
