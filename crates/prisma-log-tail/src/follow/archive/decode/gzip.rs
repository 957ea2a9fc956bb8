//! RFC 1952.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Decoder, Step};

pub(super) const IS_BUILT_IN: bool = true;

/// The largest window that the format has: 32 KiB.
const WINDOW_BITS: u8 = 15;

struct Gzip(Decompress);

impl Decoder for Gzip {
    fn step(&mut self, packed: &[u8], into: &mut [u8]) -> Result<Step, String> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(packed, into, FlushDecompress::None);
        let status = status.map_err(|error| error.to_string())?;
        Ok(Step {
            read: (self.0.total_in() - read) as usize,
            written: (self.0.total_out() - written) as usize,
            ended: status == Status::StreamEnd,
        })
    }
}

pub(super) fn decoder() -> Result<Box<dyn Decoder>, String> {
    Ok(Box::new(Gzip(Decompress::new_gzip(WINDOW_BITS))))
}
