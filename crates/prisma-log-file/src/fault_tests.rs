//! Operating system calls that fail, stop short or are overtaken, at every point.

mod appending;
mod files;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use prisma_log_core::{Encoder, Level, Record, Sink as _, Timestamp};
use tempfile::TempDir;

use crate::os::Os;
use crate::{FileSink, FileSinkBuilder};

/// What the next `write` does; [`Step::Real`] when the schedule is empty.
#[derive(Clone, Debug)]
enum Step {
    Real,
    /// Takes so many bytes.
    Short(usize),
    /// Takes so many bytes, and another program appends a line right after.
    Overtaken(usize),
    /// Somebody deletes the file first.
    Deleted,
    Zero,
    Fails(i32),
}

struct Plan {
    path: PathBuf,
    writes: VecDeque<Step>,
    /// What every `write` after the schedule does.
    then: Step,
    rename: Option<i32>,
    remove: Option<i32>,
    cut: Option<i32>,
    overwrite: Option<i32>,
    sync: Option<i32>,
    renames: usize,
    /// Which open file was written last.
    written: RawFd,
    now: Instant,
}

#[derive(Clone)]
struct FaultyOs(Arc<Mutex<Plan>>);

impl FaultyOs {
    fn plan<R>(&self, f: impl FnOnce(&mut Plan) -> R) -> R {
        f(&mut self.0.lock().unwrap())
    }

    fn fail(&self, which: impl FnOnce(&Plan) -> Option<i32>) -> io::Result<()> {
        match self.plan(|plan| which(plan)) {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(()),
        }
    }
}

fn append_line(path: &Path, line: &[u8]) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(line).unwrap();
}

impl Os for FaultyOs {
    fn now(&self) -> Instant {
        self.plan(|plan| plan.now)
    }

    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        let (step, path) = self.plan(|plan| {
            plan.written = file.as_raw_fd();
            (plan.writes.pop_front().unwrap_or(plan.then.clone()), plan.path.clone())
        });
        match step {
            Step::Real => file.write(bytes),
            Step::Short(count) => file.write(&bytes[..count.min(bytes.len())]),
            Step::Overtaken(count) => {
                let written = file.write(&bytes[..count.min(bytes.len())])?;
                append_line(&path, b"another\n");
                Ok(written)
            }
            Step::Deleted => {
                fs::remove_file(path)?;
                file.write(bytes)
            }
            Step::Zero => Ok(0),
            Step::Fails(code) => Err(io::Error::from_raw_os_error(code)),
        }
    }

    fn overwrite(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        self.fail(|plan| plan.overwrite)?;
        std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
    }

    fn cut(&self, file: &File, len: u64) -> io::Result<()> {
        self.fail(|plan| plan.cut)?;
        file.set_len(len)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.fail(|plan| plan.sync)?;
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.plan(|plan| plan.renames += 1);
        self.fail(|plan| plan.rename)?;
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fail(|plan| plan.remove)?;
        fs::remove_file(path)
    }
}

struct Bare;

impl Encoder for Bare {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record.message.as_bytes());
    }
}

/// A folder, the operating system under it, and what the sink complained about.
struct Bench {
    folder: TempDir,
    os: FaultyOs,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let plan = Plan {
            path: folder.path().join("app.log"),
            writes: VecDeque::new(),
            then: Step::Real,
            rename: None,
            remove: None,
            cut: None,
            overwrite: None,
            sync: None,
            renames: 0,
            written: -1,
            now: Instant::now(),
        };
        let os = FaultyOs(Arc::new(Mutex::new(plan)));
        Bench { folder, os, errors: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn builder(&self) -> FileSinkBuilder {
        let errors = Arc::clone(&self.errors);
        FileSink::builder(self.path("app.log"))
            .encoder(Bare)
            .os(self.os.clone())
            .on_error(move |error| errors.lock().unwrap().push(error.to_string()))
    }

    fn sink(&self) -> FileSink {
        self.builder().build().unwrap()
    }

    fn errors(&self) -> Vec<String> {
        std::mem::take(&mut self.errors.lock().unwrap())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The lines of the file, without those of blanks.
    fn lines(&self) -> Vec<String> {
        let text = self.text("app.log");
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect()
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
        Err(failed) => (failed.delivered, Some(failed.error.to_string())),
    }
}
