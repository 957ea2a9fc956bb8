//! What a console sink is built from.

use std::io::Write;

use prisma_log_core::{Encoder, Error};

use crate::line::Form;
use crate::{Color, ConsoleSink, Stream};

/// Builds a [`ConsoleSink`].
#[must_use = "nothing is written before `build`"]
pub struct ConsoleSinkBuilder {
    stream: Stream,
    color: Color,
    date: bool,
    encoder: Option<Box<dyn Encoder>>,
    writer: Option<Box<dyn Write + Send>>,
}

impl ConsoleSinkBuilder {
    pub(crate) fn new() -> Self {
        ConsoleSinkBuilder {
            stream: Stream::default(),
            color: Color::default(),
            date: false,
            encoder: None,
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

    /// Writes there instead of to a stream of the process. [`Color::Auto`] takes it for no
    /// terminal.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Box::new(writer));
        self
    }

    /// The sink.
    ///
    /// # Errors
    /// When the stream is not open.
    pub fn build(self) -> Result<ConsoleSink, Error> {
        let color = match &self.writer {
            Some(_) => self.color.decide(false, |name| std::env::var_os(name)),
            None => self.color.applies_to(self.stream),
        };
        let form = match self.encoder {
            Some(encoder) => Form::Encoded(encoder),
            None => Form::text(color, self.date),
        };
        let (name, writer) = match self.writer {
            Some(writer) => ("the writer", writer),
            None => {
                let name = self.stream.as_str();
                let opened = self.stream.open();
                (name, opened.map_err(|error| Error::io(format!("cannot use {name}"), error))?)
            }
        };
        Ok(ConsoleSink::new(form, name, writer))
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
