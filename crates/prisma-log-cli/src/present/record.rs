//! Records that were read back from files: in colour for people, as JSON lines for programs.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

use prisma_log_console::{Color, ConsoleSink};
use prisma_log_core::{ContextData, Encoder as _, Error, Level, Record, Sink as _};
use prisma_log_format::JsonEncoder;
use prisma_log_tail::{LineFormat, LogLine};

use super::{style, text};
use crate::exit::Outcome;

/// Writes records to stdout.
pub(crate) struct Printer {
    out: Out,
    form: Form,
    buffer: Vec<u8>,
}

enum Form {
    People(ConsoleSink),
    Json(JsonEncoder),
}

/// stdout, shared with the console sink so that its lines and ours keep their order.
#[derive(Clone)]
struct Out(Arc<Mutex<BufWriter<Stdout>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

impl Printer {
    pub(crate) fn new(json: bool) -> Result<Self, Error> {
        let out = Out(Arc::new(Mutex::new(BufWriter::new(io::stdout()))));
        let form = if json {
            Form::Json(JsonEncoder::builder().sequence(false).build()?)
        } else {
            let color = if style::stdout_is_coloured() { Color::Always } else { Color::Never };
            Form::People(ConsoleSink::builder().writer(out.clone()).color(color).build()?)
        };
        Ok(Printer { out, form, buffer: Vec::new() })
    }

    /// Prints one line: as a record when it states its time, else its text as it stands.
    pub(crate) fn print(&mut self, raw: &[u8], line: &LogLine) -> Outcome {
        self.buffer.clear();
        match &mut self.form {
            // What is JSON already is passed on untouched.
            Form::Json(_) if line.format == LineFormat::Json => self.buffer.extend(raw),
            Form::Json(encoder) => {
                with_record(line, |record| encoder.encode(record, &mut self.buffer));
            }
            Form::People(sink) if line.timestamp.is_some() => {
                let written = with_record(line, |record| sink.write(std::slice::from_ref(record)));
                return written.map_err(|failed| failed.error.into());
            }
            Form::People(_) => {
                let raw = String::from_utf8_lossy(raw);
                self.buffer.extend(text::shown(&raw, usize::MAX).bytes());
            }
        }
        self.buffer.push(b'\n');
        Ok(self.out.write_all(&self.buffer)?)
    }

    pub(crate) fn flush(&mut self) -> Outcome {
        Ok(self.out.flush()?)
    }
}

/// Lends the line as a record; without a level of its own it is INFO, without a time 1970.
fn with_record<R>(line: &LogLine, f: impl FnOnce(&Record<'_>) -> R) -> R {
    let mut context = ContextData::EMPTY;
    context.trace_id = line.trace_id;
    context.span_id = line.span_id;
    let mut record = Record::new(
        line.timestamp.unwrap_or_default(),
        line.level.unwrap_or(Level::Info),
        line.logger.as_deref().unwrap_or_default(),
        &line.message,
    );
    record.fields = &line.fields;
    record.context = &context;
    f(&record)
}
