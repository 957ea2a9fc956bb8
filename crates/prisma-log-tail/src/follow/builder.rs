//! Settings of a follower.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::archive::Limits;
use super::source::Settings;
use super::{Checkpoint, Tail};
use crate::Joiner;

/// Settings of a [`Tail`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use prisma_log_tail::{LineParser, Tail};
///
/// # fn main() -> Result<(), prisma_log_core::Error> {
/// let mut tail = Tail::builder()
///     .file("/var/log/prisma/app.log")
///     .glob("/var/log/nginx/*.log")
///     .poll_interval(Duration::from_millis(50))
///     .build()?;
/// let mut parser = LineParser::new();
/// let outcome = tail.poll(1000, &mut |line| {
///     let record = parser.parse(line.bytes);
///     println!("{}: {:?} {}", line.source.display(), record.level, record.message);
/// });
/// if !outcome.more {
///     std::thread::sleep(tail.poll_interval());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TailBuilder {
    pub(super) files: Vec<PathBuf>,
    pub(super) globs: Vec<String>,
    pub(super) from_start: bool,
    max_line_bytes: usize,
    poll_interval: Duration,
    linger: Duration,
    archives: Limits,
    join: Option<Joiner>,
    pub(super) checkpoints: Vec<Checkpoint>,
}

/// Bounds of `max_line_bytes`.
const LINE_BYTES: std::ops::RangeInclusive<usize> = 16..=1 << 30;

/// # Errors
/// When it is out of its range.
pub(super) fn check_line_bytes(max_line_bytes: usize) -> Result<(), Error> {
    if LINE_BYTES.contains(&max_line_bytes) {
        return Ok(());
    }
    let (least, most) = (LINE_BYTES.start(), LINE_BYTES.end());
    Err(Error::config(format!("max_line_bytes is {max_line_bytes}: expected {least} to {most}")))
}

impl TailBuilder {
    pub(super) fn new() -> Self {
        TailBuilder {
            files: Vec::new(),
            globs: Vec::new(),
            from_start: false,
            max_line_bytes: 1 << 20,
            poll_interval: Duration::from_millis(100),
            linger: Duration::from_secs(5),
            archives: Limits { bytes: 64 << 30, ratio: 1_000 },
            join: None,
            checkpoints: Vec::new(),
        }
    }

    /// Follows the file at this path, which need not exist yet.
    ///
    /// Several spellings of one path count once; a link that is given here is a file of its own.
    ///
    /// An archive (`.gz` with the feature `gzip`, `.zst` with `zstd`) is read from its start if
    /// [`TailBuilder::from_start`] is set or it appears later, one archive after the other.
    ///
    /// A file that is named as the rotated file of another one given here (`app.log.1` beside
    /// `app.log`) is read, but nothing that takes its place.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Follows all regular files that match: `*`, `?`, `[a-z]`, and `**` for any directories.
    ///
    /// The search is repeated every second, and files that appear join. Not followed for their own
    /// sake are rotated files of a followed one (`app.log.1`, `app.log-20261124`, `app.log.2.gz`),
    /// compressed ones (`.gz`, `.zst`, `.bz2`, `.xz`, `.zip`, `.lz4`), `.lock`, `.torn` and `.tmp`,
    /// files that start with a dot, and links and other second names of a file that is followed.
    /// A pattern that ends with `.gz` or `.zst` finds archives, as [`TailBuilder::file`] takes them.
    pub fn glob(mut self, pattern: impl Into<String>) -> Self {
        self.globs.push(pattern.into());
        self
    }

    /// Whether to read files that exist already from their start; the default is `false`: from
    /// their end. Files that appear later are always read from their start.
    pub fn from_start(mut self, yes: bool) -> Self {
        self.from_start = yes;
        self
    }

    /// Longest line in bytes, without its line end; default 1 MiB, from 16 bytes to 1 GiB. Longer
    /// ones are handed out cut (not inside a UTF-8 character) and counted, their rest is skipped.
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// Least time between two looks at what stands at the paths; default 100 ms. New lines in open
    /// files are seen at every poll; patterns are searched for at most once a second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Grace period for rotated and deleted files; default 5 s. For so long after its last growth
    /// such a file is kept open for writers that have not noticed, and its incomplete last line is
    /// held.
    pub fn linger(mut self, grace: Duration) -> Self {
        self.linger = grace;
        self
    }

    /// Most text that is read of one archive, in bytes; default 64 GiB. The rest of a bigger one is
    /// skipped: the source fails, and counts a gap.
    pub fn max_archive_bytes(mut self, bytes: u64) -> Self {
        self.archives.bytes = bytes;
        self
    }

    /// How many times its size an archive may hold at most, once that is more than 16 MiB; default
    /// 1,000, from 1. Logs have a ratio of 5 to 100, bombs one of thousands (gzip goes to 1,032).
    /// The rest of a bigger one is skipped, as with [`TailBuilder::max_archive_bytes`].
    pub fn max_archive_ratio(mut self, ratio: u32) -> Self {
        self.archives.ratio = u64::from(ratio);
        self
    }

    /// Hands out whole records of several lines; the default is none: lines alone.
    ///
    /// A block then begins and ends with a record, and a checkpoint is never inside one. The last
    /// record of a file is held until the next one begins, or the file has been quiet for
    /// [`JoinerBuilder::wait`](crate::JoinerBuilder::wait), or was rotated away. Which lines of a
    /// block are one record is asked with [`Joiner::finder`] or [`Joiner::records`].
    ///
    /// [`Tail::poll`] still counts lines, but goes beyond `max_lines` for the rest of a record.
    pub fn join(mut self, joiner: Joiner) -> Self {
        self.join = Some(joiner);
        self
    }

    /// Continues from where an earlier follower stood. Only those for paths that are followed
    /// count; of several for one path the last one. A path with a checkpoint ignores
    /// [`TailBuilder::from_start`].
    pub fn checkpoints(mut self, checkpoints: impl IntoIterator<Item = Checkpoint>) -> Self {
        self.checkpoints.extend(checkpoints);
        self
    }

    /// Builds the follower and opens what exists.
    ///
    /// # Errors
    /// When nothing is to be followed, a pattern is malformed or a setting is out of its range.
    /// That a file can't be read is no error here: see [`Tail`].
    pub fn build(self) -> Result<Tail, Error> {
        Tail::from_builder(self)
    }

    pub(super) fn settings(&self) -> Result<Settings, Error> {
        if self.files.is_empty() && self.globs.is_empty() {
            return Err(Error::config("nothing to follow: neither a file nor a pattern was given"));
        }
        check_line_bytes(self.max_line_bytes)?;
        if self.archives.ratio == 0 {
            return Err(Error::config("max_archive_ratio is 0: expected 1 or more"));
        }
        Ok(Settings {
            max_line: self.max_line_bytes,
            poll_interval: self.poll_interval,
            linger: self.linger,
            archives: self.archives,
            join: self.join.clone(),
        })
    }
}
