//! How a command ends: exit codes, and what is said on stderr.

use std::io;
use std::process::ExitCode;

use prisma_log_core::Error;

use crate::present;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Errors to show; exit code 2 when the call or a file that it names is at fault, else 1.
    Errors { usage: bool, errors: Vec<Error> },
    /// All has been said already.
    Shown { usage: bool },
    /// Whoever read the output has gone: nothing to say, and no failure of ours.
    OutputClosed,
}

pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// The call itself is wrong.
    pub(crate) fn usage(error: Error) -> Self {
        Failure::Errors { usage: true, errors: vec![error] }
    }

    /// Several things are wrong with a file that the call names.
    pub(crate) fn all(errors: Vec<Error>) -> Self {
        let usage = errors.iter().any(Error::is_config);
        Failure::Errors { usage, errors }
    }

    /// Says on stderr what happened and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Failure::Errors { usage, errors } => {
                for error in &errors {
                    present::error::print(error);
                }
                code(usage)
            }
            Failure::Shown { usage } => code(usage),
            Failure::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

/// 2 when the call, or a file that it names, is at fault; else 1.
fn code(usage: bool) -> ExitCode {
    ExitCode::from(if usage { 2 } else { 1 })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // The one pipe that commands write to is stdout.
        if error.io_kind() == Some(io::ErrorKind::BrokenPipe) {
            Failure::OutputClosed
        } else {
            Failure::all(vec![error])
        }
    }
}

/// For writing to stdout, and nothing else.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::from(Error::io("cannot write to stdout", error))
    }
}
