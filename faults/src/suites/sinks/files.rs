//! File sinks without a queue in front, and what is in their folders afterwards.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Clock as _, Fields, Level, Record, Sink as _, SystemClock};
use prisma_log_file::{FileSink, FileSinkBuilder};

use crate::kid::Place;
use crate::lines::Log;

/// The folder that a row's log is in, apart from what its children say.
pub(super) fn folder(place: &Place) -> PathBuf {
    place.dir.join("logs")
}

/// A sink on `app.log` in that folder.
pub(super) fn builder(folder: &Path) -> FileSinkBuilder {
    FileSink::builder(folder.join("app.log"))
}

/// A sink that a row writes to by itself.
pub(super) struct Direct {
    pub(super) sink: FileSink,
    fields: Vec<Fields>,
}

impl Direct {
    pub(super) fn new(builder: FileSinkBuilder) -> Result<Self, String> {
        let sink = builder.build().map_err(|error| error.to_string())?;
        Ok(Direct { sink, fields: Vec::new() })
    }

    /// Writes one batch: these records of a stream.
    pub(super) fn write(
        &mut self,
        run: u64,
        thread: u64,
        numbers: Range<u64>,
    ) -> Result<(), BatchError> {
        let count = (numbers.end - numbers.start) as usize;
        self.fields.resize_with(self.fields.len().max(count), Fields::new);
        for (fields, n) in self.fields.iter_mut().zip(numbers) {
            fields.clear(usize::MAX);
            fields.push("r", run);
            fields.push("t", thread);
            fields.push("n", n);
            fields.push("amount", 99.9);
            fields.push("currency", "EUR");
        }
        let now = SystemClock.now();
        let record = |fields| {
            let mut record = Record::new(now, Level::Info, "faults", "order processed");
            record.fields = Fields::as_ref(fields);
            record
        };
        let batch: Vec<Record<'_>> = self.fields[..count].iter().map(record).collect();
        let written = self.sink.write(&batch);
        self.maintain();
        written
    }

    /// Has the sink do what is due, as a front end does between batches.
    pub(super) fn maintain(&mut self) {
        if self.sink.due().is_some_and(|due| due <= Instant::now()) {
            // What fails is tried again, and told by the next flush where that matters.
            let _ = self.sink.maintain();
        }
    }

    /// Writes these records, again and again what the sink refuses for now; how often it did.
    pub(super) fn insist(
        &mut self,
        run: u64,
        thread: u64,
        mut numbers: Range<u64>,
        limit: Duration,
    ) -> Result<u64, String> {
        let begin = Instant::now();
        let mut refused = 0;
        while let Err(error) = self.write(run, thread, numbers.clone()) {
            refused += 1;
            numbers.start += error.delivered as u64;
            match error.retry_after {
                Some(wait) if begin.elapsed() < limit => std::thread::sleep(wait),
                _ => return Err(format!("{} ({:?})", error.error, error.retry_after)),
            }
        }
        Ok(refused)
    }
}

/// A log's folder: the file itself, its archives, and what should not be there.
#[derive(Default)]
pub(super) struct Found {
    /// Oldest first, the current file last.
    pub(super) files: Vec<PathBuf>,
    pub(super) archives: u64,
    pub(super) packed: u64,
    /// Names that nothing explains.
    pub(super) strays: Vec<String>,
}

/// An archive by its name: stamp, number, ending.
type Archive<'a> = (&'a str, u32, &'a str);

impl Found {
    pub(super) fn look(folder: &Path) -> Result<Self, String> {
        let cannot = |error| format!("cannot list {}: {error}", folder.display());
        let mut found = Found::default();
        let names = fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
            .map_err(cannot)?;
        let names: Vec<std::ffi::OsString> = names;
        let names: Vec<&str> = names.iter().map(|name| name.to_str().unwrap_or("?")).collect();
        let mut archives = BTreeSet::new();
        let mut current = None;
        for name in names {
            match archive(name) {
                Some(archive) => drop(archives.insert((archive, name))),
                None if name == "app.log" => current = Some(folder.join(name)),
                None if [".app.log.lock", "app.log.torn", "current"].contains(&name) => {}
                None => found.strays.push(name.to_owned()),
            }
        }
        let mut last = None;
        for ((stamp, number, ending), name) in archives {
            // Plain and compressed at once: one of them is too many.
            if last.replace((stamp, number)) == Some((stamp, number)) {
                found.strays.push(name.to_owned());
            } else {
                found.archives += 1;
                found.packed += u64::from(!ending.is_empty());
                found.files.push(folder.join(name));
            }
        }
        found.files.extend(current);
        for stray in found.strays.iter().take(3) {
            eprintln!("  stray: {stray}");
        }
        Ok(found)
    }

    /// All lines of all files, in order.
    pub(super) fn read(&self) -> Result<Log, String> {
        let mut log = Log::default();
        for path in &self.files {
            add_file(&mut log, path)?;
        }
        Ok(log)
    }
}

/// Adds a file, which may be compressed.
pub(super) fn add_file(log: &mut Log, path: &Path) -> Result<(), String> {
    let cannot = |error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(cannot)?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending {
        Some("gz") => log.add_all(flate2::read::MultiGzDecoder::new(file), |_| {}),
        Some("zst") => zstd::Decoder::new(file).and_then(|text| log.add_all(text, |_| {})),
        _ => log.add_all(file, |_| {}),
    }
    .map_err(cannot)
}

/// `app.log.2026-11-23T23-59-58Z`, with `.2` and up behind it, and `.gz` or `.zst`.
fn archive(name: &str) -> Option<Archive<'_>> {
    let rest = name.strip_prefix("app.log.")?;
    let (stamp, mut rest) = rest.split_at_checked("2026-11-23T23-59-58Z".len())?;
    let mut shape = stamp.bytes().zip("0000-00-00T00-00-00Z".bytes());
    let fits = |(got, wanted): (u8, u8)| match wanted {
        b'0' => got.is_ascii_digit(),
        _ => got == wanted,
    };
    let mut ending = "";
    for packed in [".gz", ".zst"] {
        if let Some(before) = rest.strip_suffix(packed) {
            (rest, ending) = (before, packed);
        }
    }
    let number = match rest.strip_prefix('.') {
        Some(digits) => digits.parse::<u32>().ok().filter(|n| *n > 1 && digits == n.to_string())?,
        None => 1,
    };
    (shape.all(fits) && (rest.is_empty() || number > 1)).then_some((stamp, number, ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_by_their_names() {
        let check = |name: &str, expect: Option<(u32, &str)>| {
            let found = archive(name).map(|(_, number, ending)| (number, ending));
            assert_eq!(found, expect, "{name}");
        };
        check("app.log.2026-11-23T23-59-58Z", Some((1, "")));
        check("app.log.2026-11-23T23-59-58Z.gz", Some((1, ".gz")));
        check("app.log.2026-11-23T23-59-58Z.12.zst", Some((12, ".zst")));
        check("app.log.2026-11-23T23-59-58Z.1", None);
        check("app.log.2026-11-23T23-59-58Z.02", None);
        check("app.log.2026-11-23T23-59-58Zx", None);
        check("app.log.2026-11-23T23-59-5", None);
        check("app.log.20261123-235958-000Z", None);
        check("app.log.1", None);
        check(".app.log.2026-11-23T23-59-58Z.gz.tmp", None);
    }
}
