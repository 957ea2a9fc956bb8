//! `plog recover`: what killed processes left in their queues, written out.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use prisma_log::FileSink;
use prisma_log_core::{Error, Sink};
use prisma_log_pipeline::{QueueFile, QueueState, RecoveryReport, ReplaySink};
use serde_json::json;

use crate::args::RecoverArgs;
use crate::exit::{Failure, Outcome};
use crate::present;
use crate::present::lines::Lines;
use crate::present::style::{FAINT, STRONG};

pub(crate) fn run(args: &RecoverArgs) -> Outcome {
    if args.json && !args.list && args.to.is_none() {
        let error = Error::config("with --json alone, stdout would get two kinds of lines")
            .with_hint("records are JSON lines anyway; add --list or --to FILE");
        return Err(Failure::usage(error));
    }
    let queues = find(args)?;
    if args.list || args.to.is_none() && !args.yes && io::stdout().is_terminal() {
        return list(args, &queues);
    }
    // A file that no record is for is not made.
    let mut target = match &args.to {
        Some(file) if queues.iter().any(is_orphan) => Target::File(Box::new(open(file)?)),
        _ => Target::Stdout(Box::new(Lines::new())),
    };
    let mut total = Total::default();
    for queue in &queues {
        if !args.json {
            say(args, format_args!("{}\n", present::queue::rows(queue)))?;
        }
        let outcome = match &queue.state {
            QueueState::Orphan => Some(recover(args, queue, &mut target)?),
            QueueState::Unreadable { why } => {
                let path = queue.path.display();
                Some(Err(Error::data(format!("cannot use the queue {path}: {why}"))))
            }
            _ => None,
        };
        if args.json {
            let line = line(args, queue, outcome.as_ref());
            say(args, format_args!("{line}\n"))?;
        }
        match outcome {
            None => {}
            Some(Ok(report)) => total.add(&report),
            Some(Err(error)) => {
                present::error::print(&error);
                total.failed = true;
                total.usage |= error.is_config();
            }
        }
    }
    if !args.json {
        say(args, format_args!("{}\n", total.summary(args, &queues)))?;
    }
    if total.failed { Err(Failure::Shown { usage: total.usage }) } else { Ok(()) }
}

/// The queues that the call is about.
fn find(args: &RecoverArgs) -> Result<Vec<QueueFile>, Error> {
    let mut queues = match &args.dir {
        Some(dir) => QueueFile::find(dir)?,
        None => QueueFile::find_default()?,
    };
    if let Some(service) = &args.service {
        queues.retain(|queue| queue.service == *service);
    }
    Ok(queues)
}

fn is_orphan(queue: &QueueFile) -> bool {
    queue.state == QueueState::Orphan
}

fn open(file: &Path) -> Result<FileSink, Error> {
    FileSink::builder(file).sync_on_flush(true).build()
}

/// Where the records go.
enum Target {
    File(Box<FileSink>),
    Stdout(Box<Lines>),
}

impl Target {
    fn sink(&mut self) -> &mut dyn Sink {
        match self {
            Target::File(file) => &mut **file,
            Target::Stdout(lines) => &mut **lines,
        }
    }
}

/// Writes a queue's records, then removes it. Without stdout there is no point in going on; any
/// other failure is this queue's own.
fn recover(
    args: &RecoverArgs,
    queue: &QueueFile,
    target: &mut Target,
) -> Result<Result<RecoveryReport, Error>, Failure> {
    let mut replay = || {
        let taken = queue.take()?;
        let sink = match &args.sink {
            Some(name) => ReplaySink::named(name, target.sink()),
            None => ReplaySink::all(target.sink()),
        };
        Ok((taken.replay(&mut [sink])?, taken))
    };
    let (report, taken) = match replay() {
        Ok(replayed) => replayed,
        Err(error) => return Ok(Err(error)),
    };
    if let Target::Stdout(lines) = target {
        lines.outcome()?;
    }
    if args.keep {
        return Ok(Ok(report));
    }
    Ok(taken.remove().map(|()| report))
}

fn list(args: &RecoverArgs, queues: &[QueueFile]) -> Outcome {
    let mut out = anstream::stdout().lock();
    for queue in queues {
        if args.json {
            writeln!(out, "{}", present::queue::to_json(queue))?;
        } else {
            writeln!(out, "{}", present::queue::rows(queue))?;
        }
    }
    if args.json {
        return Ok(());
    }
    if queues.is_empty() {
        writeln!(out, "{}", nothing(args))?;
    } else if !args.list && queues.iter().any(is_orphan) {
        let hint = "records are not written to a terminal: add --to FILE, or --yes";
        writeln!(out, "{FAINT}{hint}{FAINT:#}")?;
    }
    Ok(())
}

fn nothing(args: &RecoverArgs) -> String {
    let place = args.dir.as_ref().map_or(String::new(), |dir| format!(" in {}", dir.display()));
    let service = args.service.as_ref().map_or(String::new(), |name| format!(" of {name}"));
    format!("no queues{service}{place}: nothing is left to recover")
}

/// Says something beside the records: where stdout is theirs, on stderr.
fn say(args: &RecoverArgs, text: std::fmt::Arguments<'_>) -> io::Result<()> {
    if args.to.is_some() {
        anstream::stdout().lock().write_fmt(text)
    } else {
        // Nobody who reads the records is to lose them because stderr is closed.
        let _unwritable = anstream::stderr().lock().write_fmt(text);
        Ok(())
    }
}

fn line(
    args: &RecoverArgs,
    queue: &QueueFile,
    outcome: Option<&Result<RecoveryReport, Error>>,
) -> serde_json::Value {
    let mut line = present::queue::to_json(queue);
    if let Some(Ok(report)) = outcome {
        line["recovered"] = json!(report.records);
        line["already_written"] = json!(report.already_written);
        line["removed"] = json!(!args.keep);
    }
    if let Some(Err(error)) = outcome {
        line["error"] = json!(error.to_string());
    }
    line
}

/// What it came to.
#[derive(Default)]
struct Total {
    queues: usize,
    records: u64,
    already_written: u64,
    failed: bool,
    usage: bool,
}

impl Total {
    fn add(&mut self, report: &RecoveryReport) {
        self.queues += 1;
        self.records += report.records;
        self.already_written += report.already_written;
    }

    fn summary(&self, args: &RecoverArgs, queues: &[QueueFile]) -> String {
        if queues.is_empty() {
            return nothing(args);
        }
        if !queues.iter().any(is_orphan) {
            return "no queue was left by a dead process: nothing is left to recover".into();
        }
        let (records, queues) = (self.records, self.queues);
        let to = args.to.as_ref().map_or(String::new(), |to| format!(", to {}", to.display()));
        let mut text = format!(
            "{STRONG}{records}{STRONG:#} record{} recovered from {queues} queue{}{to}",
            if records == 1 { "" } else { "s" },
            if queues == 1 { "" } else { "s" },
        );
        if self.already_written > 0 {
            text += &format!("; {} were written already", self.already_written);
        }
        text += if args.keep { "; nothing was removed" } else { "" };
        text
    }
}
