//! A sink that keeps what it is given. (The testkit has a fuller one; it depends on this crate.)

use std::sync::{Arc, Mutex};

use prisma_log_core::{BatchError, Durability, Error, Fields, Level, Record, Sink};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) level: Level,
    pub(crate) logger: String,
    pub(crate) message: String,
    pub(crate) fields: Fields,
    pub(crate) sequence: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Keep(Arc<Mutex<Vec<Kept>>>);

impl Keep {
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> Kept {
        let kept = self.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        kept[0].clone()
    }
}

impl Sink for Keep {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.0.lock().unwrap().extend(batch.iter().map(|record| Kept {
            level: record.level,
            logger: record.logger.to_owned(),
            message: record.message.to_owned(),
            fields: record.fields.to_fields(),
            sequence: record.sequence,
        }));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}
