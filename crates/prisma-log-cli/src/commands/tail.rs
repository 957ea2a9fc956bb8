//! `plog tail`: log files in colour, filtered, followed.

use std::collections::VecDeque;
use std::path::PathBuf;

use prisma_log_core::{Error, Filter, Level, TraceId};
use prisma_log_tail::{LineParser, LogLine, Tail};

use crate::args::TailArgs;
use crate::exit::{Failure, Outcome};
use crate::files::{complain, is_pattern};
use crate::interrupt::Interrupt;
use crate::present::record::Printer;

/// Lines per poll: enough to keep the overhead small, few enough to react to Ctrl-C.
const LINES_A_TURN: usize = 4096;
/// Lines shown of what was there before, when following.
const LINES_BEFORE_FOLLOWING: usize = 10;

pub(crate) fn run(args: &TailArgs) -> Outcome {
    let interrupt = Interrupt::on_signals()?;
    let before = args.lines.or_else(|| args.follow.then_some(LINES_BEFORE_FOLLOWING));
    let mut view = View {
        wanted: Wanted::from(args),
        parser: LineParser::new(),
        printer: Printer::new(args.json)?,
        held: before.map(|lines| (lines, VecDeque::new())),
    };
    // Files that are not followed are shown one after the other, in the order they were named.
    let groups: Vec<&[PathBuf]> =
        if args.follow { vec![&args.files] } else { args.files.chunks(1).collect() };
    let mut failed = false;
    for files in groups {
        let mut tail = open(files)?;
        view.read(&mut tail, args.follow, &interrupt)?;
        failed |= complain(&tail.sources(), files);
        if interrupt.is_asked() {
            break;
        }
    }
    view.release()?;
    if failed { Err(Failure::Shown { usage: false }) } else { Ok(()) }
}

fn open(files: &[PathBuf]) -> Result<Tail, Error> {
    let mut builder = Tail::builder().from_start(true);
    for file in files {
        builder = match file.to_str() {
            Some(pattern) if is_pattern(file) => builder.glob(pattern),
            _ => builder.file(file),
        };
    }
    builder.build()
}

/// A line as read, and what it was understood as.
struct Shown {
    raw: Vec<u8>,
    line: LogLine,
}

struct View {
    wanted: Wanted,
    parser: LineParser,
    printer: Printer,
    /// While what was there before is read: the last lines of it, and how many are wanted.
    held: Option<(usize, VecDeque<Shown>)>,
}

impl View {
    fn read(&mut self, tail: &mut Tail, follow: bool, interrupt: &Interrupt) -> Outcome {
        while !interrupt.is_asked() {
            let mut outcome = Ok(());
            let polled = tail.poll(LINES_A_TURN, &mut |line| {
                if outcome.is_ok() {
                    outcome = self.take(line.bytes);
                }
            });
            outcome?;
            self.printer.flush()?;
            if polled.more {
                continue;
            }
            if !follow {
                let mut outcome = Ok(());
                tail.finish(&mut |line| {
                    if outcome.is_ok() {
                        outcome = self.take(line.bytes);
                    }
                });
                outcome?;
                return self.printer.flush();
            }
            self.release()?;
            std::thread::sleep(tail.poll_interval());
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Outcome {
        let line = self.parser.parse(bytes);
        if !self.wanted.wants(&line) {
            return Ok(());
        }
        match &mut self.held {
            None => self.printer.print(bytes, &line),
            Some((lines, held)) => {
                held.push_back(Shown { raw: bytes.to_owned(), line });
                if held.len() > *lines {
                    held.pop_front();
                }
                Ok(())
            }
        }
    }

    /// Shows what was held back, and holds no more.
    fn release(&mut self) -> Outcome {
        for shown in self.held.take().into_iter().flat_map(|(_, held)| held) {
            self.printer.print(&shown.raw, &shown.line)?;
        }
        self.printer.flush()
    }
}

/// Which lines to show.
struct Wanted {
    level: Option<Level>,
    logger: Option<Filter>,
    trace: Option<TraceId>,
}

impl Wanted {
    fn from(args: &TailArgs) -> Self {
        let only = |name: &String| Filter::off().directive(name, Some(Level::Trace));
        Wanted { level: args.level, logger: args.logger.as_ref().map(only), trace: args.trace }
    }

    fn wants(&self, line: &LogLine) -> bool {
        let logger = line.logger.as_deref().unwrap_or_default();
        self.level.is_none_or(|least| line.level.is_some_and(|level| level >= least))
            && self.logger.as_ref().is_none_or(|filter| filter.passes(logger, Level::Critical))
            && self.trace.is_none_or(|trace| line.trace_id == Some(trace))
    }
}
