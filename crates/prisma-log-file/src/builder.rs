//! What a file sink is built from, and which settings make no sense.

use std::path::PathBuf;
use std::sync::Arc;

use prisma_log_core::{Clock, Encoder, Error, SystemClock};

use crate::failure::{ErrorHandler, Failures};
use crate::file::{FileOptions, LogFile};
use crate::fs::Fs;
use crate::names::Names;
use crate::plan::Plan;
use crate::real::RealFs;
use crate::{Compression, FileSink, Retention, Rotation, Sync};

const DEFAULT_MODE: u32 = 0o640;

/// Builds a [`FileSink`].
#[must_use = "nothing is opened before `build`"]
pub struct FileSinkBuilder {
    path: PathBuf,
    encoder: Option<Box<dyn Encoder>>,
    rotation: Option<Rotation>,
    retention: Retention,
    compression: Compression,
    current_link: Option<PathBuf>,
    sync: Sync,
    sync_on_flush: bool,
    delete_when_full: Option<usize>,
    mode: u32,
    create_dirs: bool,
    on_error: Option<ErrorHandler>,
    clock: Box<dyn Clock>,
    fs: Option<Arc<dyn Fs>>,
}

impl FileSinkBuilder {
    pub(crate) fn new(path: PathBuf) -> Self {
        FileSinkBuilder {
            path,
            encoder: None,
            rotation: None,
            retention: Retention::new(),
            compression: Compression::None,
            current_link: None,
            sync: Sync::PageCache,
            sync_on_flush: false,
            delete_when_full: None,
            mode: DEFAULT_MODE,
            create_dirs: true,
            on_error: None,
            clock: Box::new(SystemClock),
            fs: None,
        }
    }

    /// How records are written; by default one flat JSON object a line
    /// ([`JsonEncoder`](prisma_log_format::JsonEncoder)).
    pub fn encoder(mut self, encoder: impl Encoder + 'static) -> Self {
        self.encoder = Some(Box::new(encoder));
        self
    }

    /// When the file becomes an archive and a new one is begun; by default on demand only
    /// ([`SinkCommand::Rotate`](prisma_log_core::SinkCommand::Rotate)).
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.rotation = Some(rotation);
        self
    }

    /// Which archives are kept; by default 5 where a [rotation](Self::rotation) is set, else all.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// How archives are compressed; by default they are not.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Keeps a symbolic link at `path` that leads to the file; by default there is none.
    ///
    /// It is made when the sink is built, and again when the folder was replaced. A link of this
    /// user that is there is replaced; anything else of that name is refused.
    pub fn current_link(mut self, path: impl Into<PathBuf>) -> Self {
        self.current_link = Some(path.into());
        self
    }

    /// How far records are brought without a flush; by default to the kernel.
    pub fn sync(mut self, sync: Sync) -> Self {
        self.sync = sync;
        self
    }

    /// Lets the sink delete its own archives, oldest first, when the disk or the quota is full;
    /// the newest `keep` stay. By default none is deleted, and records wait for room.
    pub fn delete_when_full(mut self, keep: usize) -> Self {
        self.delete_when_full = Some(keep);
        self
    }

    /// Permission bits of files that the sink creates, whatever the umask; by default `0o640`.
    /// Must let the owner read and write. A file that exists keeps its own.
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = bits;
        self
    }

    /// Whether missing folders are created, at build and when they vanish later; by default
    /// they are, with what the umask leaves of the permissions `0o755`.
    pub fn create_dirs(mut self, create: bool) -> Self {
        self.create_dirs = create;
        self
    }

    /// Whether a flush waits for stable storage (`fdatasync`); by default it does not, unless
    /// [`sync`](Self::sync) says so.
    pub fn sync_on_flush(mut self, sync: bool) -> Self {
        self.sync_on_flush = sync;
        self
    }

    /// Called with failures that cost no record, such as a rotation that the operating system
    /// refused: the sink goes on in the current file and tries again later, at most once a
    /// second and less often while it keeps failing. Without a handler they go to stderr, a line
    /// each.
    pub fn on_error(
        mut self,
        handler: impl Fn(&Error) + Send + std::marker::Sync + 'static,
    ) -> Self {
        self.on_error = Some(Box::new(handler));
        self
    }

    /// What the calendar of a rotation goes by; by default the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    #[cfg(test)]
    pub(crate) fn fs(mut self, fs: Arc<dyn Fs>) -> Self {
        self.fs = Some(fs);
        self
    }

    /// Opens or creates the file and repairs its tail.
    ///
    /// # Errors
    /// When a setting makes no sense; when the path is no regular file (or a symbolic link), has a
    /// second name, belongs to somebody else, or lies in a folder where anybody may replace it; or
    /// when the operating system refuses to open or create it.
    pub fn build(self) -> Result<FileSink, Error> {
        let shown = self.path.display();
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
        Names::check_base(self.path.file_name().unwrap_or_default())?;
        if let Sync::Every { interval, records } = self.sync
            && (interval.is_zero() || records == 0)
        {
            return Err(Error::config(format!(
                "sync of {shown} waits for no time or no record, must wait for some"
            ))
            .with_hint("1 record is as strict as it gets"));
        }
        let plan =
            Plan::new(&self.path, self.rotation.as_ref(), &self.retention, self.compression)?;
        // A program that changes its working directory later must not take its log along.
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).map_err(|error| Error::io_at("find", path, error))
        };
        let path = absolute(&self.path)?;
        let link = self.current_link.as_ref().map(absolute).transpose()?;
        if let Some(link) = &link
            && (link.file_name().is_none() || *link == path)
        {
            return Err(Error::config(format!("{} can't be a link to {shown}", link.display()))
                .with_hint("give the link a name of its own, such as logs/current"));
        }
        let options = FileOptions {
            path,
            mode: self.mode,
            create_dirs: self.create_dirs,
            plan,
            sync: self.sync,
            sync_on_flush: self.sync_on_flush,
            link,
            keep_when_full: self.delete_when_full,
        };
        let encoder =
            self.encoder.unwrap_or_else(|| Box::new(prisma_log_format::JsonEncoder::new()));
        let failures = Arc::new(Failures::new(self.on_error));
        let fs = self.fs.unwrap_or_else(|| Arc::new(RealFs::new(self.clock)));
        let file = LogFile::open(options, fs, failures)?;
        Ok(FileSink::new(encoder, file))
    }
}

impl std::fmt::Debug for FileSinkBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSinkBuilder")
            .field("path", &self.path)
            .field("rotation", &self.rotation)
            .field("retention", &self.retention)
            .field("compression", &self.compression)
            .field("sync", &self.sync)
            .field("mode", &format_args!("{:#o}", self.mode))
            .finish_non_exhaustive()
    }
}
