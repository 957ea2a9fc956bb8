//! What is in a log file: whole lines, and which records they are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use memchr::{memchr, memmem};
use serde::de::IgnoredAny;

/// No row numbers its records higher: a line that does is damaged.
const MOST: u64 = 1 << 32;

/// Which record a line is: the run and the thread it is from, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stream {
    pub(crate) run: u64,
    pub(crate) thread: u64,
}

/// The records found of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    bits: Vec<u64>,
    pub(crate) distinct: u64,
    pub(crate) repeated: u64,
    /// Records that stand behind one of a higher number.
    pub(crate) disordered: u64,
    highest: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, n: u64) {
        self.disordered += u64::from(n < self.highest);
        self.highest = self.highest.max(n);
        let (word, bit) = ((n / 64) as usize, 1 << (n % 64));
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.distinct += 1;
        } else {
            self.repeated += 1;
        }
    }

    pub(crate) fn has(&self, n: u64) -> bool {
        self.bits.get((n / 64) as usize).is_some_and(|word| word & (1 << (n % 64)) != 0)
    }

    /// How many of the first `count` numbers are missing.
    pub(crate) fn missing(&self, count: u64) -> u64 {
        (0..count).filter(|&n| !self.has(n)).count() as u64
    }

    /// How many records with a number of at least `count` there are.
    pub(crate) fn beyond(&self, count: u64) -> u64 {
        self.distinct - (count - self.missing(count))
    }
}

/// A log file, read whole.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Lines that are JSON objects.
    pub(crate) lines: u64,
    /// Lines that are not, and an end without a line feed.
    pub(crate) torn: u64,
    /// Those of them that hold a NUL.
    pub(crate) holes: u64,
    /// Lines of blanks: the file sink's mark where it took half a record out of a file that others
    /// have open.
    pub(crate) blank: u64,
    /// Lines marked as replayed from a dead process.
    pub(crate) recovered: u64,
    /// The records by stream; lines without a number are counted above only.
    pub(crate) streams: BTreeMap<Stream, Seen>,
    /// Where the file ended.
    pub(crate) end: u64,
}

impl Log {
    /// Reads a file; one that does not exist is empty.
    pub(crate) fn read(path: &Path) -> Result<Log, String> {
        Log::read_from(path, 0, |_| {})
    }

    /// Reads a file from an offset at which a line begins, and shows every line that is JSON.
    pub(crate) fn read_from(
        path: &Path,
        offset: u64,
        show: impl FnMut(&[u8]),
    ) -> Result<Log, String> {
        let mut log = Log { end: offset, ..Log::default() };
        let cannot = |error| format!("cannot read {}: {error}", path.display());
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(log),
            opened => opened.map_err(cannot)?,
        };
        file.seek(SeekFrom::Start(offset)).map_err(cannot)?;
        log.add_all(file, show).map_err(cannot)?;
        Ok(log)
    }

    /// Adds the lines of one more file, and shows every one that is JSON.
    pub(crate) fn add_all(
        &mut self,
        mut file: impl Read,
        mut show: impl FnMut(&[u8]),
    ) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let kept = buffer.len();
            let got = file.by_ref().take(1 << 22).read_to_end(&mut buffer)?;
            self.end += got as u64;
            let mut rest = &buffer[..];
            while let Some(at) = memchr(b'\n', rest) {
                self.add(&rest[..at], &mut show);
                rest = &rest[at + 1..];
            }
            let done = buffer.len() - rest.len();
            buffer.drain(..done);
            if got == 0 {
                debug_assert!(kept == buffer.len());
                if !buffer.is_empty() {
                    self.torn(&buffer);
                }
                return Ok(());
            }
        }
    }

    fn add(&mut self, line: &[u8], show: &mut impl FnMut(&[u8])) {
        let whole =
            line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok();
        let n = number(line, b"\"n\":");
        if !whole || n.is_some_and(|n| n > MOST) {
            if !line.is_empty() && line.iter().all(|&byte| byte == b' ') {
                self.blank += 1;
            } else {
                self.torn(line);
            }
            return;
        }
        self.lines += 1;
        self.recovered += u64::from(memmem::find(line, b"\"recovered\":true").is_some());
        if let Some(n) = n {
            let run = number(line, b"\"r\":").unwrap_or_default();
            let thread = number(line, b"\"t\":").unwrap_or_default();
            self.streams.entry(Stream { run, thread }).or_default().add(n);
        }
        show(line);
    }

    /// Counts it, and shows the first few.
    fn torn(&mut self, line: &[u8]) {
        self.torn += 1;
        self.holes += u64::from(memchr(0, line).is_some());
        if self.torn <= 3 {
            let text = String::from_utf8_lossy(&line[..line.len().min(400)]);
            eprintln!("  torn: {}", text.escape_debug());
        }
    }

    pub(crate) fn stream(&self, run: u64, thread: u64) -> Seen {
        self.streams.get(&Stream { run, thread }).cloned().unwrap_or_default()
    }

    /// Distinct records over all streams.
    pub(crate) fn distinct(&self) -> u64 {
        self.streams.values().map(|seen| seen.distinct).sum()
    }

    /// Records that stand behind a later one of their stream.
    pub(crate) fn disordered(&self) -> u64 {
        self.streams.values().map(|seen| seen.disordered).sum()
    }

    /// Records that are there more than once.
    pub(crate) fn repeated(&self) -> u64 {
        self.streams.values().map(|seen| seen.repeated).sum()
    }
}

/// The number after a key, given with quotes and colon.
pub(crate) fn number(line: &[u8], key: &[u8]) -> Option<u64> {
    let rest = &line[memmem::find(line, key)? + key.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_whole_torn_missing_and_repeated() {
        let path = std::env::temp_dir().join(format!("prisma-log-lines-{}", std::process::id()));
        let text = "{\"r\":1,\"t\":2,\"n\":0}\n{\"r\":1,\"t\":2,\"n\":2}\n   \n{\"n\":70,\"recovered\":true}\n\
                    {\"r\":1,\"t\":2,\"n\":2}\n{\"r\":1,\"t\":2\nx\0\n\n{\"m\":1}\n{\"r\"";
        std::fs::write(&path, text).unwrap();
        let log = Log::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((log.lines, log.torn, log.blank, log.recovered), (5, 4, 1, 1));
        assert_eq!((log.holes, log.disordered()), (1, 0));
        let mut again = Log::default();
        again.add_all(&b"{\"n\":2}\n{\"n\":1}\n{\"n\":2}\n"[..], |_| {}).unwrap();
        assert_eq!((again.repeated(), again.disordered()), (1, 1));
        let seen = log.stream(1, 2);
        assert_eq!((seen.distinct, seen.repeated, seen.missing(3), seen.beyond(2)), (2, 1, 1, 1));
        assert_eq!((log.distinct(), log.repeated(), log.end), (3, 1, text.len() as u64));
        assert_eq!(log.stream(0, 0).missing(70), 70);
    }
}
