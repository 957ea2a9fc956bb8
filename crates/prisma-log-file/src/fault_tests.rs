//! Operating system calls that fail, stop short or are overtaken, at every point.

mod appending;
mod double;
mod files;
mod syncing;
mod trouble;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use prisma_log_core::{
    Clock as _, Encoder, Level, ManualClock, Record, Sink as _, SystemClock, Timestamp,
};
use tempfile::TempDir;

use self::double::{Faulty, FaultyFs, Plan, Step, append_line};
use crate::real::RealFs;
use crate::{FileSink, FileSinkBuilder, Retention, Rotation};

struct Bare;

impl Encoder for Bare {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record.message.as_bytes());
    }
}

/// A folder, the operating system under it, and what the sink complained about.
struct Bench {
    folder: TempDir,
    os: Faulty,
    clock: Arc<ManualClock>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let plan = Plan {
            path: folder.path().join("app.log"),
            writes: VecDeque::new(),
            then: Step::Real,
            open: None,
            rename: None,
            remove: None,
            cut: None,
            overwrite: None,
            sync: None,
            sync_folder: None,
            available: None,
            renames: 0,
            syncs: 0,
            handles: 0,
            written: 0,
            now: Instant::now(),
        };
        let os = Faulty(Arc::new(Mutex::new(plan)));
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        Bench { folder, os, clock, errors: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn builder(&self) -> FileSinkBuilder {
        let errors = Arc::clone(&self.errors);
        FileSink::builder(self.path("app.log"))
            .encoder(Bare)
            .fs(Arc::new(FaultyFs {
                real: RealFs::new(Box::new(Arc::clone(&self.clock))),
                faults: self.os.clone(),
            }))
            .on_error(move |error| errors.lock().unwrap().push(error.to_string()))
    }

    fn sink(&self) -> FileSink {
        self.builder().build().unwrap()
    }

    /// A builder with a limit of bytes for a file, and of archives.
    fn sized(&self, archives: usize) -> FileSinkBuilder {
        self.builder()
            .rotation(Rotation::new().max_bytes(1024))
            .retention(Retention::new().archives(archives))
    }

    /// The names of the archives, oldest first.
    fn archives(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("app.log.2")).collect();
        // All of one second and fewer than ten, or of different ones.
        names.sort();
        names
    }

    fn errors(&self) -> Vec<String> {
        std::mem::take(&mut self.errors.lock().unwrap())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The lines of the archives and the file, without those of blanks.
    fn lines(&self) -> Vec<String> {
        let mut names = self.archives();
        names.push("app.log".into());
        let mut lines = Vec::new();
        for name in names {
            let text = self.text(&name);
            assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
            lines.extend(text.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()));
        }
        lines
    }
}

/// How many of the messages were delivered, and the error if not all.
fn write(sink: &mut FileSink, messages: &[&str]) -> (usize, Option<String>) {
    let batch: Vec<_> = messages
        .iter()
        .map(|message| Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", message))
        .collect();
    match sink.write(&batch) {
        Ok(()) => (batch.len(), None),
        Err(failed) => {
            assert!(failed.retry_after.is_some(), "{}", failed.error);
            (failed.delivered, Some(failed.error.to_string()))
        }
    }
}
