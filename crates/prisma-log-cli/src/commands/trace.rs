//! `plog trace`: one trace as a tree, or the slowest traces.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use prisma_log_core::{Error, TraceId};

use crate::args::{RecordsArg, TraceArgs};
use crate::exit::{Failure, Outcome};
use crate::present;
use crate::present::style::FAINT;
use crate::trace::{Hits, Query, Reader, Scanned, Slowest, Trace, Tree, scan};

/// Records and events that are shown without being asked for.
const FEW: usize = 20;

pub(crate) fn run(args: &TraceArgs) -> Outcome {
    let scanned = match args.slowest {
        Some(count) => slowest(args, count as usize)?,
        None => tree(args)?,
    };
    if scanned.failed { Err(Failure::Shown { usage: false }) } else { Ok(()) }
}

fn tree(args: &TraceArgs) -> Result<Scanned, Failure> {
    let (query, files) = asked(&args.words)?;
    let mut hits = Hits::default();
    let mut trace = Trace::default();
    let mut reader = Reader::default();
    // Lines that have the id somewhere, but not as theirs.
    let mut mentions = 0_u64;
    let bar = present::progress::bar();
    let mut take = |service: &str, line: &[u8]| {
        if !query.may_be_in(line) {
            return ControlFlow::Continue(());
        }
        match reader.read(line) {
            Some(seen) if query.fits(seen.trace_id) => {
                if hits.note(seen.trace_id) {
                    trace.add(seen, line, service);
                }
            }
            _ => mentions += 1,
        }
        if hits.is_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let scanned = scan(files, &bar, &mut take);
    bar.finish_and_clear();
    let scanned = scanned?;
    let Some(id) = hits.only(&query).map_err(Failure::usage)? else {
        return Err(not_found(&query, mentions, &scanned).into());
    };
    let many = trace.entries.len() > FEW;
    let with_entries = match args.records {
        RecordsArg::Always => true,
        RecordsArg::Never => false,
        RecordsArg::Auto => args.json || !many,
    };
    let tree = Tree::build(&trace, with_entries);
    let mut out = BufWriter::new(anstream::stdout().lock());
    if args.json {
        present::trace::print_tree_json(&mut out, id, &trace, &tree, &scanned)?;
    } else {
        let hidden = !with_entries && !trace.entries.is_empty();
        print_tree(&mut out, id, &trace, &tree, hidden, mentions, &scanned)?;
    }
    out.flush()?;
    Ok(scanned)
}

fn print_tree(
    out: &mut impl Write,
    id: TraceId,
    trace: &Trace,
    tree: &Tree,
    hidden: bool,
    mentions: u64,
    scanned: &Scanned,
) -> std::io::Result<()> {
    present::trace::print_tree(out, id, trace, tree, present::terminal::width())?;
    if let Some(text) = present::trace::by_service(trace, tree) {
        writeln!(out, "{text}")?;
    }
    let mut notes = present::trace::of_trace(trace, hidden);
    notes.extend(mentioned(mentions));
    notes.extend(present::trace::of_files(scanned));
    print_notes(out, &notes)
}

fn print_notes(out: &mut impl Write, notes: &[String]) -> std::io::Result<()> {
    notes.iter().try_for_each(|note| writeln!(out, "{FAINT}{note}{FAINT:#}"))
}

/// The trace and the files that the words name.
fn asked(words: &[PathBuf]) -> Result<(Query, &[PathBuf]), Failure> {
    let Some((id, files)) = words.split_first() else {
        return Err(Failure::usage(Error::config("neither a trace nor a file is named")));
    };
    let query = Query::parse(&id.to_string_lossy()).map_err(|error| {
        let error = if id.exists() {
            let list = format!("list traces with `plog trace --slowest 10 {}`", id.display());
            error.with_hint(format!("the id comes first, then the files; {list}"))
        } else {
            error
        };
        Failure::usage(error)
    })?;
    if files.is_empty() {
        let error = Error::config("no file is named").with_hint(format!(
            "name log files after the id: `plog trace {} app.log`",
            query.digits()
        ));
        return Err(Failure::usage(error));
    }
    Ok((query, files))
}

fn mentioned(mentions: u64) -> Option<String> {
    match mentions {
        0 => None,
        1 => Some("1 line has the id in it, but not as its trace_id".to_owned()),
        _ => Some(format!("{mentions} lines have the id in them, but not as their trace_id")),
    }
}

fn not_found(query: &Query, mentions: u64, scanned: &Scanned) -> Error {
    let read = present::trace::of_files(scanned).join("; ");
    let error = Error::state(format!("no record of trace {}: {read}", query.digits()));
    match mentioned(mentions) {
        Some(mentioned) => error.with_hint(mentioned),
        None => error,
    }
}

fn slowest(args: &TraceArgs, count: usize) -> Result<Scanned, Failure> {
    let bar = present::progress::bar();
    let mut slowest = Slowest::default();
    let scanned = scan(&args.words, &bar, &mut |service, line| {
        slowest.add(line, service);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let scanned = scanned?;
    let mut out = BufWriter::new(anstream::stdout().lock());
    if args.json {
        present::trace::print_slowest_json(&mut out, &slowest, count, &scanned)?;
    } else {
        print_slowest(&mut out, &slowest, count, &scanned)?;
    }
    out.flush()?;
    Ok(scanned)
}

fn print_slowest(
    out: &mut impl Write,
    slowest: &Slowest,
    count: usize,
    scanned: &Scanned,
) -> std::io::Result<()> {
    if slowest.len() > slowest.without_spans() {
        present::trace::print_slowest(out, slowest, count, present::terminal::width())?;
        writeln!(out)?;
    } else {
        writeln!(out, "no span of any trace ended in these files")?;
    }
    let mut notes = present::trace::of_slowest(slowest);
    notes.extend(present::trace::of_files(scanned));
    print_notes(out, &notes)
}
