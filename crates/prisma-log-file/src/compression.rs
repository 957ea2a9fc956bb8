//! Which formats archives are compressed in.

/// How rotated files are compressed; by default they are not.
///
/// The newest archive stays plain until the next rotation, so that whoever follows the log can
/// read it to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Archives stay as they were written.
    #[default]
    None,
    /// `.gz`, RFC 1952, which every tool reads; needs the crate's feature `gzip`.
    Gzip,
    /// `.zst`, RFC 8878: smaller and several times as fast; needs the crate's feature `zstd`.
    Zstd,
}

impl Compression {
    pub(crate) fn packing(self) -> Option<Packing> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some(Packing::Gzip),
            Compression::Zstd => Some(Packing::Zstd),
        }
    }
}

/// A format that an archive is in, whether or not this build can write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    pub(crate) const ALL: [Packing; 2] = [Packing::Gzip, Packing::Zstd];

    /// What names end in, without the dot.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Packing::Gzip => "gz",
            Packing::Zstd => "zst",
        }
    }

    pub(crate) fn of_ending(ending: &str) -> Option<Packing> {
        Packing::ALL.into_iter().find(|packing| packing.ending() == ending)
    }

    /// The crate's feature that writes it.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }

    /// Whether this build can write it.
    pub(crate) fn is_built_in(self) -> bool {
        match self {
            Packing::Gzip => cfg!(feature = "gzip"),
            Packing::Zstd => cfg!(feature = "zstd"),
        }
    }
}
