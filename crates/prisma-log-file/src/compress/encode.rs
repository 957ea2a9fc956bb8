//! The formats, each only if it was built in.

use std::io::{self, Read};

use prisma_log_core::Timestamp;

use crate::compression::Packing;

#[cfg(not(all(feature = "gzip", feature = "zstd")))]
mod absent;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(not(feature = "gzip"))]
use absent as gzip;
#[cfg(not(feature = "zstd"))]
use absent as zstd;

/// Takes bytes and gives fewer.
pub(super) trait Packer {
    fn feed(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// No more bytes will come.
    fn finish(&mut self) -> io::Result<()>;

    /// What is ready to be written; whoever writes it clears it.
    fn output(&mut self) -> &mut Vec<u8>;
}

/// `None` when the format was not built in. `modified` is told where the format has a place for it.
pub(super) fn packer(packing: Packing, modified: Timestamp) -> Option<io::Result<Box<dyn Packer>>> {
    match packing {
        Packing::Gzip => gzip::packer(modified),
        Packing::Zstd => zstd::packer(modified),
    }
}

/// `None` when the format was not built in.
pub(super) fn unpacker<'a>(
    packing: Packing,
    packed: impl Read + 'a,
) -> Option<io::Result<Box<dyn Read + 'a>>> {
    match packing {
        Packing::Gzip => gzip::unpacker(packed),
        Packing::Zstd => zstd::unpacker(packed),
    }
}
