//! What a console sink is built from.

use std::io::Write;

use prisma_log_core::{Encoder, Error};

use crate::limit::Lines;
use crate::line::Form;
use crate::stream::Target;
use crate::{Color, ConsoleSink, Stream};

/// Longest line of an encoder's, with its end: container runtimes split longer ones.
const ENCODED_LINE_BYTES: usize = 16 * 1024;
const LEAST_LINE_BYTES: usize = 1024;

/// Builds a [`ConsoleSink`].
#[must_use = "nothing is written before `build`"]
pub struct ConsoleSinkBuilder {
    stream: Stream,
    color: Color,
    date: bool,
    encoder: Option<Box<dyn Encoder>>,
    max_line_bytes: Option<Option<usize>>,
    writer: Option<Box<dyn Write + Send>>,
}

impl ConsoleSinkBuilder {
    pub(crate) fn new() -> Self {
        ConsoleSinkBuilder {
            stream: Stream::default(),
            color: Color::default(),
            date: false,
            encoder: None,
            max_line_bytes: None,
            writer: None,
        }
    }

    /// Which stream to write to; by default standard error.
    pub fn stream(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// When to colour the text for people; by default as the environment says. What an encoder
    /// writes is never coloured.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// Whether the text for people has the date before the time of day; by default it has not.
    pub fn date(mut self, date: bool) -> Self {
        self.date = date;
        self
    }

    /// Writes records in this encoding, one line each, instead of as text for people: for
    /// containers, whose standard output is collected by machines.
    pub fn encoder(mut self, encoder: impl Encoder + 'static) -> Self {
        self.encoder = Some(Box::new(encoder));
        self
    }

    /// Longest line in bytes, with its end, at least 1,024; `None` for any length. By default 16,384
    /// for what an encoder writes, any length for text for people.
    ///
    /// Container runtimes split longer lines, and half a JSON object is none. The longest texts of
    /// such a record (message, values, logger) are cut, so far as is needed and on character
    /// boundaries; only where that is not enough, whole fields are left out, from the last on. How
    /// many bytes are missing stands in the line, as encoders write [`Record::truncated`].
    ///
    /// [`Record::truncated`]: prisma_log_core::Record::truncated
    pub fn max_line_bytes(mut self, bytes: Option<usize>) -> Self {
        self.max_line_bytes = Some(bytes);
        self
    }

    /// Writes there instead of to a stream of the process. [`Color::Auto`] takes it for no
    /// terminal.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Box::new(writer));
        self
    }

    /// The sink.
    ///
    /// # Errors
    /// When the stream is not open, or lines would be too short.
    pub fn build(self) -> Result<ConsoleSink, Error> {
        let max_line_bytes =
            self.max_line_bytes.unwrap_or(self.encoder.as_ref().map(|_| ENCODED_LINE_BYTES));
        if let Some(bytes) = max_line_bytes.filter(|bytes| *bytes < LEAST_LINE_BYTES) {
            let error = Error::config(format!("invalid limit of {bytes} bytes for a line"));
            return Err(error.with_hint(format!("use at least {LEAST_LINE_BYTES}, or none")));
        }
        let color = match &self.writer {
            Some(_) => self.color.decide(false, |name| std::env::var_os(name)),
            None => self.color.applies_to(self.stream),
        };
        let form = match self.encoder {
            Some(encoder) => Form::Encoded(encoder),
            None => Form::text(color, self.date),
        };
        let target = match self.writer {
            Some(writer) => Target { name: "the writer", writer, may_be_read_again: false },
            None => {
                let opened = self.stream.open();
                let name = self.stream.as_str();
                opened.map_err(|error| Error::io(format!("cannot use {name}"), error))?
            }
        };
        Ok(ConsoleSink::new(Lines::new(form, max_line_bytes), target))
    }
}

impl std::fmt::Debug for ConsoleSinkBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleSinkBuilder")
            .field("stream", &self.stream)
            .field("color", &self.color)
            .finish_non_exhaustive()
    }
}
