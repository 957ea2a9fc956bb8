//! A sink that keeps records in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_core::{
    BatchError, ContextData, Durability, Error, Fields, Level, Record, Sink, Site, Timestamp,
};

/// Keeps every record it is given; [`MemorySink::handle`] looks at them from outside.
///
/// ```
/// use prisma_log_core::SinkDrain;
/// use prisma_log_testkit::MemorySink;
/// use slog::{info, o};
///
/// let sink = MemorySink::new();
/// let records = sink.handle();
/// let log = slog::Logger::root(SinkDrain::new(sink), o!());
/// info!(log, "order processed"; "amount" => 99.9);
/// assert_eq!(records.messages(), ["order processed"]);
/// ```
#[derive(Debug, Default)]
pub struct MemorySink {
    handle: MemoryHandle,
}

impl MemorySink {
    /// An empty sink.
    pub fn new() -> Self {
        MemorySink::default()
    }

    /// A handle that sees what the sink is given from now on and what it holds already.
    pub fn handle(&self) -> MemoryHandle {
        self.handle.clone()
    }
}

impl Sink for MemorySink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.handle.kept().records.extend(batch.iter().map(OwnedRecord::from));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.handle.kept().flushes += 1;
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// Looks into a [`MemorySink`]; clones look into the same.
#[derive(Clone, Debug, Default)]
pub struct MemoryHandle(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    records: Vec<OwnedRecord>,
    flushes: usize,
}

impl MemoryHandle {
    /// The records so far, in the order they were written.
    pub fn records(&self) -> Vec<OwnedRecord> {
        self.kept().records.clone()
    }

    /// The messages of the records so far.
    pub fn messages(&self) -> Vec<String> {
        self.kept().records.iter().map(|record| record.message.clone()).collect()
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.kept().records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often the sink was flushed.
    pub fn flushes(&self) -> usize {
        self.kept().flushes
    }

    /// Takes the records out.
    pub fn take(&self) -> Vec<OwnedRecord> {
        std::mem::take(&mut self.kept().records)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`Record`] that owns what it holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OwnedRecord {
    /// When the call was made.
    pub timestamp: Timestamp,
    /// How severe it is.
    pub level: Level,
    /// The logger's name.
    pub logger: String,
    /// The message, formatted.
    pub message: String,
    /// The record's fields, then the logger's.
    pub fields: Fields,
    /// Trace and request context.
    pub context: ContextData,
    /// The call site.
    pub site: OwnedSite,
    /// slog's tag; empty when there is none.
    pub tag: String,
    /// Number of the record within its process and logging set-up.
    pub sequence: u64,
    /// Whether it was found in the memory of a process that died.
    pub recovered: bool,
    /// How many bytes were cut off.
    pub truncated: u64,
}

/// A [`Site`] that owns its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedSite {
    /// Source file; empty when unknown.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// Function; empty when unknown.
    pub function: String,
    /// Module path; empty when unknown.
    pub module: String,
}

impl OwnedSite {
    /// The call site as a record holds it.
    pub fn view(&self) -> Site<'_> {
        let mut view = Site::new(&self.file, self.line, &self.module);
        view.column = self.column;
        view.function = &self.function;
        view
    }
}

impl From<Site<'_>> for OwnedSite {
    fn from(site: Site<'_>) -> Self {
        OwnedSite {
            file: site.file.to_owned(),
            line: site.line,
            column: site.column,
            function: site.function.to_owned(),
            module: site.module.to_owned(),
        }
    }
}

impl OwnedRecord {
    /// The record as sinks and encoders take it.
    pub fn view(&self) -> Record<'_> {
        let mut view = Record::new(self.timestamp, self.level, &self.logger, &self.message);
        view.fields = self.fields.as_ref();
        view.context = &self.context;
        view.site = self.site.view();
        view.tag = &self.tag;
        view.sequence = self.sequence;
        view.recovered = self.recovered;
        view.truncated = self.truncated;
        view
    }
}

impl From<&Record<'_>> for OwnedRecord {
    fn from(record: &Record<'_>) -> Self {
        OwnedRecord {
            timestamp: record.timestamp,
            level: record.level,
            logger: record.logger.to_owned(),
            message: record.message.to_owned(),
            fields: record.fields.to_fields(),
            context: record.context.clone(),
            site: record.site.into(),
            tag: record.tag.to_owned(),
            sequence: record.sequence,
            recovered: record.recovered,
            truncated: record.truncated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owned_record_is_the_record() {
        let fields = Fields::from_iter([("a", 1_u64)]);
        let mut context = ContextData::default();
        context.entries.push("user_id", "u1");
        let mut record = Record::new(Timestamp::from_unix_seconds(7), Level::Error, "shop", "no");
        record.fields = fields.as_ref();
        record.context = &context;
        record.site = Site::new("src/a.rs", 3, "a");
        record.tag = "t";
        record.sequence = 9;
        record.recovered = true;
        record.truncated = 5;
        let mut sink = MemorySink::new();
        let handle = sink.handle();
        sink.write(&[record, record]).unwrap();
        sink.flush().unwrap();
        let kept = handle.take();
        assert_eq!((kept.len(), handle.flushes(), handle.is_empty()), (2, 1, true));
        assert_eq!(format!("{:?}", kept[1].view()), format!("{record:?}"));
    }
}
