//! A sink that keeps what it is given.

use std::sync::{Arc, Mutex};

use prisma_log_core::{BatchError, Durability, Error, Level, Record, Sink};

/// One record, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) level: Level,
    pub(crate) logger: String,
    pub(crate) message: String,
    /// Keys and values as text.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) trace_id: String,
    pub(crate) tag: String,
    pub(crate) line: u32,
    pub(crate) sequence: u64,
    pub(crate) nanos: i64,
    pub(crate) truncated: u64,
    pub(crate) recovered: bool,
    pub(crate) has_shape: bool,
}

impl Kept {
    fn new(record: &Record<'_>) -> Self {
        Kept {
            level: record.level,
            logger: record.logger.to_owned(),
            message: record.message.to_owned(),
            fields: record.fields.iter().map(|(k, v)| (k.to_owned(), v.to_string())).collect(),
            trace_id: record.context.trace_id.map_or(String::new(), |id| id.to_string()),
            tag: record.tag.to_owned(),
            line: record.site.line,
            sequence: record.sequence,
            nanos: record.timestamp.unix_nanos(),
            truncated: record.truncated,
            recovered: record.recovered,
            has_shape: record.shape.is_some(),
        }
    }

    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(k, _)| k == key).map(|(_, v)| &**v)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Collect(Arc<Mutex<Vec<Kept>>>);

impl Collect {
    pub(crate) fn all(&self) -> Vec<Kept> {
        self.0.lock().unwrap().clone()
    }
}

impl Sink for Collect {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.0.lock().unwrap().extend(batch.iter().map(Kept::new));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}
