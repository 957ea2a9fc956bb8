//! One record as one line: encoded, or drawn for people.

use std::io::{self, Write};
use std::ops::Range;

use prisma_log_core::{Encoder, Record};
use prisma_log_format::{TextEncoder, TextPart};
use slog_term::{RecordDecorator, TermDecorator};

/// The form that records are written in.
pub(crate) enum Form {
    Encoded(Box<dyn Encoder>),
    Text { encoder: TextEncoder, color: bool, time: Range<usize>, piece: Vec<u8> },
}

impl Form {
    pub(crate) fn text(color: bool, date: bool) -> Self {
        // Of `2026-11-24T08:00:00.123456Z`, what a person at a terminal looks for.
        let time = if date { 0..23 } else { 11..23 };
        Form::Text { encoder: TextEncoder::new(), color, time, piece: Vec::new() }
    }

    /// Appends the record as a line with its end.
    pub(crate) fn append(&mut self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Form::Encoded(encoder) => encoder.encode(record, out),
            Form::Text { encoder, color, time, piece } => {
                let codes = Ansi { out: &mut *out, level: record.level.into(), color: *color };
                draw(encoder, record, time.clone(), piece, codes)?;
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

/// Draws the encoder's line piece by piece; the encoder has escaped everything that a terminal
/// could take for a command, so the decorator's codes are the only ones in the line.
fn draw(
    encoder: &TextEncoder,
    record: &Record<'_>,
    time: Range<usize>,
    piece: &mut Vec<u8>,
    mut decorator: impl RecordDecorator,
) -> io::Result<()> {
    piece.clear();
    let mut drawn = Ok(());
    let mut running = None;
    let mut step = |next: Option<TextPart>, piece: &mut Vec<u8>| {
        if drawn.is_ok() && !piece.is_empty() {
            let shown = match running {
                Some(TextPart::Timestamp) => piece.get(time.clone()).unwrap_or(piece),
                _ => piece,
            };
            drawn = put(running, shown, &mut decorator);
        }
        piece.clear();
        running = next;
    };
    encoder.encode_parts(record, piece, |part, piece| step(Some(part), piece));
    step(None, piece);
    drawn?;
    decorator.reset()
}

fn put(
    part: Option<TextPart>,
    piece: &[u8],
    decorator: &mut impl RecordDecorator,
) -> io::Result<()> {
    match part {
        Some(TextPart::Timestamp) => decorator.start_timestamp()?,
        Some(TextPart::Level) => decorator.start_level()?,
        Some(TextPart::Logger | TextPart::Envelope) => decorator.start_location()?,
        Some(TextPart::Message) => decorator.start_msg()?,
        Some(TextPart::Key) => decorator.start_key()?,
        Some(TextPart::Value) => decorator.start_value()?,
        _ => decorator.start_separator()?,
    }
    decorator.write_all(piece)
}

/// Draws into a buffer with the codes that every terminal since the VT100 knows, in slog-term's
/// colours.
///
/// slog-term's own `TermDecorator` writes each piece to the stream by itself: a dozen system calls
/// a record, between which other processes' output may fall, and no way to tell which records
/// were taken when one of them fails.
struct Ansi<'a> {
    out: &'a mut Vec<u8>,
    level: slog::Level,
    color: bool,
}

impl Ansi<'_> {
    fn code(&mut self, code: std::fmt::Arguments<'_>) -> io::Result<()> {
        if self.color { write!(self.out, "\x1b[0;{code}m") } else { Ok(()) }
    }
}

impl Write for Ansi<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl RecordDecorator for Ansi<'_> {
    fn reset(&mut self) -> io::Result<()> {
        if self.color { self.out.write_all(b"\x1b[0m") } else { Ok(()) }
    }

    fn start_timestamp(&mut self) -> io::Result<()> {
        self.code(format_args!("2"))
    }

    fn start_level(&mut self) -> io::Result<()> {
        let color = TermDecorator::level_to_color(self.level);
        self.code(format_args!("1;{}", 30 + color))
    }

    fn start_location(&mut self) -> io::Result<()> {
        self.code(format_args!("2"))
    }

    fn start_msg(&mut self) -> io::Result<()> {
        self.code(format_args!("1"))
    }

    fn start_key(&mut self) -> io::Result<()> {
        self.code(format_args!("36"))
    }

    fn start_separator(&mut self) -> io::Result<()> {
        self.code(format_args!("2"))
    }
}
