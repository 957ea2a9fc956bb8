//! The one logger slot, for programs that don't pass a logger around.

use std::io::Write as _;
use std::sync::OnceLock;

use prisma_log_core::{BatchError, Durability, Encoder, Error, Filter, Level, Record, Sink};
use prisma_log_format::TextEncoder;

use prisma_log_pipeline::Memory;

use crate::{Logger, Logging};

static GLOBAL: OnceLock<Logger> = OnceLock::new();
static FALLBACK: OnceLock<Logger> = OnceLock::new();

/// Fills the slot that [`global`] and the macros without a logger use.
///
/// # Errors
/// When it is filled already: the first one stays.
pub fn set_global(logger: Logger) -> Result<(), Error> {
    GLOBAL.set(logger).map_err(|_| Error::state("the global logger is already set"))
}

/// The global logger. Before [`set_global`] it is one that writes INFO and above to stderr as
/// text, so that what is logged too early is seen.
///
/// ```
/// use prisma_log::info;
///
/// info!("no logger at hand"; "answer" => 42);
/// ```
pub fn global() -> &'static Logger {
    GLOBAL.get().unwrap_or_else(|| FALLBACK.get_or_init(stderr_logger))
}

fn stderr_logger() -> Logger {
    let sink = Stderr { encoder: TextEncoder::new(), line: Vec::new() };
    let built = Logging::builder()
        .memory(Memory::Anonymous)
        .queue_bytes(1 << 20)
        .max_record_bytes(16 << 10)
        .inline(true)
        .sink("stderr", Filter::at_least(Level::Info), sink)
        .build();
    match built {
        Ok(logging) => logging.root(),
        // Only without a mebibyte of memory.
        Err(error) => panic!("cannot log to stderr: {error}"),
    }
}

struct Stderr {
    encoder: TextEncoder,
    line: Vec<u8>,
}

impl Sink for Stderr {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.line.clear();
        for record in batch {
            self.encoder.encode(record, &mut self.line);
            self.line.push(b'\n');
        }
        let written = std::io::stderr().write_all(&self.line);
        written.map_err(|error| BatchError::none_delivered(Error::io("cannot write stderr", error)))
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PageCache
    }
}
