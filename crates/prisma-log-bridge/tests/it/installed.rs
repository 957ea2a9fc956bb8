//! Installed for the whole process: what may happen only there.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prisma_log_bridge::{LogBridge, TracingBridge, TracingSink};
use prisma_log_core::{BatchError, DropReason, Durability, Error, Filter, Record, Sink, Value};
use prisma_log_pipeline::{Memory, Pipeline};
use prisma_log_testkit::MemorySink;
use tracing::info_span;

/// Logs itself, through both, whenever it is formatted.
struct Logs;

static FORMATTED: AtomicUsize = AtomicUsize::new(0);

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FORMATTED.fetch_add(1, Ordering::Relaxed);
        tracing::info!(value = ?Logs, "nested {:?}", Logs);
        log::info!(value:? = Logs; "nested {:?}", Logs);
        f.write_str("logs")
    }
}

/// Does what an HTTP client in a sink does.
struct LogsAsItWrites;

impl Sink for LogsAsItWrites {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let span = info_span!("sending", records = batch.len());
        let _sending = span.enter();
        tracing::info!("sending by tracing");
        log::info!("sending by log");
        log::logger().flush();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[test]
fn for_the_whole_process() {
    let memory = MemorySink::new();
    let handle = memory.handle();
    let pipeline = Pipeline::builder()
        .memory(Memory::Anonymous)
        .sink("memory", Filter::default(), memory)
        .sink("worker's", Filter::default(), LogsAsItWrites)
        .blocking_sink("own thread's", Filter::default(), LogsAsItWrites)
        .blocking_sink("tracing", Filter::default(), TracingSink::new())
        .on_error(|_, _| {})
        .build()
        .unwrap();
    LogBridge::new(pipeline.drain()).install().unwrap();
    TracingBridge::new(pipeline.drain()).install().unwrap();
    let refused = LogBridge::new(pipeline.drain()).install().unwrap_err().to_string();
    assert_eq!(refused, "cannot bridge `log`: it has a logger already");
    let refused = TracingBridge::new(pipeline.drain()).install().unwrap_err().to_string();
    assert_eq!(refused, "cannot bridge `tracing`: it has a subscriber already");

    tracing::warn!(value = ?Logs, "outermost");
    log::warn!(value:? = Logs; "outermost");
    let span = info_span!("span", value = ?Logs, later = tracing::field::Empty);
    span.record("later", tracing::field::debug(Logs));
    drop(span);
    assert!(pipeline.flush(Duration::from_secs(60)).is_ok());

    let outermost = handle.records();
    let outermost: Vec<_> = outermost.iter().filter(|r| r.message == "outermost").collect();
    assert_eq!(outermost.len(), 2);
    assert!(outermost.iter().all(|r| r.fields.get("value") == Some(Value::Str("logs"))));
    let records = handle.records();
    let deepest = records.iter().filter(|r| r.message == "<nested too deeply>").count();
    assert!(deepest > 0);
    let nested = records.iter().filter(|r| r.message == "nested logs").count();
    assert!(nested > 0);
    assert!(!records.iter().any(|r| r.message.starts_with("sending")));

    // What the sinks logged is counted, and nothing else is missing.
    let health = pipeline.health();
    assert!(health.dropped > 0);
    let ledger = &health.sinks[0].ledger;
    assert_eq!(ledger.dropped_by(DropReason::Reentrant), ledger.dropped());
    assert_eq!(ledger.submitted(), ledger.delivered() + ledger.dropped() + ledger.in_flight());
    assert!(FORMATTED.load(Ordering::Relaxed) < 10_000);
}
