//! Reading files once, from start to end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use prisma_log_core::Error;
use prisma_log_tail::Tail;

use crate::files::{bytes_read, complain, expand, no_match};

/// Lines per poll: few enough for the progress bar to move.
const LINES_A_TURN: usize = 65_536;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    pub(crate) files: usize,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// Lines that don't look like a JSON object, empty ones apart.
    pub(crate) not_json: u64,
    /// Lines that were too long, and were cut.
    pub(crate) cut_lines: u64,
    /// What patterns matched and is compressed in a way that can't be read.
    pub(crate) compressed: Vec<PathBuf>,
    /// Whether a file could not be read; that has been said.
    pub(crate) failed: bool,
}

/// Hands out all lines of the files, with the service that the file seems to be of, until told to
/// stop. A file that can't be read does not stop the others.
pub(crate) fn scan(
    arguments: &[PathBuf],
    bar: &ProgressBar,
    each: &mut dyn FnMut(&str, &[u8]) -> ControlFlow<()>,
) -> Result<Scanned, Error> {
    let expanded = expand(arguments)?;
    let mut scanned = Scanned { compressed: expanded.compressed, ..Scanned::default() };
    if expanded.files.is_empty() && scanned.compressed.is_empty() {
        return Err(no_match(arguments));
    }
    let sizes = expanded.files.iter().filter_map(|file| std::fs::metadata(file).ok());
    bar.set_length(sizes.map(|metadata| metadata.len()).sum());
    for file in &expanded.files {
        if scanned.read(file, bar, each)?.is_break() {
            break;
        }
    }
    Ok(scanned)
}

impl Scanned {
    fn read(
        &mut self,
        file: &Path,
        bar: &ProgressBar,
        each: &mut dyn FnMut(&str, &[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut tail = Tail::builder().file(file).from_start(true).build()?;
        let service = service_of(file);
        let mut feed =
            Feed { service, each, lines: 0, not_json: 0, flow: ControlFlow::Continue(()) };
        let before = bar.position();
        loop {
            let polled = tail.poll(LINES_A_TURN, &mut |line| feed.take(line.bytes));
            bar.set_position(before + bytes_read(file, &tail));
            if feed.flow.is_break() || !polled.more {
                break;
            }
        }
        if feed.flow.is_continue() {
            tail.finish(&mut |line| feed.take(line.bytes));
        }
        let Feed { lines, not_json, flow, .. } = feed;
        self.files += 1;
        self.lines += lines;
        self.not_json += not_json;
        let sources = tail.sources();
        self.bytes += sources.iter().map(|source| source.bytes).sum::<u64>();
        self.cut_lines += sources.iter().map(|source| source.cut_lines).sum::<u64>();
        self.failed |= bar.suspend(|| complain(&sources, &[file.to_owned()]));
        Ok(flow)
    }
}

/// Where the lines of one file go.
struct Feed<'a> {
    service: String,
    each: &'a mut dyn FnMut(&str, &[u8]) -> ControlFlow<()>,
    lines: u64,
    not_json: u64,
    flow: ControlFlow<()>,
}

impl Feed<'_> {
    fn take(&mut self, line: &[u8]) {
        if self.flow.is_continue() {
            self.lines += 1;
            self.not_json += u64::from(!is_json(line));
            self.flow = (self.each)(&self.service, line);
        }
    }
}

/// Whether a line has the braces of an object; most need no closer look.
fn is_json(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"{") && line.ends_with(b"}")
}

/// Whose log a file is by its name: `orders` for `orders.log`, and for `orders.log.1`.
fn service_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let ends = [".log", ".json", ".ecs", ".txt"].iter().filter_map(|ending| name.find(ending));
    let end = ends.filter(|&end| end > 0).min().unwrap_or(name.len());
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_services() {
        let check = |file: &str, expect: &str| assert_eq!(service_of(Path::new(file)), expect);
        check("logs/orders.log", "orders");
        check("orders.log.2026-11-24T08-00-00Z", "orders");
        check("shop.orders.log.1", "shop.orders");
        check("orders.jsonl", "orders");
        check(".log", ".log");
        check("syslog", "syslog");
    }

    #[test]
    fn braces_tell_json_from_other_lines() {
        for (line, expect) in [
            ("{}", true),
            (" {\"a\":1}\r", true),
            ("", true),
            ("{\"a\":", false),
            ("INFO x", false),
        ] {
            assert_eq!(is_json(line.as_bytes()), expect, "{line}");
        }
    }

    #[test]
    fn stops_when_told_and_counts_what_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = ["a.log", "b.log"].iter().map(|name| dir.path().join(name)).collect();
        std::fs::write(&files[0], "{}\nplain\n{\"torn").unwrap();
        std::fs::write(&files[1], "{}\n").unwrap();
        let count = |most: usize| {
            let mut seen = 0;
            let scanned = scan(&files, &ProgressBar::hidden(), &mut |_, _| {
                seen += 1;
                if seen == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let scanned = scanned.unwrap();
            (scanned.files, scanned.lines, scanned.not_json)
        };
        assert_eq!(count(usize::MAX), (2, 4, 2));
        assert_eq!(count(2), (1, 2, 1));
    }
}
