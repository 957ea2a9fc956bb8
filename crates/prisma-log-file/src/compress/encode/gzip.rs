//! RFC 1952.

use std::io::{self, Read, Write as _};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use prisma_log_core::Timestamp;

use super::Packer;

struct Gzip(GzEncoder<Vec<u8>>);

impl Packer for Gzip {
    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.try_finish()
    }

    fn output(&mut self) -> &mut Vec<u8> {
        self.0.get_mut()
    }
}

pub(super) fn packer(modified: Timestamp) -> Option<io::Result<Box<dyn Packer>>> {
    // 0, which stands for "unknown", outside the years 1970 to 2106.
    let seconds = u32::try_from(modified.unix_nanos() / 1_000_000_000).unwrap_or(0);
    let encoder = GzBuilder::new().mtime(seconds).write(Vec::new(), Compression::default());
    Some(Ok(Box::new(Gzip(encoder))))
}

pub(super) fn unpacker<'a>(packed: impl Read + 'a) -> Option<io::Result<Box<dyn Read + 'a>>> {
    Some(Ok(Box::new(MultiGzDecoder::new(packed))))
}
