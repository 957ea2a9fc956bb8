//! The OTLP sink.

use std::time::Instant;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkCommand};

use crate::deliver::{Courier, Encoding};
use crate::encode::Otlp;
use crate::{OtlpSinkBuilder, OtlpStats};

/// Sends log records and spans to an OpenTelemetry collector.
///
/// It waits for answers: a pipeline takes it as a blocking sink, which has a thread of its own.
pub struct OtlpSink {
    pub(crate) courier: Courier<Otlp>,
    pub(crate) disabled: bool,
}

impl OtlpSink {
    /// Starts from the defaults: `http://localhost:4318`, binary, gzip, no variables.
    pub fn builder() -> OtlpSinkBuilder {
        OtlpSinkBuilder::default()
    }

    /// What the process's `OTEL_*` variables say; see [`OtlpSinkBuilder::environment`].
    ///
    /// # Errors
    /// When a variable makes no sense, or a file with a certificate can't be used.
    pub fn from_env() -> Result<OtlpSink, Error> {
        OtlpSink::builder().environment(true).build()
    }

    /// Counters of what the sink did; clones stay good when the sink was given away.
    pub fn stats(&self) -> OtlpStats {
        self.courier.stats.clone()
    }

    /// Whether `OTEL_SDK_DISABLED` is set: every record is taken, and none sent.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Where log records and spans go.
    pub fn endpoints(&self) -> [&str; 2] {
        [0, 1].map(|lane| self.courier.lanes[lane].sender.shown())
    }
}

impl std::fmt::Debug for OtlpSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpSink").field("endpoints", &self.endpoints()).finish_non_exhaustive()
    }
}

impl Sink for OtlpSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        if self.disabled { Ok(()) } else { self.courier.write(batch) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        // What was taken was acknowledged.
        Ok(())
    }

    fn durability(&self) -> Durability {
        if self.disabled { Durability::Memory } else { Durability::PeerAcknowledged }
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        self.courier.after_fork()
    }

    fn due(&self) -> Option<Instant> {
        self.courier.due()
    }

    fn maintain(&mut self) -> Result<(), Error> {
        self.courier.maintain()
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        if command == SinkCommand::Reopen { self.courier.reopen() } else { Ok(()) }
    }
}

impl<E: Encoding> Courier<E> {
    /// Warnings are told at once.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.warnings.is_empty()).then(Instant::now)
    }

    /// Tells one warning, which is no failure but has no other way to the error handler.
    pub(crate) fn maintain(&mut self) -> Result<(), Error> {
        if self.warnings.is_empty() { Ok(()) } else { Err(self.warnings.remove(0)) }
    }
}
