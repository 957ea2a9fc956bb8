//! How much of what was written to a socket the other end does not have yet.

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `TIOCOUTQ` (asm-generic/ioctls.h), another name for `SIOCOUTQ`.
const SIOCOUTQ: Opcode = 0x5411;
/// Whether that is its number here.
const IS_KNOWN: bool = cfg!(all(
    target_os = "linux",
    any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "s390x",
        target_arch = "loongarch64"
    )
));

/// `SIOCOUTQ`: over TCP, how many bytes the other end's kernel has not acknowledged, whether the
/// connection stands or broke; on a unix stream, more than 0 as long as the other end has not read
/// everything. `None` where the system does not tell.
#[expect(unsafe_code, reason = "the only way to ask is an ioctl, and none is safe in general")]
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> Option<u64> {
    if !IS_KNOWN {
        return None;
    }
    // SAFETY: `SIOCOUTQ` writes one `int` to the address that it is given and reads nothing from
    // there (tcp(7), unix(7)). `Getter` gives it the address of a `c_int` of its own. A descriptor
    // of another kind answers with an error, or, a terminal, with an `int` as well.
    let bytes: c_int = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) }.ok()?;
    u64::try_from(bytes).ok()
}
