//! Where lines go: both sides make them whole, and throw them away.
//!
//! So what is compared is the work of the loggers, not that of a disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prisma_log::{
    BatchError, Durability, Encoder as _, Error, Filter, JsonEncoder, Level, Logging, Record, Sink,
};
use tracing_subscriber::fmt::format::FmtSpan;

/// Counts what was written; clones share the count.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Counts>);

#[derive(Default)]
struct Counts {
    lines: AtomicU64,
    bytes: AtomicU64,
}

impl Written {
    pub(super) fn lines(&self) -> u64 {
        self.0.lines.load(Ordering::Acquire)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Acquire)
    }

    /// By one thread at a time, so nothing dearer than a store is needed.
    fn count(&self, bytes: usize) {
        self.0.bytes.store(self.bytes() + bytes as u64, Ordering::Release);
        self.0.lines.store(self.lines() + 1, Ordering::Release);
    }
}

/// What tracing-subscriber's JSON layer writes to: it hands over a line at a time.
impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What ours writes to.
struct Forget {
    encoder: JsonEncoder,
    line: Vec<u8>,
    written: Written,
}

impl Sink for Forget {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            self.line.clear();
            self.encoder.encode(record, &mut self.line);
            self.line.push(b'\n');
            std::hint::black_box(&self.line);
            self.written.count(self.line.len());
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

/// Our pipeline as services have it, but for what it writes to.
pub(super) fn logging(written: &Written) -> Result<Logging, String> {
    let sink = Forget { encoder: JsonEncoder::new(), line: Vec::new(), written: written.clone() };
    Logging::builder()
        .service("bench")
        .filter(Filter::at_least(Level::Info))
        .sink("nowhere", Filter::default(), sink)
        .build()
        .map_err(|error| error.to_string())
}

/// Returns when all records are through.
pub(super) fn flush(logging: &Logging) -> Result<(), String> {
    let report = logging.flush(Duration::from_secs(60));
    if report.is_ok() { Ok(()) } else { Err(format!("records did not get through: {report:?}")) }
}

/// tracing-subscriber's JSON layer as the program's subscriber, set up to make the line that costs
/// it least: no list of all spans, fields beside the message.
pub(super) fn start_tracing(written: &Written) {
    start_tracing_with(written, FmtSpan::NONE);
}

/// The same, with lines of what becomes of spans.
pub(super) fn start_tracing_with(written: &Written, spans: FmtSpan) {
    let written = written.clone();
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_span_events(spans)
        .with_writer(move || written.clone())
        .init();
}
