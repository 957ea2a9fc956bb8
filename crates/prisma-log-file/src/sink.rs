//! Records in, whole lines out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use prisma_log_core::{
    BatchError, Durability, Encoder, Error, Record, Sink, SinkCommand, SinkPosition,
};

use crate::FileSinkBuilder;
use crate::append::Records;
use crate::file::LogFile;
use crate::trouble::Retry;
use crate::wanted::{FORMS, Wanted};

/// Most bytes that go into one `write`, unless a single record is larger.
const BLOCK_BYTES: usize = 512 * 1024;
/// A buffer that one giant record made larger than this does not stay.
const KEPT_BYTES: usize = 1024 * 1024;

/// Appends records to a file, one line each; see the [crate's page](crate).
pub struct FileSink {
    encoder: Box<dyn Encoder>,
    file: LogFile,
    block: Block,
    retry: Retry,
}

/// Encoded records that wait to be written.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where in `bytes` each record ends.
    ends: Vec<usize>,
}

impl FileSink {
    /// Starts from the defaults: JSON lines, no rotation, mode 0640, missing folders created.
    pub fn builder(path: impl Into<PathBuf>) -> FileSinkBuilder {
        FileSinkBuilder::new(path.into())
    }

    pub(crate) fn new(encoder: Box<dyn Encoder>, file: LogFile) -> Self {
        FileSink { encoder, file, block: Block::default(), retry: Retry::default() }
    }

    /// The absolute path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    fn write_block(&mut self, delivered: &mut usize) -> Result<(), Error> {
        let written = self.file.append(self.block.records(), delivered);
        self.block.clear();
        written
    }

    fn write_all(&mut self, batch: &[Record<'_>], delivered: &mut usize) -> Result<(), Error> {
        for record in batch {
            self.encoder.encode(record, &mut self.block.bytes);
            self.block.bytes.push(b'\n');
            self.block.ends.push(self.block.bytes.len());
            if self.block.bytes.len() >= BLOCK_BYTES {
                self.write_block(delivered)?;
            }
        }
        if self.block.ends.is_empty() { Ok(()) } else { self.write_block(delivered) }
    }
}

impl Block {
    fn records(&self) -> Records<'_> {
        Records { bytes: &self.bytes, ends: &self.ends }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.ends.clear();
    }
}

impl Sink for FileSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        // An encoder that panicked in the last call may have left half a record.
        self.block.clear();
        self.file.compress();
        let mut delivered = 0;
        let written = self.write_all(batch, &mut delivered);
        self.file.has_written |= written.is_ok();
        self.file.sync_group();
        if delivered > 0 || written.is_ok() {
            self.retry.succeeded();
        }
        written.map_err(|error| {
            // Whatever it is, it is not the records' fault, but for this one kind.
            let refused_for_good = error.is_data();
            let failed = BatchError::new(delivered, error);
            if refused_for_good { failed } else { failed.retry_after(self.retry.failed()) }
        })
    }

    fn position(&self) -> Option<SinkPosition> {
        Some(self.file.place())
    }

    fn written_since(
        &mut self,
        since: &SinkPosition,
        batch: &[Record<'_>],
    ) -> Result<Vec<bool>, Error> {
        let mut forms = Block::default();
        for record in batch {
            let mut record = *record;
            record.shape = None;
            // The second form is from a process that replayed the record and died as well.
            for recovered in [false, true] {
                record.recovered = recovered;
                self.encoder.encode(&record, &mut forms.bytes);
                forms.ends.push(forms.bytes.len());
            }
        }
        let lines = forms.records();
        let lines: Vec<_> = (0..FORMS * batch.len()).map(|index| lines.record(index)).collect();
        let mut wanted = Wanted::new(&lines);
        self.file.look_back(*since, &mut wanted)?;
        Ok(wanted.into_found())
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        self.file.leave_parent()
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.file.flush()
    }

    fn due(&self) -> Option<Instant> {
        self.file.due()
    }

    fn maintain(&mut self) -> Result<(), Error> {
        self.file.maintain()
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        self.file.command(command)
    }

    fn durability(&self) -> Durability {
        if self.file.syncs() { Durability::Synced } else { Durability::PageCache }
    }
}

impl fmt::Debug for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSink").field("path", &self.path()).finish_non_exhaustive()
    }
}
