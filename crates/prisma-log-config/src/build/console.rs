//! Console sinks.

use prisma_log_console::ConsoleSink;
use prisma_log_core::{Error, Sink};

use super::encoder::encoder;
use crate::config::Service;
use crate::sinks::{Color, ConsoleConfig, Format, Stream};

pub(super) fn build(settings: &ConsoleConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    let stream = match settings.stream {
        Stream::Stdout => prisma_log_console::Stream::Stdout,
        Stream::Stderr => prisma_log_console::Stream::Stderr,
    };
    let color = match settings.color {
        Color::Auto => prisma_log_console::Color::Auto,
        Color::Always => prisma_log_console::Color::Always,
        Color::Never => prisma_log_console::Color::Never,
    };
    let mut builder = ConsoleSink::builder().stream(stream).color(color);
    // Text is the console sink's own form, the only one that can be coloured.
    if settings.format != Format::Text {
        let limit = usize::try_from(settings.max_line_bytes).unwrap_or(usize::MAX);
        builder = builder.encoder(encoder(settings.format, service)?).max_line_bytes(Some(limit));
    }
    Ok(Box::new(builder.build()?))
}
