//! Records that were read back from files: in colour for people, as JSON lines for programs.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

use prisma_log_console::{Color, ConsoleSink};
use prisma_log_core::{
    ContextData, Encoder as _, Error, Fields, Level, Record, Sink as _, Timestamp, Value,
};
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
    People(Box<ConsoleSink>),
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
            Form::People(Box::new(
                ConsoleSink::builder().writer(out.clone()).color(color).date(true).build()?,
            ))
        };
        Ok(Printer { out, form, buffer: Vec::new() })
    }

    /// Prints one line: as a record when it states time and level, else with what it does state.
    pub(crate) fn print(&mut self, raw: &[u8], line: &LogLine) -> Outcome {
        self.buffer.clear();
        let record = record(line);
        match (&mut self.form, record) {
            // What is JSON already is passed on untouched.
            (Form::Json(_), _) if line.format == LineFormat::Json => self.buffer.extend(raw),
            (Form::Json(encoder), Some(known)) if line.logger.is_some() => {
                known.lend(|record| encoder.encode(record, &mut self.buffer));
            }
            (Form::Json(_), _) => self.buffer.extend(what_is_known(line).to_string().bytes()),
            (Form::People(sink), Some(known)) => {
                let written = known.lend(|record| sink.write(std::slice::from_ref(record)));
                return written.map_err(|failed| failed.error.into());
            }
            (Form::People(_), None) => {
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

/// A line that has what every record has.
struct Known<'a> {
    timestamp: Timestamp,
    level: Level,
    line: &'a LogLine,
}

fn record(line: &LogLine) -> Option<Known<'_>> {
    Some(Known { timestamp: line.timestamp?, level: line.level?, line })
}

impl Known<'_> {
    fn lend<R>(&self, f: impl FnOnce(&Record<'_>) -> R) -> R {
        let line = self.line;
        let mut context = ContextData::EMPTY;
        context.trace_id = line.trace_id;
        context.span_id = line.span_id;
        let logger = line.logger.as_deref().unwrap_or("-");
        let mut record = Record::new(self.timestamp, self.level, logger, &line.message);
        // What our own encoders say of the record itself, and would not take for a field's key.
        let mut fields = Fields::new();
        for (key, value) in line.fields.iter() {
            match (key, value) {
                ("recovered", Value::Bool(true)) => record.recovered = true,
                ("truncated", Value::U64(bytes)) => record.truncated = bytes,
                _ => fields.push(key, value),
            }
        }
        record.fields = fields.as_ref();
        record.context = &context;
        f(&record)
    }
}

/// A line without time, level or logger as JSON: nothing is made up.
fn what_is_known(line: &LogLine) -> serde_json::Value {
    let mut known = serde_json::Map::new();
    let texts = [
        ("timestamp", line.timestamp.map(|time| time.to_string())),
        ("level", line.level.map(|level| level.to_string())),
        ("logger", line.logger.clone()),
        ("message", Some(line.message.clone())),
        ("trace_id", line.trace_id.map(|id| id.to_string())),
        ("span_id", line.span_id.map(|id| id.to_string())),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            known.insert(key.into(), text.into());
        }
    }
    for (key, value) in line.fields.iter() {
        let value = match value {
            Value::Bool(v) => v.into(),
            Value::I64(v) => v.into(),
            Value::U64(v) => v.into(),
            Value::F64(v) => v.into(),
            other => other.to_string().into(),
        };
        known.entry(key).or_insert(value);
    }
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prisma_log_tail::LineParser;

    #[test]
    fn what_a_line_says_of_its_record_is_no_field() {
        let check = |rest: &str, recovered: bool, truncated: u64, fields: &[(&str, Value<'_>)]| {
            let head = r#"{"timestamp":"2026-11-24T08:00:00.000000Z","level":"INFO","logger":"a","message":"m""#;
            let line = LineParser::default().parse(format!("{head}{rest}}}").as_bytes());
            super::record(&line).unwrap().lend(|record| {
                assert_eq!((record.recovered, record.truncated), (recovered, truncated), "{rest}");
                assert_eq!(record.fields.iter().collect::<Vec<_>>(), fields, "{rest}");
            });
        };
        check("", false, 0, &[]);
        let port = ("port", Value::U64(5432));
        check(r#","truncated":70000,"recovered":true,"port":5432"#, true, 70_000, &[port]);
        check(r#","recovered":"yes""#, false, 0, &[("recovered", Value::Str("yes"))]);
    }
}
