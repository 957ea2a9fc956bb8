//! Settings of a follower.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::source::Settings;
use super::{Checkpoint, Tail};

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
    pub(super) checkpoints: Vec<Checkpoint>,
}

/// Bounds of `max_line_bytes`.
const LINE_BYTES: std::ops::RangeInclusive<usize> = 16..=1 << 30;

impl TailBuilder {
    pub(super) fn new() -> Self {
        TailBuilder {
            files: Vec::new(),
            globs: Vec::new(),
            from_start: false,
            max_line_bytes: 1 << 20,
            poll_interval: Duration::from_millis(100),
            linger: Duration::from_secs(5),
            checkpoints: Vec::new(),
        }
    }

    /// Follows the file at this path, which need not exist yet.
    ///
    /// Several spellings of one path count once; a link that is given here is a file of its own.
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
    /// sake are rotated files of a followed one (`app.log.1`, `app.log-20261124`, `app.log.old`),
    /// compressed ones (`.gz`, `.zst`, `.bz2`, `.xz`, `.zip`, `.lz4`), `.lock`, `.torn` and `.tmp`,
    /// files that start with a dot, and links and other second names of a file that is followed.
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
        if !LINE_BYTES.contains(&self.max_line_bytes) {
            let (least, most) = (LINE_BYTES.start(), LINE_BYTES.end());
            return Err(Error::config(format!(
                "max_line_bytes is {}: expected {least} to {most}",
                self.max_line_bytes
            )));
        }
        Ok(Settings {
            max_line: self.max_line_bytes,
            poll_interval: self.poll_interval,
            linger: self.linger,
        })
    }
}
