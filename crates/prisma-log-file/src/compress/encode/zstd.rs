//! RFC 8878.

use std::io::{self, Read, Write as _};

use prisma_log_core::Timestamp;
use zstd::stream::{read, write};

use super::Packer;

/// What the library takes for a good middle; higher ones cost memory and time by the multiple.
const LEVEL: i32 = 3;

struct Zstd(write::Encoder<'static, Vec<u8>>);

impl Packer for Zstd {
    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.do_finish()
    }

    fn output(&mut self) -> &mut Vec<u8> {
        self.0.get_mut()
    }
}

pub(super) fn packer(_modified: Timestamp) -> Option<io::Result<Box<dyn Packer>>> {
    let encoder = write::Encoder::new(Vec::new(), LEVEL).and_then(|mut encoder| {
        encoder.include_checksum(true)?;
        Ok(encoder)
    });
    Some(encoder.map(|encoder| Box::new(Zstd(encoder)) as Box<dyn Packer>))
}

pub(super) fn unpacker<'a>(packed: impl Read + 'a) -> Option<io::Result<Box<dyn Read + 'a>>> {
    Some(read::Decoder::new(packed).map(|decoder| Box::new(decoder) as Box<dyn Read + 'a>))
}
