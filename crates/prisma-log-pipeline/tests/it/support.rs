//! Child processes, which are this test binary again, and a sink that writes lines to a file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Durability, Error, Filter, Record, Sink, SinkPosition};
use prisma_log_pipeline::{Memory, Overflow, Pipeline, PipelineBuilder, PipelineDrain};
use slog::{Logger, o};

const SCENE: &str = "PRISMA_LOG_TEST_SCENE";
const DIR: &str = "PRISMA_LOG_TEST_DIR";
/// Whatever takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where a scene's children and its test meet.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn lines(&self) -> PathBuf {
        self.0.join("lines")
    }

    /// A pipeline whose queue is here.
    pub(crate) fn builder(&self) -> PipelineBuilder {
        Pipeline::builder()
            .service("svc")
            .memory(Memory::Dir(self.0.clone()))
            .queue_bytes(4 << 20)
            .overflow(Overflow::Block { limit: None })
    }

    /// With the one sink that writes to `lines`.
    pub(crate) fn start(&self) -> Pipeline {
        self.builder().sink("lines", Filter::default(), self.sink()).build().unwrap()
    }

    pub(crate) fn sink(&self) -> Lines {
        Lines::open(&self.lines())
    }

    /// The queues that lie here.
    pub(crate) fn queues(&self) -> Vec<PathBuf> {
        let folder = self.0.join(format!("prisma-log-{}", user())).join("svc");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        files
    }

    /// Starts a scene in a child process.
    pub(crate) fn spawn(&self, scene: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=1", "support::scenes"])
            .env(SCENE, scene)
            .env(DIR, &self.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Plays a scene to its end, which must come in time.
    pub(crate) fn play(&self, scene: &str) -> ExitStatus {
        wait(&mut self.spawn(scene), scene)
    }

    /// Waits for a file that a child makes.
    pub(crate) fn await_file(&self, name: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.0.join(name).exists() {
            assert!(Instant::now() < until, "no file `{name}`");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Says to whoever waits that a child has got there.
    pub(crate) fn make_file(&self, name: &str, content: &str) {
        let hidden = self.0.join(format!(".{name}"));
        std::fs::write(&hidden, content).unwrap();
        std::fs::rename(hidden, self.0.join(name)).unwrap();
    }
}

pub(crate) fn wait(child: &mut Child, what: &str) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() >= until {
            child.kill().unwrap();
            panic!("{what}: the child hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A folder of its own for one test.
pub(crate) fn place() -> (tempfile::TempDir, Place) {
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    let dir = dir.unwrap();
    let place = Place(dir.path().to_owned());
    (dir, place)
}

/// In a scene: where it plays.
pub(crate) fn here() -> Place {
    Place(std::env::var_os(DIR).unwrap().into())
}

fn user() -> u32 {
    // SAFETY: takes nothing, can't fail.
    unsafe { libc::geteuid() }
}

#[test]
#[ignore = "played in a child process by the other tests"]
fn scenes() {
    let scene = std::env::var(SCENE).unwrap_or_default();
    match scene.split_once(' ').unwrap_or((&scene, "")) {
        ("recovery", rest) => crate::recovery::scene(rest),
        ("killing", _) => crate::killing::scene(),
        ("forking", rest) => crate::forking::scene(rest),
        ("shapes", rest) => crate::shapes::scene(rest),
        ("trouble", rest) => crate::trouble_kills::scene(rest),
        ("limits", rest) => crate::limits::scene(rest),
        ("flushing", rest) => crate::flushing::scene(rest),
        ("containment", rest) => crate::containment::scene(rest),
        _ => panic!("no scene {scene:?}"),
    }
}

pub(crate) fn logger(pipeline: &Pipeline) -> Logger<PipelineDrain> {
    Logger::root_typed(pipeline.drain().named("shop"), o!())
}

/// Kills the calling process.
pub(crate) fn die() -> ! {
    signal_self(libc::SIGKILL)
}

pub(crate) fn signal_self(signal: i32) -> ! {
    // SAFETY: takes numbers.
    unsafe { libc::kill(libc::getpid(), signal) };
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

pub(crate) fn kill(process: u32) {
    // SAFETY: takes numbers; the process is a child of a test, and not reaped yet.
    unsafe { libc::kill(process as i32, libc::SIGKILL) };
}

pub(crate) fn killed_by(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// A process has logged all that it is to log.
pub(crate) static MAY_DIE: AtomicBool = AtomicBool::new(false);

/// Appends a line per record, as the file sink does: whole batches with one write, a half line at
/// the end removed by the next start, and what was written found again.
pub(crate) struct Lines {
    path: PathBuf,
    file: File,
    /// Kills the process in the middle of a batch, once so many records were written.
    pub(crate) die_after: Option<usize>,
    /// Never comes back from a write.
    pub(crate) hangs: bool,
    /// Can't look back.
    pub(crate) is_blind: bool,
    written: usize,
}

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).append(true).create(true).open(path).unwrap()
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Self {
        let file = open(path);
        // Under the lock of whoever writes: what is seen of a write in progress is no half line.
        file.lock().unwrap();
        let text = std::fs::read(path).unwrap();
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(whole as u64).unwrap();
        }
        file.unlock().unwrap();
        Lines {
            path: path.to_owned(),
            file,
            die_after: None,
            hangs: false,
            is_blind: false,
            written: 0,
        }
    }

    pub(crate) fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }

    pub(crate) fn blind(mut self) -> Self {
        self.is_blind = true;
        self
    }

    pub(crate) fn dying_after(mut self, records: usize) -> Self {
        self.die_after = Some(records);
        self
    }

    fn write_locked(&mut self, text: &str) {
        self.file.lock().unwrap();
        self.file.write_all(text.as_bytes()).unwrap();
        self.file.unlock().unwrap();
    }

    fn line(record: &Record<'_>) -> String {
        let mut line = format!("{} {}", record.level.as_str(), record.logger);
        for (key, value) in record.fields.iter() {
            line += &format!(" {key}={value}");
        }
        line + &format!(" | {} {}", record.message, if record.recovered { "recovered" } else { "" })
    }
}

impl Sink for Lines {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        if self.hangs {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        let mut text = String::new();
        for record in batch {
            text += &Lines::line(record);
            self.written += 1;
            if self.die_after == Some(self.written) {
                while !MAY_DIE.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.write_locked(&text);
                die();
            }
            text.push('\n');
        }
        self.write_locked(&text);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::PageCache
    }

    fn position(&self) -> Option<SinkPosition> {
        if self.is_blind {
            return None;
        }
        Some(SinkPosition([self.file.metadata().unwrap().len(), 0, 0, 0]))
    }

    fn written_since(
        &mut self,
        since: &SinkPosition,
        batch: &[Record<'_>],
    ) -> Result<Vec<bool>, Error> {
        if self.is_blind {
            return Ok(vec![false; batch.len()]);
        }
        let mut file = File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(since.0[0])).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        // Whoever wrote it: the dead process, or a recovery that was killed.
        let plain = |line| str::strip_suffix(line, "recovered").unwrap_or(line);
        let lines: std::collections::HashSet<&str> = text.lines().map(plain).collect();
        Ok(batch.iter().map(|record| lines.contains(&*Lines::line(record))).collect())
    }

    fn after_fork(&mut self) -> Result<(), Error> {
        self.file = open(&self.path);
        Ok(())
    }
}

/// What stands in the file: for each name in the field `who` the numbers `n`, and how many of the
/// lines are marked as recovered.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) numbers: BTreeMap<String, Vec<u64>>,
    pub(crate) recovered: u64,
    /// Other lines.
    pub(crate) others: Vec<String>,
}

impl Found {
    /// Panics at a line that is not whole.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
        let mut found = Found::default();
        for line in text.lines() {
            let (fields, message) = line.split_once(" | ").unwrap_or_else(|| panic!("{line:?}"));
            assert!(message.ends_with([' ', 'd']), "torn: {line:?}");
            found.recovered += u64::from(message.ends_with("recovered"));
            let field = |key: &str| {
                let mut fields = fields.split(' ');
                fields.find_map(|field| field.strip_prefix(key)?.strip_prefix('='))
            };
            match (field("who"), field("n")) {
                (Some(who), Some(n)) => {
                    let n = n.parse().unwrap_or_else(|_| panic!("torn: {line:?}"));
                    found.numbers.entry(who.to_owned()).or_default().push(n);
                }
                _ => found.others.push(line.to_owned()),
            }
        }
        for numbers in found.numbers.values_mut() {
            numbers.sort_unstable();
        }
        found
    }

    /// Each of these numbers is there, once.
    pub(crate) fn assert_all(&self, who: &str, count: u64) {
        let found = self.numbers.get(who).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.len() as u64, count, "{who}: lost or double");
        assert!(found.iter().copied().eq(0..count), "{who}");
    }
}
