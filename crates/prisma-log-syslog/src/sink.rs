//! The sink: records in, messages out.

use std::fmt;
use std::time::Instant;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SinkCommand};

use crate::form::Form;
use crate::net::datagrams::Datagrams;
use crate::net::stream::Stream;
use crate::origin::Origin;
use crate::{SyslogSinkBuilder, SyslogStats, Transport};

/// Sends records to a syslog server; see the [crate's page](crate).
pub struct SyslogSink {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) origin: Origin,
    pub(crate) way: Out,
    pub(crate) stats: SyslogStats,
    pub(crate) durability: Durability,
}

pub(crate) enum Out {
    Datagrams(Box<Datagrams>),
    Stream(Box<Stream>),
}

impl SyslogSink {
    /// Starts from the defaults for this transport.
    pub fn builder(transport: Transport) -> SyslogSinkBuilder {
        SyslogSinkBuilder::new(transport)
    }

    /// Counters to look at while the sink is elsewhere.
    pub fn stats(&self) -> SyslogStats {
        self.stats.clone()
    }
}

impl Sink for SyslogSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        match &mut self.way {
            Out::Datagrams(datagrams) => datagrams.write(batch, &mut self.form),
            Out::Stream(stream) => stream.write(batch, &mut self.form),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        match &mut self.way {
            Out::Datagrams(datagrams) => datagrams.flush(),
            Out::Stream(stream) => stream.flush(),
        }
    }

    fn durability(&self) -> Durability {
        self.durability
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        self.form.header_mut().origin = self.origin.render();
        match &mut self.way {
            Out::Datagrams(datagrams) => datagrams.after_fork(),
            Out::Stream(stream) => stream.after_fork(),
        }
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        match &self.way {
            Out::Datagrams(_) => None,
            Out::Stream(stream) => stream.due(),
        }
    }

    fn maintain(&mut self) -> Result<(), Error> {
        match &mut self.way {
            Out::Datagrams(_) => Ok(()),
            Out::Stream(stream) => stream.maintain(),
        }
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        if command == SinkCommand::Reopen {
            match &mut self.way {
                Out::Datagrams(datagrams) => datagrams.reopen(),
                Out::Stream(stream) => stream.reopen(),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SyslogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyslogSink")
            .field("to", &self.name)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
