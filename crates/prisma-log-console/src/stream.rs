//! The process's own output streams, without std's buffers between.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
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
    pub(crate) fn open(self) -> io::Result<Box<dyn Write + Send>> {
        let own = match self {
            Stream::Stdout => io::stdout().as_fd().try_clone_to_owned()?,
            Stream::Stderr => io::stderr().as_fd().try_clone_to_owned()?,
        };
        Ok(Box::new(File::from(own)))
    }
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
