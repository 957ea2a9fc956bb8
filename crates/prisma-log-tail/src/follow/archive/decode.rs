//! The formats, each only if it was built in.

#[cfg(not(all(feature = "gzip", feature = "zstd")))]
mod absent;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[cfg(not(feature = "gzip"))]
use absent as gzip;
#[cfg(not(feature = "zstd"))]
use absent as zstd;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Packing {
    Gzip,
    Zstd,
}

const PACKINGS: [Packing; 2] = [Packing::Gzip, Packing::Zstd];

impl Packing {
    /// By the first bytes; only formats that were built in.
    pub(in super::super) fn of_start(start: &[u8]) -> Option<Packing> {
        PACKINGS.into_iter().find(|packing| {
            let magic = packing.magic();
            // The rest of the magic number may not be written yet.
            let written = start.len().min(magic.len());
            written > 0 && start[..written] == magic[..written] && packing.is_built_in()
        })
    }

    /// By the ending of the name; only formats that were built in.
    pub(in super::super) fn of_name(name: &OsStr) -> Option<Packing> {
        let name = name.as_bytes();
        PACKINGS
            .into_iter()
            .find(|packing| name.ends_with(packing.ending()) && packing.is_built_in())
    }

    /// With its dot.
    pub(in super::super) fn ending(self) -> &'static [u8] {
        match self {
            Packing::Gzip => b".gz",
            Packing::Zstd => b".zst",
        }
    }

    /// What every member starts with.
    pub(super) fn magic(self) -> &'static [u8] {
        match self {
            Packing::Gzip => b"\x1f\x8b",
            Packing::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }

    fn is_built_in(self) -> bool {
        match self {
            Packing::Gzip => gzip::IS_BUILT_IN,
            Packing::Zstd => zstd::IS_BUILT_IN,
        }
    }

    /// For the next member.
    pub(super) fn decoder(self) -> Result<Box<dyn Decoder>, String> {
        match self {
            Packing::Gzip => gzip::decoder(),
            Packing::Zstd => zstd::decoder(),
        }
    }
}

/// Takes a member's bytes and gives more.
pub(super) trait Decoder: Send {
    /// # Errors
    /// Says why these are no bytes of the format.
    fn step(&mut self, packed: &[u8], into: &mut [u8]) -> Result<Step, String>;
}

/// What one step did.
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
    /// The member is complete.
    pub(super) ended: bool,
}
