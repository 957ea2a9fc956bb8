//! What the operating system's refusals mean, and how soon they are tried again.

use std::io::{self, ErrorKind};
use std::time::Duration;

use prisma_log_core::Error;

use crate::file::Spoilt;

/// `EIO`, which std has no name for.
const INPUT_OUTPUT: i32 = rustix::io::Errno::IO.raw_os_error();

/// How often a call that a signal interrupted is made again.
const PATIENCE: usize = 100;

/// Makes the call, and makes it again where a signal interrupted it.
pub(crate) fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..PATIENCE {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
    call()
}

/// Whether there is no room: deleting something may help.
pub(crate) fn is_full(error: &Error) -> bool {
    matches!(error.io_kind(), Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// Whether the open file is to blame for a write that failed: then a new one is opened.
pub(crate) fn spoils(error: &io::Error) -> Option<Spoilt> {
    if error.raw_os_error() == Some(INPUT_OUTPUT) {
        return Some(Spoilt::Write);
    }
    match error.kind() {
        ErrorKind::FileTooLarge => Some(Spoilt::Write),
        ErrorKind::StaleNetworkFileHandle => Some(Spoilt::Handle),
        _ => None,
    }
}

/// How soon a batch that failed is tried again: after 50 ms, then twice as long each time, up to
/// half a second.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    last: Option<Duration>,
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_millis(500);

    pub(crate) fn failed(&mut self) -> Duration {
        let wait = self.last.map_or(Self::FIRST, |last| (last * 2).min(Self::LONGEST));
        self.last = Some(wait);
        wait
    }

    pub(crate) fn succeeded(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_up_to_half_a_second_and_forgets_on_success() {
        let mut retry = Retry::default();
        let waits: Vec<_> = (0..6).map(|_| retry.failed().as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 500, 500]);
        retry.succeeded();
        assert_eq!(retry.failed(), Duration::from_millis(50));
    }

    #[test]
    fn what_errors_mean() {
        use rustix::io::Errno;
        let check = |errno: Errno, full: bool, spoilt: Option<Spoilt>| {
            let error = io::Error::from(errno);
            assert_eq!(spoils(&error), spoilt, "{error}");
            assert_eq!(is_full(&Error::io("cannot write", error)), full, "{errno}");
        };
        check(Errno::NOSPC, true, None);
        check(Errno::DQUOT, true, None);
        check(Errno::IO, false, Some(Spoilt::Write));
        check(Errno::FBIG, false, Some(Spoilt::Write));
        check(Errno::STALE, false, Some(Spoilt::Handle));
        check(Errno::ROFS, false, None);
        check(Errno::MFILE, false, None);
        check(Errno::INTR, false, None);
    }
}
