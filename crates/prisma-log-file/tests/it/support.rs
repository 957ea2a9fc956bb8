//! What the tests share: an encoder that writes the message alone, and reading files back.

use std::fs;
use std::path::{Path, PathBuf};

use prisma_log_core::{BatchError, Encoder, Level, Record, Sink, Timestamp};
use prisma_log_file::{FileSink, FileSinkBuilder, Retention, Rotation};

pub(crate) struct Bare;

impl Encoder for Bare {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record.message.as_bytes());
    }
}

/// A builder whose sinks complain to nobody.
pub(crate) fn quiet(path: &Path) -> FileSinkBuilder {
    FileSink::builder(path).encoder(Bare).on_error(|_| ())
}

/// The same with a limit of bytes for a file, and of archives.
pub(crate) fn sized(path: &Path, max_bytes: u64, archives: usize) -> FileSinkBuilder {
    quiet(path)
        .rotation(Rotation::new().max_bytes(max_bytes))
        .retention(Retention::new().archives(archives))
}

pub(crate) fn write<S: AsRef<str>>(sink: &mut impl Sink, messages: &[S]) -> Result<(), BatchError> {
    sink.write(&records(messages))
}

pub(crate) fn records<S: AsRef<str>>(messages: &[S]) -> Vec<Record<'_>> {
    messages
        .iter()
        .map(|message| Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", message.as_ref()))
        .collect()
}

/// A line by which a record is found again: who wrote it, its number, and whether it is whole.
pub(crate) fn line(writer: usize, number: u64, padding: usize) -> String {
    format!("{writer}:{number}:{padding}:{}.", "x".repeat(padding))
}

/// Writer and number of a line that [`line()`] made; `None` when anything of it is missing.
pub(crate) fn parse(line: &str) -> Option<(usize, u64)> {
    let mut parts = line.splitn(4, ':');
    let writer = parts.next()?.parse().ok()?;
    let number = parts.next()?.parse().ok()?;
    let padding: usize = parts.next()?.parse().ok()?;
    let text = parts.next()?.strip_suffix('.')?;
    (text.len() == padding && text.bytes().all(|byte| byte == b'x')).then_some((writer, number))
}

/// The rotated files of `app.log` in the folder and the file itself, oldest first.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(bool, String, u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let (current, stamp, number) = match name.strip_prefix("app.log") {
            Some("") => (true, String::new(), 0),
            Some(rest) => match stamp(rest) {
                Some((stamp, number)) => (false, stamp.to_owned(), number),
                None => continue,
            },
            None => continue,
        };
        if entry.file_type().unwrap().is_file() {
            found.push((current, stamp, number, entry.path()));
        }
    }
    found.sort();
    found.into_iter().map(|(.., path)| path).collect()
}

/// Stamp and number in what follows the name of the log file: `.2026-11-23T23-59-58Z.2`.
fn stamp(rest: &str) -> Option<(&str, u32)> {
    let (stamp, number) = match rest.strip_prefix('.')?.split_once('.') {
        Some((stamp, number)) => (stamp, number.parse().ok().filter(|&number| number > 1)?),
        None => (&rest[1..], 1),
    };
    let digits = stamp.strip_suffix('Z')?;
    let shape: String = digits.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    (shape == "0000-00-00T00-00-00").then_some((stamp, number))
}

/// All lines of the files that are not blank; the last line of each must be whole.
pub(crate) fn lines(files: &[impl AsRef<Path>]) -> Vec<String> {
    let mut lines = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).unwrap();
        let name = path.as_ref().display();
        assert!(text.is_empty() || text.ends_with('\n'), "{name} is torn");
        lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    lines
}
