//! Operating system calls that fail, stop short or are overtaken, at every point.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_core::{Durability, Encoder, Level, Record, Sink, Timestamp};
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
        let (step, path) = self
            .plan(|plan| (plan.writes.pop_front().unwrap_or(plan.then.clone()), plan.path.clone()));
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
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>) {
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

#[test]
fn one_byte_at_a_time_and_interrupted_is_still_whole() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| plan.then = Step::Short(1));
    assert_eq!(write(&mut sink, &["one", "two", "three"]), (3, None));
    bench.os.plan(|plan| {
        plan.then = Step::Real;
        plan.writes = [Step::Fails(libc::EINTR), Step::Short(2), Step::Fails(libc::EINTR)].into();
    });
    assert_eq!(write(&mut sink, &["four", "five"]), (2, None));
    assert_eq!(bench.text("app.log"), "one\ntwo\nthree\nfour\nfive\n");
}

#[test]
fn a_full_disk_leaves_whole_records_and_an_exact_count() {
    let batch = ["first", "second", "third"];
    let bytes: usize = batch.iter().map(|message| message.len() + 1).sum();
    let check = |taken: usize, code: i32, second_writer: bool, cut_fails: bool| {
        let case = format!("{taken} bytes, then {code}; {second_writer} {cut_fails}");
        let bench = Bench::new();
        let mut sink = bench.sink();
        let mut other = second_writer.then(|| bench.sink());
        assert_eq!(write(&mut sink, &["before"]), (1, None));
        bench.os.plan(|plan| {
            plan.cut = cut_fails.then_some(libc::EIO);
            plan.writes = [Step::Short(taken), Step::Fails(code)].into();
            if taken == 0 {
                plan.writes.pop_front();
            }
        });
        let (delivered, error) = write(&mut sink, &batch);
        let expect = [6, 13, 19].iter().filter(|&&end| end <= taken).count();
        assert_eq!(delivered, expect, "{case}");
        let error = error.expect(&case);
        assert!(error.contains("app.log"), "{error}");
        if let Some(other) = &mut other {
            assert_eq!(write(other, &["from the other"]), (1, None), "{case}");
        }
        assert_eq!(write(&mut sink, &["after"]), (1, None), "{case}");

        let mut expect = vec!["before"];
        expect.extend_from_slice(&batch[..delivered]);
        expect.extend(other.is_some().then_some("from the other"));
        expect.push("after");
        assert_eq!(bench.lines(), expect, "{case}");
        assert_eq!(bench.errors(), [""; 0], "{case}");
        let blanks = bench.text("app.log").lines().any(|line| line.trim().is_empty());
        let half = !matches!(taken, 0 | 6 | 13);
        assert_eq!(blanks, half && (second_writer || cut_fails), "{case}");
    };
    for taken in 0..bytes {
        for (second_writer, cut_fails) in [(false, false), (true, false), (false, true)] {
            check(taken, libc::ENOSPC, second_writer, cut_fails);
        }
        check(taken, libc::EIO, false, false);
    }
}

#[test]
fn a_write_that_takes_nothing_is_an_error() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| plan.then = Step::Zero);
    let (delivered, error) = write(&mut sink, &["x"]);
    assert_eq!(delivered, 0);
    assert!(error.unwrap().contains("cannot write to"));
}

#[test]
fn what_cannot_be_taken_back_is_reported() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| {
        plan.cut = Some(libc::EIO);
        plan.overwrite = Some(libc::EIO);
        plan.writes = [Step::Short(3), Step::Fails(libc::EIO)].into();
    });
    assert_eq!(write(&mut sink, &["broken"]).0, 0);
    assert!(bench.errors()[0].contains("take back half a record"));
    bench.os.plan(|plan| plan.overwrite = None);
    // The next record is set apart from what is left.
    assert_eq!(write(&mut sink, &["whole"]), (1, None));
    assert_eq!(bench.lines(), ["whole"]);
    assert_eq!(bench.text("app.log.torn"), "bro\n");
}

#[test]
fn a_record_that_others_wrote_into_is_written_again() {
    for taken in 1..6 {
        let bench = Bench::new();
        let mut sink = bench.sink();
        bench.os.plan(|plan| {
            plan.writes = [Step::Overtaken(taken), Step::Overtaken(1), Step::Short(2)].into();
        });
        assert_eq!(write(&mut sink, &["record", "next"]), (2, None));
        let lines = bench.lines();
        let own: Vec<_> =
            lines.iter().filter(|line| *line == "record" || *line == "next").collect();
        assert_eq!(own, ["record", "next"], "{taken}: {lines:?}");
        // Our half stood in the other's line; blanking it gave the other its line back.
        assert!(
            lines.iter().all(|l| ["record", "next", "another"].contains(&l.as_str())),
            "{lines:?}"
        );
        assert!(lines.len() > 2);
    }
}

#[test]
fn a_dead_writers_half_record_is_moved_out_of_the_way() {
    let bench = Bench::new();
    let (mut sink, mut other) = (bench.sink(), bench.sink());
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    append_line(&bench.path("app.log"), b"half of a rec");
    assert_eq!(write(&mut other, &["two"]), (1, None));
    assert_eq!(bench.text("app.log"), "one\n            \ntwo\n");
    assert_eq!(bench.text("app.log.torn"), "half of a rec\n");
    assert!(bench.errors()[0].contains("13 bytes moved"));

    // Where it can't be kept, it gets a line of its own.
    fs::remove_file(bench.path("app.log.torn")).unwrap();
    fs::create_dir(bench.path("app.log.torn")).unwrap();
    append_line(&bench.path("app.log"), b"half again");
    assert_eq!(write(&mut sink, &["three"]), (1, None));
    assert_eq!(bench.lines(), ["one", "two", "half agai", "three"]);
    assert!(bench.errors()[0].contains("line of its own"));
}

#[test]
fn what_a_deleted_file_took_is_written_again() {
    let bench = Bench::new();
    let mut sink = bench.sink();
    bench.os.plan(|plan| plan.writes = [Step::Deleted, Step::Deleted].into());
    assert_eq!(write(&mut sink, &["one", "two"]), (2, None));
    assert_eq!(bench.text("app.log"), "one\ntwo\n");

    // And where that fails, it counts as lost.
    bench.os.plan(|plan| plan.writes = [Step::Deleted, Step::Fails(libc::ENOSPC)].into());
    assert_eq!(write(&mut sink, &["three"]).0, 0);
    assert_eq!(bench.text("app.log"), "");
}

#[test]
fn a_failing_rotation_loses_nothing_and_is_tried_again_later() {
    let bench = Bench::new();
    let mut sink = bench.builder().max_file_bytes(1024).build().unwrap();
    bench.os.plan(|plan| plan.rename = Some(libc::EACCES));
    let big = "x".repeat(1000);
    for _ in 0..5 {
        assert_eq!(write(&mut sink, &[&big]), (1, None));
    }
    assert_eq!(bench.lines().len(), 5);
    assert_eq!(bench.os.plan(|plan| plan.renames), 1, "one attempt until the wait is over");
    let errors = bench.errors();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("cannot rotate") && errors[0].contains("app.log.1"), "{errors:?}");

    bench.os.plan(|plan| plan.now += Duration::from_secs(1));
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!(bench.os.plan(|plan| plan.renames), 2);
    assert_eq!(bench.errors().len(), 1);

    bench.os.plan(|plan| {
        plan.rename = None;
        plan.now += Duration::from_secs(2);
    });
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert_eq!((bench.lines().len(), bench.text("app.log.1").lines().count()), (1, 6));
    assert_eq!(bench.errors(), [""; 0]);
}

#[test]
fn a_rotation_that_fails_half_way_is_completed_by_the_next() {
    struct SecondRenameFails(FaultyOs);
    impl Os for SecondRenameFails {
        fn now(&self) -> Instant {
            self.0.now()
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            let fails = self.0.plan(|plan| plan.rename.is_some() && plan.renames == 1);
            self.0.plan(|plan| plan.renames += 1);
            if fails { Err(io::Error::from_raw_os_error(libc::EIO)) } else { fs::rename(from, to) }
        }
    }
    let bench = Bench::new();
    let os = SecondRenameFails(bench.os.clone());
    let mut sink = bench.builder().os(os).max_file_bytes(1024).build().unwrap();
    let message = |n: usize| format!("{n}{}", "x".repeat(1000));
    for n in 1..=3 {
        assert_eq!(write(&mut sink, &[&message(n)]), (1, None));
    }
    bench.os.plan(|plan| (plan.rename, plan.renames) = (Some(1), 0));
    assert_eq!(write(&mut sink, &[&message(4)]), (1, None));
    assert!(!bench.path("app.log.1").exists() || !bench.path("app.log.2").exists(), "a gap");
    assert_eq!(bench.errors().len(), 1);
    bench.os.plan(|plan| {
        plan.rename = None;
        plan.now += Duration::from_secs(1);
    });
    assert_eq!(write(&mut sink, &[&message(5)]), (1, None));
    let first =
        |name: &str| bench.text(name).lines().map(|l| l[..1].to_owned()).collect::<String>();
    let names = ["app.log", "app.log.1", "app.log.2", "app.log.3"];
    assert_eq!(names.map(first), ["5", "34", "2", "1"].map(String::from));
}

#[test]
fn an_old_file_that_cannot_be_deleted_is_reported_and_tried_again() {
    let bench = Bench::new();
    let mut sink = bench.builder().max_file_bytes(1024).max_backups(1).build().unwrap();
    let big = "x".repeat(1000);
    bench.os.plan(|plan| plan.remove = Some(libc::EPERM));
    for _ in 0..4 {
        assert_eq!(write(&mut sink, &[&big]), (1, None));
    }
    assert!(bench.path("app.log.3").exists());
    assert_eq!(bench.errors().len(), 2);
    bench.os.plan(|plan| plan.remove = None);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert!(bench.path("app.log.1").exists() && !bench.path("app.log.2").exists());
    assert!(!bench.path("app.log.3").exists() && !bench.path("app.log.4").exists());
}

#[test]
fn a_failed_sync_is_never_taken_back() {
    let bench = Bench::new();
    let mut sink = bench.builder().sync_on_flush(true).max_file_bytes(1024).build().unwrap();
    assert_eq!(sink.durability(), Durability::Synced);
    assert_eq!(bench.sink().durability(), Durability::PageCache);
    assert_eq!(write(&mut sink, &["one"]), (1, None));
    sink.flush().unwrap();
    assert_eq!(write(&mut sink, &["two"]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert!(sink.flush().unwrap_err().is_io());
    bench.os.plan(|plan| plan.sync = None);
    // The kernel would say yes now, though the page is gone.
    assert!(sink.flush().unwrap_err().is_state());

    // The next file starts afresh; that the old one is not safe is said once more.
    let big = "x".repeat(1020);
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    assert!(sink.flush().is_err());
    sink.flush().unwrap();

    // A file that is rotated away is synchronised first.
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    bench.os.plan(|plan| plan.sync = Some(libc::EIO));
    assert_eq!(write(&mut sink, &[&big]), (1, None));
    bench.os.plan(|plan| plan.sync = None);
    assert!(sink.flush().is_err());
    sink.flush().unwrap();
}

#[test]
fn random_faults_cost_nothing_that_was_delivered() {
    // Random faults of all kinds, with one or two sinks: what was said to be delivered is there.
    let mut random = fastrand::Rng::with_seed(7);
    let (mut told, mut failures) = (0, 0);
    for round in 0..60 {
        let bench = Bench::new();
        let limit = 1024 + random.u64(..8000);
        let open = || bench.builder().max_file_bytes(limit).max_backups(1000).build().unwrap();
        let mut sinks = vec![open()];
        if round % 2 == 1 {
            sinks.push(open());
        }
        let mut delivered: Vec<String> = Vec::new();
        for number in 0..300 {
            bench.os.plan(|plan| {
                plan.writes = (0..random.usize(..4))
                    .map(|_| match random.usize(..8) {
                        0 => Step::Fails(libc::ENOSPC),
                        1 => Step::Fails(libc::EIO),
                        2 => Step::Fails(libc::EINTR),
                        3 => Step::Real,
                        4 => Step::Overtaken(random.usize(1..400)),
                        _ => Step::Short(random.usize(1..400)),
                    })
                    .collect();
                plan.rename = (random.usize(..3) == 0).then_some(libc::EACCES);
                plan.cut = (random.usize(..3) == 0).then_some(libc::EIO);
                plan.now += Duration::from_millis(random.u64(..3000));
            });
            let messages: Vec<String> = (0..random.usize(..6))
                .map(|i| format!("{number}.{i}:{}.", "x".repeat(random.usize(..300))))
                .collect();
            let views: Vec<_> = messages.iter().map(String::as_str).collect();
            let which = random.usize(..sinks.len());
            let (count, error) = write(&mut sinks[which], &views);
            failures += usize::from(error.is_some());
            assert!(error.is_some() || count == messages.len());
            delivered.extend_from_slice(&messages[..count]);
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(bench.folder.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name != ".app.log.lock" && name != "app.log.torn" {
                found.extend(bench.text(&name).lines().map(str::to_owned));
            }
        }
        found.retain(|line| !line.trim().is_empty() && line != "another");
        let key = |line: &String| {
            let (number, rest) = line.split_once('.').unwrap_or_else(|| panic!("torn: {line}"));
            let (index, _) = rest.split_once(':').unwrap();
            (number.parse::<usize>().unwrap(), index.parse::<usize>().unwrap())
        };
        found.sort_by_key(key);
        delivered.sort_by_key(key);
        told += delivered.len();
        assert_eq!(found, delivered, "round {round}");
    }
    println!("{told} records delivered beside {failures} failed batches: each found once, whole");
    assert!(failures > 1000);
}
