//! One sink: a writer, a drain of slog's over it, and slog-async before it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prisma_log_config::{
    Color, Config, ConsoleConfig, Format, OverflowConfig, SinkConfig, SinkKind, Stream,
};
use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{Clock as _, Error, Filter, Level, SystemClock};
use slog::{Drain, FnValue, OwnedKVList, PushFnValue, Record, o};
use slog_async::{Async, AsyncGuard, OverflowStrategy};
use slog_term::{FullFormat, PlainDecorator, TermDecorator};

/// A sink and what it takes.
pub(super) struct ClassicSink {
    pub(super) name: String,
    pub(super) filter: Filter,
    pub(super) drain: Async,
}

type Output = Box<dyn Drain<Ok = (), Err = io::Error> + Send>;

pub(super) fn open(
    settings: &SinkConfig,
    config: &Config,
    reporter: &Arc<Reporter>,
) -> Result<(ClassicSink, AsyncGuard), Error> {
    let broken = Broken::default();
    let output = output(settings, config, &broken)?;
    let reported =
        Reported { output, broken, name: settings.name.clone(), reporter: Arc::clone(reporter) };
    let strategy = match config.pipeline().overflow {
        OverflowConfig::DropNewest => OverflowStrategy::DropAndReport,
        _ => OverflowStrategy::Block,
    };
    let name = format!("log-{}", settings.name);
    let started = contain(|| {
        Async::new(reported).overflow_strategy(strategy).thread_name(name).build_with_guard()
    });
    let Ok((drain, guard)) = started else {
        let what = format!("cannot start a thread for sink {}", settings.name);
        return Err(Error::state(what));
    };
    let (name, filter) = (settings.name.clone(), settings.filter.clone());
    Ok((ClassicSink { name, filter, drain }, guard))
}

fn output(settings: &SinkConfig, config: &Config, broken: &Broken) -> Result<Output, Error> {
    Ok(match &settings.kind {
        SinkKind::File(file) => {
            let writer = Whole::new(append_to(&file.path)?, broken);
            match file.format {
                Format::Json => json(writer, config),
                Format::Text => plain_text(writer),
                _ => return Err(unknown(settings)),
            }
        }
        SinkKind::Console(console) => match (console.format, console.stream) {
            (Format::Json, Stream::Stdout) => json(Whole::new(io::stdout(), broken), config),
            (Format::Json, _) => json(Whole::new(io::stderr(), broken), config),
            (Format::Text, _) => text(console),
            _ => return Err(unknown(settings)),
        },
        _ => return Err(unknown(settings)),
    })
}

fn unknown(settings: &SinkConfig) -> Error {
    Error::config(format!("the classic stack has no sink such as `sinks.{}`", settings.name))
}

fn append_to(path: &Path) -> Result<File, Error> {
    if let Some(folder) = path.parent() {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| Error::io_at("create the folder of", path, error))?;
    }
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| Error::io_at("open", path, error))
}

fn json(writer: impl Write + Send + 'static, config: &Config) -> Output {
    // slog writes the last of them first.
    let mut builder = slog_json::Json::new(writer).set_flush(true).add_key_value(o!(
        "message" => PushFnValue(|record, serializer| serializer.emit(record.msg())),
        "level" => FnValue(|record| Level::from(record.level()).as_str()),
        "timestamp" => FnValue(|_| SystemClock.now().to_string()),
    ));
    let service = config.service();
    if let Some(name) = &service.name {
        builder = builder.add_key_value(o!("service.name" => name.clone()));
    }
    if let Some(version) = &service.version {
        builder = builder.add_key_value(o!("service.version" => version.clone()));
    }
    if let Some(environment) = &service.environment {
        builder = builder.add_key_value(o!("deployment.environment.name" => environment.clone()));
    }
    Box::new(builder.build())
}

fn plain_text(writer: impl Write + Send + 'static) -> Output {
    Box::new(FullFormat::new(PlainDecorator::new(writer)).use_utc_timestamp().build())
}

fn text(settings: &ConsoleConfig) -> Output {
    let decorator = TermDecorator::new();
    let decorator = match settings.stream {
        Stream::Stdout => decorator.stdout(),
        _ => decorator.stderr(),
    };
    let decorator = match settings.color {
        Color::Always => decorator.force_color(),
        Color::Never => decorator.force_plain(),
        _ => decorator,
    };
    Box::new(FullFormat::new(decorator.build()).use_utc_timestamp().build())
}

/// Set when a record could not be written whole.
type Broken = Arc<AtomicBool>;

/// Collects the pieces of a record, and writes it at once when it is flushed; what there is of a
/// broken one is thrown away.
struct Whole<W> {
    writer: W,
    record: Vec<u8>,
    broken: Broken,
}

impl<W> Whole<W> {
    fn new(writer: W, broken: &Broken) -> Self {
        Whole { writer, record: Vec::new(), broken: Arc::clone(broken) }
    }
}

impl<W: Write> Write for Whole<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.broken.swap(false, Ordering::Relaxed) {
            self.record.clear();
        }
        self.record.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.record)?;
        self.record.clear();
        self.writer.flush()
    }
}

/// Reports what slog-async has no way to.
struct Reported {
    output: Output,
    broken: Broken,
    name: String,
    reporter: Arc<Reporter>,
}

impl Drain for Reported {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let error = match contain(|| self.output.log(record, values)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Error::io("cannot write a record", error),
            Err(_) => Error::state("cannot write a record: one of the logger's values panics"),
        };
        self.broken.store(true, Ordering::Relaxed);
        self.reporter.report(&self.name, &error);
        Ok(())
    }
}
