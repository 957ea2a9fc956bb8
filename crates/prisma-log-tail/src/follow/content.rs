//! The text of a source, whether it is a file, compressed or not, or a stream.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use super::archive::{Limits, Packing, State, Unpacker};
use super::identity;
use super::stream::Stream;

/// The text of an open file, or a stream.
pub(super) enum Content {
    Plain(File),
    Packed(Box<Unpacker>),
    /// No file.
    Stream(Stream),
}

impl Content {
    /// Tells by the file's first bytes how it is compressed, and by its name while it has none.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn new(file: File, path: &Path, limits: Limits) -> io::Result<Content> {
        let mut start = [0; 4];
        let packing = match identity::read_at(&file, &mut start, 0)? {
            0 => path.file_name().and_then(Packing::of_name),
            len => Packing::of_start(&start[..len]),
        };
        Ok(match packing {
            Some(packing) => Content::Packed(Box::new(Unpacker::new(file, packing, limits))),
            None => Content::Plain(file),
        })
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(self, Content::Packed(_))
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Content::Plain(file) => file.metadata(),
            Content::Packed(unpacker) => unpacker.file().metadata(),
            Content::Stream(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Reads text from `offset` on, as far as it goes.
    ///
    /// # Errors
    /// When the system can't read the file. That it is damaged is no error here.
    pub(super) fn read_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at_least(into.len(), into, offset)
    }

    /// As [`Content::read_at`], but the least that is wanted will do.
    ///
    /// # Errors
    /// As there.
    pub(super) fn read_at_least(
        &mut self,
        least: usize,
        into: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        match self {
            Content::Plain(file) => identity::read_at_least(least, file, into, offset),
            Content::Packed(unpacker) => unpacker.read_at(into, offset),
            Content::Stream(stream) => stream.read_at(into, offset),
        }
    }

    /// Fills `into` from `offset` on; `false` when the text ends before.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn read_exact_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<bool> {
        Ok(self.read_at(into, offset)? == into.len())
    }

    /// How much text there is; that of an archive is read through.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn len(&mut self) -> io::Result<u64> {
        match self {
            Content::Plain(file) => Ok(file.metadata()?.len()),
            Content::Packed(unpacker) => unpacker.len(),
            Content::Stream(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where reading has led, if the file is an archive.
    pub(super) fn archive(&self) -> Option<&Unpacker> {
        match self {
            Content::Plain(_) | Content::Stream(_) => None,
            Content::Packed(unpacker) => Some(unpacker),
        }
    }

    /// Whether this is a stream that has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Content::Stream(stream) if stream.has_ended())
    }

    /// Whether the file is an archive that has not been read as far as it goes.
    pub(super) fn is_unread_archive(&self) -> bool {
        self.archive().is_some_and(|unpacker| *unpacker.state() == State::Reading)
    }

    /// Whether `copy` has the same text, as far as it goes: the start is compared, and the end. Many
    /// files begin alike, so that a little text has to be all there is, unless it is an archive's.
    ///
    /// # Errors
    /// When the system can't read one of the files.
    pub(super) fn is_in_copy(&mut self, copy: &mut Content) -> io::Result<bool> {
        if !self.is_start_of(copy)? {
            return Ok(false);
        }
        let len = copy.len()?;
        if len < identity::TAIL_BYTES as u64 && !copy.is_packed() && len != self.len()? {
            return Ok(false);
        }
        let tail = len.min(identity::TAIL_BYTES as u64) as usize;
        let (mut ours, mut theirs) = ([0; identity::TAIL_BYTES], [0; identity::TAIL_BYTES]);
        let at = len - tail as u64;
        let whole = self.read_exact_at(&mut ours[..tail], at)?
            && copy.read_exact_at(&mut theirs[..tail], at)?;
        Ok(whole && ours == theirs)
    }

    /// Whether what `copy` starts with is what this starts with.
    ///
    /// # Errors
    /// When the system can't read one of the files.
    pub(super) fn is_start_of(&mut self, copy: &mut Content) -> io::Result<bool> {
        let (mut ours, mut theirs) = ([0; identity::HEAD_BYTES], [0; identity::HEAD_BYTES]);
        let len = copy.read_at(&mut theirs, 0)?;
        let whole = self.read_at(&mut ours[..len], 0)? == len;
        Ok(len > 0 && whole && ours[..len] == theirs[..len])
    }
}
