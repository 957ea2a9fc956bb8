//! The process's own output streams, without std's buffers between.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::str::FromStr;

use prisma_log_core::Error;

/// Which of the process's streams is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// Standard output: what containers collect.
    Stdout,
    /// Standard error: what leaves standard output to the program's own results.
    #[default]
    Stderr,
}

impl Stream {
    /// The stream's name: `stdout` or `stderr`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }

    /// A writer whose `write` is one system call, so that what was taken is known exactly.
    pub(crate) fn open(self) -> io::Result<Target> {
        let own = match self {
            Stream::Stdout => io::stdout().as_fd().try_clone_to_owned()?,
            Stream::Stderr => io::stderr().as_fd().try_clone_to_owned()?,
        };
        let file = File::from(own);
        let may_be_read_again = is_named_pipe(&file);
        Ok(Target { name: self.as_str(), writer: Box::new(file), may_be_read_again })
    }
}

/// Where lines go.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) writer: Box<dyn Write + Send>,
    /// Whether somebody else may come to read it after the last reader went.
    pub(crate) may_be_read_again: bool,
}

/// Whether the file is a pipe that has a name, by which a new reader can open it: all others are in
/// the kernel's own file system for pipes.
fn is_named_pipe(file: &File) -> bool {
    let pipe = |file: &File| file.metadata().ok().filter(|file| file.file_type().is_fifo());
    let nameless = || {
        let (reader, _writer) = io::pipe().ok()?;
        pipe(&File::from(OwnedFd::from(reader)))
    };
    pipe(file).is_some_and(|own| nameless().is_some_and(|other| other.dev() != own.dev()))
}

impl FromStr for Stream {
    type Err = Error;

    /// Reads `stdout` or `stderr`.
    ///
    /// # Errors
    /// On anything else.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "stdout" => Ok(Stream::Stdout),
            "stderr" => Ok(Stream::Stderr),
            _ => Err(Error::config(format!("unknown stream {text:?}"))
                .with_hint("expected stdout or stderr")),
        }
    }
}
