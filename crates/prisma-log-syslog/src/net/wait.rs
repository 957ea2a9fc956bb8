//! Waiting for a socket, for a bounded time.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits until the socket is ready for one of these, has an error, or the time is over; returns
/// what it is ready for.
pub(crate) fn wait(socket: BorrowedFd<'_>, wanted: PollFlags, time: Duration) -> PollFlags {
    let deadline = Instant::now() + time;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or_default();
        let mut polled = [PollFd::from_borrowed_fd(socket, wanted)];
        match poll(&mut polled, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) if !left.is_zero() => {}
            _ => return polled[0].revents(),
        }
    }
}
