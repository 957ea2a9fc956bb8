//! The compact binary form of what the store keeps.
//!
//! A row is one version byte, the FNV-1a hash of the rest in eight bytes, and the rest. Numbers
//! are LEB128 varints, signed ones in zigzag form, texts and lists carry their length in front.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

const VERSION: u8 = 1;
const HEAD: usize = 9;

/// 64-bit FNV-1a: stable across versions and platforms, which the store relies on.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Builds a row.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        let mut bytes = vec![0; HEAD];
        bytes[0] = VERSION;
        Writer(bytes)
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let hash = fnv1a(&self.0[HEAD..]);
        self.0[1..HEAD].copy_from_slice(&hash.to_le_bytes());
        self.0
    }

    pub(crate) fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.u64(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn fixed(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn time(&mut self, value: Timestamp) {
        self.i64(value.unix_nanos());
    }

    pub(crate) fn duration(&mut self, value: Duration) {
        self.u64(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.u64(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn path(&mut self, path: &Path) {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            self.bytes(path.as_os_str().as_bytes());
        }
        #[cfg(not(unix))]
        self.text(&path.to_string_lossy());
    }

    /// The place of `one` among all values of its type.
    pub(crate) fn choice<T: PartialEq>(&mut self, all: &[T], one: T) {
        self.u64(all.iter().position(|have| *have == one).unwrap_or_default() as u64);
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.u64(u64::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut put: impl FnMut(&mut Self, T),
    ) {
        self.u64(items.len() as u64);
        items.for_each(|item| put(self, item));
    }
}

/// Reads a row back; every step fails on data that no [`Writer`] wrote.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Checks version and hash; `what` names the row in errors.
    pub(crate) fn new(row: &'a [u8], what: &'static str) -> Result<Self, Error> {
        let Some((head, rest)) = row.split_at_checked(HEAD) else {
            return Err(damaged(what, "it is too short"));
        };
        if head[0] != VERSION {
            return Err(Error::data(format!(
                "the stored {what} has version {}, this program knows {VERSION}",
                head[0]
            )));
        }
        if fnv1a(rest).to_le_bytes() != head[1..] {
            return Err(damaged(what, "its checksum does not match"));
        }
        Ok(Reader { rest, what })
    }

    /// Checks that nothing is left over.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.bad("it is too long")) }
    }

    /// Whether everything is read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn bad(&self, why: &str) -> Error {
        damaged(self.what, why)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.bad("it is too short"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.bad("a number is too long"))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Error> {
        let value = self.u64()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn fixed(&mut self) -> Result<u64, Error> {
        let bytes = self.take(8)?.try_into().map_err(|_| self.bad("it is too short"))?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, Error> {
        self.fixed().map(f64::from_bits)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, Error> {
        self.i64().map(Timestamp::from_unix_nanos)
    }

    pub(crate) fn duration(&mut self) -> Result<Duration, Error> {
        self.u64().map(Duration::from_nanos)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let count = self.u64()?;
        self.take(usize::try_from(count).map_err(|_| self.bad("a length is too large"))?)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.bad("a text is not UTF-8"))
    }

    pub(crate) fn path(&mut self) -> Result<PathBuf, Error> {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            Ok(OsString::from_vec(self.bytes()?.to_vec()).into())
        }
        #[cfg(not(unix))]
        Ok(OsString::from(self.text()?).into())
    }

    pub(crate) fn choice<T: Copy>(&mut self, all: &[T]) -> Result<T, Error> {
        let index = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        all.get(index).copied().ok_or_else(|| self.bad("a choice is out of range"))
    }

    pub(crate) fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.u64()? {
            0 => Ok(None),
            1 => get(self).map(Some),
            _ => Err(self.bad("an option is neither there nor not")),
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        mut get: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.u64()?;
        // Every item takes at least a byte, so a made-up length can't make us allocate much.
        if count > self.rest.len() as u64 {
            return Err(self.bad("a length is too large"));
        }
        (0..count).map(|_| get(self)).collect()
    }
}

fn damaged(what: &str, why: &str) -> Error {
    Error::data(format!("the stored {what} is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Vec<u8> {
        let mut writer = Writer::new();
        for value in [0, 1, 127, 128, u64::MAX] {
            writer.u64(value);
        }
        for value in [0, -1, i64::MIN, i64::MAX] {
            writer.i64(value);
        }
        writer.f64(0.5);
        writer.text("grüße");
        writer.option(Some(7), Writer::u64);
        writer.option(None, Writer::u64);
        writer.list([3, 4].into_iter(), Writer::u64);
        writer.finish()
    }

    fn read(row: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(row, "row")?;
        for value in [0, 1, 127, 128, u64::MAX] {
            assert_eq!(reader.u64()?, value);
        }
        for value in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(reader.i64()?, value);
        }
        assert_eq!(reader.f64()?, 0.5);
        assert_eq!(reader.text()?, "grüße");
        assert_eq!(reader.option(Reader::u64)?, Some(7));
        assert_eq!(reader.option(Reader::u64)?, None);
        assert_eq!(reader.list(Reader::u64)?, [3, 4]);
        reader.finish()
    }

    #[test]
    fn round_trip() {
        read(&row()).unwrap();
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let row = row();
        for at in 0..row.len() {
            assert!(read(&row[..at]).unwrap_err().is_data());
            for bit in 0..8 {
                let mut broken = row.clone();
                broken[at] ^= 1 << bit;
                assert!(read(&broken).unwrap_err().is_data(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_right_checksum_over_nonsense_is_no_panic() {
        let check = |payload: &[u8], get: fn(&mut Reader<'_>) -> Result<(), Error>| {
            let mut writer = Writer::new();
            writer.0.extend_from_slice(payload);
            let row = writer.finish();
            assert!(get(&mut Reader::new(&row, "row").unwrap()).unwrap_err().is_data());
        };
        check(&[0xff; 12], |r| r.u64().map(drop));
        check(&[0xff, 0xff, 0xff, 0xff, 0x7f], |r| r.bytes().map(drop));
        check(&[0xff, 0xff, 0xff, 0xff, 0x7f], |r| r.list(Reader::u64).map(drop));
        check(&[2], |r| r.option(Reader::u64).map(drop));
        check(&[1, 0xff], |r| r.text().map(drop));
    }
}
