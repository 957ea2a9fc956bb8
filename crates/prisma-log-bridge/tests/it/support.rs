//! A pipeline that keeps its records, and `tracing` over it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log_bridge::TracingBridge;
use prisma_log_core::{Encoder, Filter, SpanRecord};
use prisma_log_format::JsonEncoder;
use prisma_log_pipeline::{Memory, Pipeline};
use prisma_log_testkit::{MemoryHandle, MemorySink, OwnedRecord};
use serde_json::{Map, Value};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) struct Kept {
    pub(crate) pipeline: Pipeline,
    handle: MemoryHandle,
}

/// A pipeline over one sink that takes what the filter lets pass.
pub(crate) fn keep(filter: &str) -> Kept {
    // As installing a bridge does; `log`'s macros ask it before they ask a logger.
    log::set_max_level(log::LevelFilter::Trace);
    let sink = MemorySink::new();
    let handle = sink.handle();
    let builder = Pipeline::builder().memory(Memory::Anonymous);
    let pipeline = builder.sink("kept", filter.parse().unwrap(), sink).build().unwrap();
    Kept { pipeline, handle }
}

impl Kept {
    pub(crate) fn bridge(&self) -> TracingBridge {
        TracingBridge::new(self.pipeline.drain())
    }

    pub(crate) fn set_filter(&self, filter: &str) {
        self.pipeline.set_filter(filter.parse::<Filter>().unwrap());
    }

    /// Runs `f` under `tracing` into the pipeline, and takes what was recorded.
    pub(crate) fn under(&self, f: impl FnOnce()) -> Vec<OwnedRecord> {
        tracing::subscriber::with_default(self.bridge().subscriber(), f);
        self.take()
    }

    /// The same as one layer of several.
    pub(crate) fn beside_others(&self, f: impl FnOnce()) -> Vec<OwnedRecord> {
        let subscriber = tracing_subscriber::registry()
            .with(self.bridge().layer())
            .with(tracing_subscriber::fmt::layer().with_writer(io::sink));
        tracing::subscriber::with_default(subscriber, f);
        self.take()
    }

    /// What was recorded since the last time.
    pub(crate) fn take(&self) -> Vec<OwnedRecord> {
        assert!(self.pipeline.flush(Duration::from_secs(30)).is_ok());
        self.handle.take()
    }
}

/// Messages and names, in order.
pub(crate) fn messages(records: &[OwnedRecord]) -> Vec<&str> {
    records.iter().map(|record| record.message.as_str()).collect()
}

pub(crate) fn find<'a>(records: &'a [OwnedRecord], message: &str) -> &'a OwnedRecord {
    let found = records.iter().find(|record| record.message == message);
    found.unwrap_or_else(|| panic!("no record {message:?} in {:?}", messages(records)))
}

/// Lends the record of the span of this name.
pub(crate) fn with_span<R>(
    records: &[OwnedRecord],
    name: &str,
    f: impl FnOnce(&SpanRecord<'_>) -> R,
) -> R {
    let record = find(records, name).view();
    f(&SpanRecord::of(&record).expect("a span's record"))
}

pub(crate) fn json(record: &OwnedRecord) -> Map<String, Value> {
    let mut line = Vec::new();
    JsonEncoder::new().encode(&record.view(), &mut line);
    serde_json::from_slice(&line).unwrap()
}

/// Text that something writes.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn lines(&self) -> Vec<Map<String, Value>> {
        let bytes = self.0.lock().unwrap();
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Written;

    fn make_writer(&self) -> Written {
        self.clone()
    }
}
