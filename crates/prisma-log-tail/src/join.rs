//! Which lines are one record: stack traces and other text of several lines.

mod finder;
mod head;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

pub use finder::RecordFinder;
use head::{Trace, continues, is_head};

/// Bounds of `max_lines`.
const LINES: std::ops::RangeInclusive<usize> = 1..=1_000_000;
/// Bounds of `max_bytes`.
const BYTES: std::ops::RangeInclusive<usize> = 1..=1 << 30;

/// What tells that a line begins a record.
type Starts = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Says which lines are one record: a line that begins one, and those that continue it.
///
/// A pure function of the lines: nothing is held here and nothing is copied. From the beginning of a
/// record on, where the next ones begin depends on nothing that was before.
///
/// # What begins a record
/// Unless [`JoinerBuilder::starts`] says otherwise: a line that states a time or a level at its
/// start, and a JSON object. All lines behind it up to the next such line continue it. A line that
/// begins otherwise and follows no such line is a record of its own, which is continued by indented
/// and empty lines, by `at …`, `Caused by:`, `Traceback`, the blocks of goroutines and the like.
///
/// # Examples
/// ```
/// let joiner = prisma_log_tail::Joiner::default();
/// let block = b"2026-11-24 08:00:03 ERROR no way to go on\njava.io.IOException: disk\n\tat X.y(X.java:3)\n2026-11-24 08:00:04 INFO next\n";
/// let records: Vec<_> = joiner.records(block).collect();
/// assert_eq!(records.len(), 2);
/// assert!(block[records[0].clone()].ends_with(b"\tat X.y(X.java:3)"));
/// ```
#[derive(Clone)]
pub struct Joiner {
    starts: Option<Starts>,
    max_lines: usize,
    max_bytes: usize,
    wait: Duration,
}

/// Settings of a [`Joiner`].
#[derive(Clone)]
#[must_use]
pub struct JoinerBuilder {
    joiner: Joiner,
}

impl Joiner {
    /// Settings with their defaults.
    pub fn builder() -> JoinerBuilder {
        JoinerBuilder { joiner: Joiner::default() }
    }

    /// The records of a block that begins with one, without their last line ends. The block is whole
    /// lines, as in [`Block::bytes`](crate::Block::bytes).
    pub fn records<'a>(&'a self, block: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at;
            (start < block.len()).then(|| {
                at = self.end(block, start);
                start..finder::without_line_end(block, start, at)
            })
        })
    }

    /// Finds the records around chosen lines of a block that begins with a record: for who looks at
    /// few lines.
    pub fn finder<'a>(&'a self, block: &'a [u8]) -> RecordFinder<'a> {
        RecordFinder::new(self, block)
    }

    /// How long to wait for more lines of the last record.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// Whether a line always begins a record.
    pub(crate) fn begins(&self, line: &[u8]) -> bool {
        match &self.starts {
            Some(starts) => starts(line),
            None => is_head(line),
        }
    }

    /// Where the record that begins at `start` ends, or the block.
    fn end(&self, block: &[u8], start: usize) -> usize {
        self.end_in(block, start).0
    }

    /// As [`Joiner::end`], and whether it is sure: no further line would continue the record.
    pub(crate) fn end_in(&self, block: &[u8], start: usize) -> (usize, bool) {
        let first = finder::line_end(block, start);
        let line = line_at(block, start, first);
        let joins_all = self.starts.is_some() || is_head(line);
        let mut trace = Trace::new(line);
        let (mut at, mut lines) = (first, 1);
        loop {
            if lines >= self.max_lines || at - start >= self.max_bytes {
                return (at, true);
            }
            if at == block.len() {
                return (at, false);
            }
            let end = finder::line_end(block, at);
            let line = line_at(block, at, end);
            let goes_on = !self.begins(line) && (joins_all || trace.takes(line) || continues(line));
            if !goes_on || end - start > self.max_bytes {
                return (at, true);
            }
            (at, lines) = (end, lines + 1);
        }
    }

    /// Where the last record of complete lines that begin with a record begins, and whether it is
    /// sure that it has ended.
    pub(crate) fn last(&self, block: &[u8]) -> (usize, bool) {
        let last_line = block.len() - 1;
        let line = memchr::memrchr(b'\n', &block[..last_line]).map_or(0, |lf| lf + 1);
        let start = self.finder(block).start(line);
        (start, self.end_in(block, start).1)
    }
}

impl Default for Joiner {
    fn default() -> Self {
        Joiner { starts: None, max_lines: 500, max_bytes: 64 * 1024, wait: Duration::from_secs(1) }
    }
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = if self.starts.is_some() { "given" } else { "built in" };
        f.debug_struct("Joiner")
            .field("starts", &starts)
            .field("max_lines", &self.max_lines)
            .field("max_bytes", &self.max_bytes)
            .field("wait", &self.wait)
            .finish()
    }
}

impl fmt::Debug for JoinerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinerBuilder").field("joiner", &self.joiner).finish()
    }
}

impl JoinerBuilder {
    /// What begins a record, such as a regular expression's match; it is given lines without their
    /// line ends, and every other line continues a record. The default is described at [`Joiner`].
    pub fn starts(mut self, starts: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.joiner.starts = Some(Arc::new(starts));
        self
    }

    /// Most lines of one record; default 500, from 1 to 1,000,000. What comes behind them is a
    /// record of its own.
    pub fn max_lines(mut self, lines: usize) -> Self {
        self.joiner.max_lines = lines;
        self
    }

    /// Most bytes of one record, line ends included; default 64 KiB, from 1 byte to 1 GiB. What comes
    /// behind them is a record of its own; a longer line is never split here.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.joiner.max_bytes = bytes;
        self
    }

    /// How long a source has to be quiet until its last record counts as ended; default 1 s.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.joiner.wait = wait;
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn build(self) -> Result<Joiner, Error> {
        let Joiner { max_lines, max_bytes, .. } = self.joiner;
        for (name, value, range) in
            [("max_lines", max_lines, LINES), ("max_bytes", max_bytes, BYTES)]
        {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(Error::config(format!(
                    "{name} of a record is {value}: expected {least} to {most}"
                )));
            }
        }
        Ok(self.joiner)
    }
}

fn line_at(block: &[u8], start: usize, end: usize) -> &[u8] {
    &block[start..finder::without_line_end(block, start, end)]
}

#[cfg(test)]
mod tests;
