//! What a file sink is built from, and which settings make no sense.

use std::path::PathBuf;

use prisma_log_core::{Encoder, Error};

use crate::FileSink;
use crate::failure::{ErrorHandler, Failures};
use crate::file::{FileOptions, LogFile};
use crate::os::{Os, RealOs};

/// Smallest limit that makes sense: below it, most records would get a file of their own.
const LEAST_FILE_BYTES: u64 = 1024;
const DEFAULT_BACKUPS: usize = 5;
const DEFAULT_MODE: u32 = 0o640;

/// Builds a [`FileSink`].
#[must_use = "nothing is opened before `build`"]
pub struct FileSinkBuilder {
    path: PathBuf,
    encoder: Option<Box<dyn Encoder>>,
    max_file_bytes: Option<u64>,
    max_backups: usize,
    mode: u32,
    create_dirs: bool,
    sync_on_flush: bool,
    on_error: Option<ErrorHandler>,
    os: Box<dyn Os>,
}

impl FileSinkBuilder {
    pub(crate) fn new(path: PathBuf) -> Self {
        FileSinkBuilder {
            path,
            encoder: None,
            max_file_bytes: None,
            max_backups: DEFAULT_BACKUPS,
            mode: DEFAULT_MODE,
            create_dirs: true,
            sync_on_flush: false,
            on_error: None,
            os: Box::new(RealOs),
        }
    }

    /// How records are written; by default one flat JSON object a line
    /// ([`JsonEncoder`](prisma_log_format::JsonEncoder)).
    pub fn encoder(mut self, encoder: impl Encoder + 'static) -> Self {
        self.encoder = Some(Box::new(encoder));
        self
    }

    /// Rotates before the file would grow past this many bytes; at least 1,024. By default the
    /// file is never rotated.
    ///
    /// A record that is larger gets a file of its own. Where several processes write one file,
    /// each may add the batch that it is writing at that moment.
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = Some(bytes);
        self
    }

    /// How many rotated files are kept beside the current one, `app.log.1` being the newest;
    /// by default 5. The oldest beyond that is deleted after each rotation.
    ///
    /// Every regular file of such a name counts as one, up to the first number that is free;
    /// what stands beyond that, such as `app.log.20261124`, is left alone.
    ///
    /// **0 deletes the current file when it is full**: every record in it is gone. It is never
    /// chosen for you.
    pub fn max_backups(mut self, count: usize) -> Self {
        self.max_backups = count;
        self
    }

    /// Permission bits of files that the sink creates, whatever the umask; by default `0o640`.
    /// Must let the owner read and write. A file that exists keeps its own.
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = bits;
        self
    }

    /// Whether missing folders are created, at build and when they vanish later; by default
    /// they are, with the permissions that the umask leaves.
    pub fn create_dirs(mut self, create: bool) -> Self {
        self.create_dirs = create;
        self
    }

    /// Whether a flush waits for stable storage (`fdatasync`); by default it does not.
    pub fn sync_on_flush(mut self, sync: bool) -> Self {
        self.sync_on_flush = sync;
        self
    }

    /// Called with failures that cost no record, such as a rotation that the operating system
    /// refused: the sink goes on in the current file and tries again later, at most once a
    /// second and less often while it keeps failing. Without a handler they go to stderr, a line
    /// each.
    pub fn on_error(mut self, handler: impl Fn(&Error) + Send + 'static) -> Self {
        self.on_error = Some(Box::new(handler));
        self
    }

    #[cfg(test)]
    pub(crate) fn os(mut self, os: impl Os + 'static) -> Self {
        self.os = Box::new(os);
        self
    }

    /// Opens or creates the file and repairs its tail.
    ///
    /// # Errors
    /// When a setting makes no sense, the path is no regular file (or a symbolic link), or the
    /// operating system refuses to open or create it.
    pub fn build(self) -> Result<FileSink, Error> {
        let shown = self.path.display();
        if let Some(bytes) = self.max_file_bytes.filter(|&bytes| bytes < LEAST_FILE_BYTES) {
            return Err(Error::config(format!(
                "max_file_bytes of {shown} is {bytes}, must be at least {LEAST_FILE_BYTES}"
            ))
            .with_hint("leave it unset for a file that is never rotated"));
        }
        if self.mode & 0o600 != 0o600 || self.mode > 0o777 {
            return Err(Error::config(format!(
                "mode of {shown} is {:#o}, must let the owner read and write and be at most 0o777",
                self.mode
            ))
            .with_hint("the default is 0o640"));
        }
        if self.path.file_name().is_none()
            || self.path.as_os_str().as_encoded_bytes().ends_with(b"/")
        {
            return Err(Error::config(format!("{:?} names no file", self.path))
                .with_hint("give the path of the log file itself, such as logs/app.log"));
        }
        // A program that changes its working directory later must not take its log along.
        let path = std::path::absolute(&self.path)
            .map_err(|error| Error::io_at("find", &self.path, error))?;
        let options = FileOptions {
            path,
            max_bytes: self.max_file_bytes,
            max_backups: self.max_backups,
            mode: self.mode,
            create_dirs: self.create_dirs,
            sync: self.sync_on_flush,
        };
        let encoder =
            self.encoder.unwrap_or_else(|| Box::new(prisma_log_format::JsonEncoder::new()));
        let failures = Failures::new(self.on_error);
        let file = LogFile::open(options, self.os, failures)?;
        Ok(FileSink::new(encoder, file))
    }
}

impl std::fmt::Debug for FileSinkBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSinkBuilder")
            .field("path", &self.path)
            .field("max_file_bytes", &self.max_file_bytes)
            .field("max_backups", &self.max_backups)
            .field("mode", &format_args!("{:#o}", self.mode))
            .finish_non_exhaustive()
    }
}
