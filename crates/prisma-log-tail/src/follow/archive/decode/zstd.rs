//! RFC 8878.

use zstd::stream::raw;
use zstd::stream::raw::Operation as _;

use super::{Decoder, Step};

pub(super) const IS_BUILT_IN: bool = true;

/// The largest window that is taken: 32 MiB, as much as `zstd -22` needs for files of that size.
/// RFC 8878 asks for 8 MiB at least.
const WINDOW_LOG: u32 = 25;

struct Zstd(raw::Decoder<'static>);

impl Decoder for Zstd {
    fn step(&mut self, packed: &[u8], into: &mut [u8]) -> Result<Step, String> {
        let status = self.0.run_on_buffers(packed, into).map_err(|error| error.to_string())?;
        Ok(Step {
            read: status.bytes_read,
            written: status.bytes_written,
            ended: status.remaining == 0,
        })
    }
}

pub(super) fn decoder() -> Result<Box<dyn Decoder>, String> {
    let decoder = raw::Decoder::new().and_then(|mut decoder| {
        decoder.set_parameter(raw::DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(decoder)
    });
    match decoder {
        Ok(decoder) => Ok(Box::new(Zstd(decoder))),
        Err(error) => Err(error.to_string()),
    }
}
