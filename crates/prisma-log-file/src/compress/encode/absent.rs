//! A format that was not built in.

use std::io::{self, Read};

use prisma_log_core::Timestamp;

use super::Packer;

pub(super) fn packer(_modified: Timestamp) -> Option<io::Result<Box<dyn Packer>>> {
    None
}

pub(super) fn unpacker<'a>(_packed: impl Read + 'a) -> Option<io::Result<Box<dyn Read + 'a>>> {
    None
}
