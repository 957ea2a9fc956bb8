//! The Zipkin sink.

use std::time::Instant;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkCommand};

use super::encode::Zipkin;
use crate::deliver::Courier;
use crate::{OtlpStats, ZipkinSinkBuilder};

/// Sends sampled spans to Zipkin, or to whatever takes its JSON (API v2).
///
/// Records that are no spans, or spans of a trace that is not sampled, are none for it: they are
/// skipped, and a front end's ledger has them as delivered; [`OtlpStats::skipped`] counts them. A
/// filter that lets only the loggers with spans through saves the way to the sink.
///
/// It waits for answers: a pipeline takes it as a blocking sink, which has a thread of its own.
pub struct ZipkinSink {
    pub(crate) courier: Courier<Zipkin>,
}

impl ZipkinSink {
    /// Starts from the defaults: `http://localhost:9411/api/v2/spans`, gzip.
    pub fn builder() -> ZipkinSinkBuilder {
        ZipkinSinkBuilder::default()
    }

    /// Counters of what the sink did; clones stay good when the sink was given away.
    pub fn stats(&self) -> OtlpStats {
        self.courier.stats.clone()
    }
}

impl std::fmt::Debug for ZipkinSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoint = self.courier.lanes.first().map(|lane| lane.sender.shown());
        f.debug_struct("ZipkinSink").field("endpoint", &endpoint).finish_non_exhaustive()
    }
}

impl Sink for ZipkinSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.courier.write(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        // What was taken was acknowledged.
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PeerAcknowledged
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
