//! The lines of several files, merged by the times that they state.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use prisma_log_core::{Error, Timestamp};
use prisma_log_tail::{LineParser, SourceStatus, Tail};

use crate::files::bytes_read;

/// Lines of a file that are read at once.
const LINES_A_TURN: usize = 4096;

/// Hands out the lines of files in the order of their times; the lines of one file stay in their
/// order, and a line without a time belongs to the one before it.
pub(super) struct Merge {
    feeds: Vec<Feed>,
    /// The time of the next line of each file that has one.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    bar: ProgressBar,
}

/// A line in its turn.
pub(super) struct Merged<'a> {
    pub(super) source: &'a Path,
    /// The number of its file among the files.
    pub(super) file: usize,
    /// The latest time that it or a line before it in its file states.
    pub(super) time: Timestamp,
    pub(super) bytes: &'a [u8],
}

struct Feed {
    path: PathBuf,
    tail: Tail,
    parser: LineParser,
    lines: VecDeque<(Timestamp, Vec<u8>)>,
    time: Option<Timestamp>,
    is_read: bool,
    /// How much of the file was read, in bytes of the file.
    bytes: u64,
}

impl Merge {
    /// `now` is the time of lines in files that never state any.
    pub(super) fn new(files: &[PathBuf], now: Timestamp, bar: ProgressBar) -> Result<Self, Error> {
        let sizes = files.iter().filter_map(|file| std::fs::metadata(file).ok());
        bar.set_length(sizes.map(|metadata| metadata.len()).sum());
        let mut merge = Merge { feeds: Vec::new(), next: BinaryHeap::new(), bar };
        for (index, path) in files.iter().enumerate() {
            let tail = Tail::builder().file(path).from_start(true).build()?;
            let mut feed = Feed {
                path: path.clone(),
                tail,
                parser: LineParser::new(),
                lines: VecDeque::new(),
                time: None,
                is_read: false,
                bytes: 0,
            };
            merge.bar.inc(feed.fill(now));
            if let Some((time, _)) = feed.lines.front() {
                merge.next.push(Reverse((*time, index)));
            }
            merge.feeds.push(feed);
        }
        Ok(merge)
    }

    /// Calls `each` with every line, until it fails.
    pub(super) fn run<E>(
        &mut self,
        each: &mut dyn FnMut(&Merged<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(Reverse((_, file))) = self.next.pop() {
            let Some(feed) = self.feeds.get_mut(file) else { continue };
            // As long as no other file has an earlier line, this one goes on.
            let until = self.next.peek().map(|Reverse((time, _))| *time);
            while let Some((time, bytes)) = feed.lines.pop_front() {
                each(&Merged { source: &feed.path, file, time, bytes: &bytes })?;
                if feed.lines.is_empty() {
                    self.bar.inc(feed.fill(time));
                }
                let Some((time, _)) = feed.lines.front() else { break };
                if until.is_some_and(|until| *time > until) {
                    self.next.push(Reverse((*time, file)));
                    break;
                }
            }
        }
        Ok(())
    }

    /// What became of the files.
    pub(super) fn sources(&self) -> Vec<SourceStatus> {
        self.feeds.iter().flat_map(|feed| feed.tail.sources()).collect()
    }
}

impl Feed {
    /// Reads on; how many bytes of the file that were. `otherwise` is the time of lines at the beginning of a
    /// file that state none, and have none below them soon.
    fn fill(&mut self, otherwise: Timestamp) -> u64 {
        let before = self.bytes;
        while self.lines.is_empty() && !self.is_read {
            let mut untimed = 0;
            let Feed { tail, parser, lines, time, .. } = self;
            let mut take = |line: &[u8]| {
                let stated = parser.parse(line).timestamp;
                let (latest, first) = (*time, time.is_none());
                *time = match (latest, stated) {
                    // Disorder in a file does not reorder it.
                    (Some(latest), Some(stated)) => Some(latest.max(stated)),
                    (latest, stated) => latest.or(stated),
                };
                if first && time.is_none() {
                    untimed += 1;
                }
                lines.push_back((time.unwrap_or(otherwise), line.to_owned()));
            };
            let polled = tail.poll(LINES_A_TURN, &mut |line| take(line.bytes));
            if !polled.more {
                tail.finish(&mut |line| take(line.bytes));
                self.is_read = true;
            }
            if let Some((first, _)) = self.lines.get(untimed).map(|(time, _)| (*time, ())) {
                self.lines.iter_mut().take(untimed).for_each(|(time, _)| *time = first);
            }
        }
        self.bytes = bytes_read(&self.path, &self.tail).max(before);
        self.bytes - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: std::time::Duration = std::time::Duration::from_millis(500);

    #[test]
    fn lines_come_in_the_order_of_their_times() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(dir.path().join(name), text).unwrap();
            dir.path().join(name)
        };
        let time = |seconds: u32| format!("2026-11-24T08:00:{seconds:02}Z INFO x: ");
        let a = format!("head\n{0}a1\nmore\n{1}a5\n{2}a3\n", time(1), time(5), time(3));
        let b = format!("{0}b2\n{1}b4\n{2}b6", time(2), time(4), time(6));
        let files = [file("a.log", &a), file("b.log", &b), file("c.log", "no time\n")];
        // 2026-11-24T08:00:05Z, and a little.
        let now = Timestamp::from_unix_seconds(1_795_507_205).saturating_add(HALF);
        let mut merge = Merge::new(&files, now, ProgressBar::hidden()).unwrap();
        let mut seen = Vec::new();
        let outcome: Result<(), Error> = merge.run(&mut |line| {
            let text = String::from_utf8_lossy(line.bytes).into_owned();
            seen.push(format!("{}:{}", line.file, text.rsplit(' ').next().unwrap()));
            Ok(())
        });
        outcome.unwrap();
        let expect = ["0:head", "0:a1", "0:more", "1:b2", "1:b4", "0:a5", "0:a3", "2:time", "1:b6"];
        assert_eq!(seen, expect);
    }
}
