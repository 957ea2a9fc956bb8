//! Records as JSON lines on stdout.

use std::io::{self, BufWriter, Stdout, Write as _};

use prisma_log_core::{BatchError, Durability, Encoder as _, Error, Record, Sink};
use prisma_log_format::JsonEncoder;

/// A sink on stdout. A failure is for the command to tell, so the sink keeps it and goes on as if
/// there were none.
pub(crate) struct Lines {
    out: BufWriter<Stdout>,
    encoder: JsonEncoder,
    line: Vec<u8>,
    failed: Option<io::Error>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Lines {
            out: BufWriter::new(io::stdout()),
            encoder: JsonEncoder::new(),
            line: Vec::new(),
            failed: None,
        }
    }

    /// The first failure, if there was one.
    pub(crate) fn outcome(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn keep(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.failed.get_or_insert(error);
        }
    }
}

impl Sink for Lines {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            if self.failed.is_some() {
                break;
            }
            self.line.clear();
            self.encoder.encode(record, &mut self.line);
            self.line.push(b'\n');
            let written = self.out.write_all(&self.line);
            self.keep(written);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.failed.is_none() {
            let flushed = self.out.flush();
            self.keep(flushed);
        }
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PageCache
    }
}
