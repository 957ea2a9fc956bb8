//! A directory of logs and a reader over it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use prisma_log_tail::{Checkpoint, SourceStatus, Tail, TailBuilder};

pub(crate) struct Dir(pub(crate) tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Dir {
        Dir(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// `app.log` to `app.log.1`, `app.log.1` to `app.log.2`, …
    pub(crate) fn shift(&self, name: &str, keep: u32) {
        for n in (1..keep).rev() {
            let from = self.path(&format!("{name}.{n}"));
            let _ = fs::rename(from, self.path(&format!("{name}.{}", n + 1)));
        }
        self.rename(name, &format!("{name}.1"));
    }

    /// A builder for tests: no waiting between two looks, no grace period.
    pub(crate) fn tail(&self) -> TailBuilder {
        Tail::builder().poll_interval(Duration::ZERO).linger(Duration::ZERO)
    }

    pub(crate) fn follow(&self, name: &str) -> Tail {
        self.tail().file(self.path(name)).from_start(true).build().unwrap()
    }
}

/// Polls until there is nothing more.
pub(crate) fn lines(tail: &mut Tail) -> Vec<String> {
    let mut lines = Vec::new();
    let mut count = 0;
    loop {
        let outcome = tail.poll(7, &mut |line| {
            lines.push(String::from_utf8_lossy(line.bytes).into_owned());
        });
        count += outcome.lines;
        if !outcome.more {
            assert_eq!(count, lines.len() as u64);
            return lines;
        }
    }
}

pub(crate) fn finish(tail: &mut Tail) -> Vec<String> {
    let mut lines = Vec::new();
    tail.finish(&mut |line| lines.push(String::from_utf8_lossy(line.bytes).into_owned()));
    lines
}

/// All checkpoints, through their bytes.
pub(crate) fn stored(tail: &Tail) -> Vec<Checkpoint> {
    let checkpoints = tail.checkpoints();
    checkpoints.iter().map(|at| Checkpoint::from_bytes(&at.to_bytes()).unwrap()).collect()
}

pub(crate) fn status(tail: &Tail) -> SourceStatus {
    let mut all = tail.sources();
    assert_eq!(all.len(), 1);
    all.remove(0)
}
