//! Children: this program again, in a role that may kill it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::os;

/// One run of the whole program.
pub(crate) struct Run {
    /// Few rounds: shows that the machinery works.
    pub(crate) quick: bool,
    scratch: Scratch,
}

/// Folders that go away with the run.
struct Scratch {
    logs: PathBuf,
    rings: PathBuf,
}

/// Where one experiment keeps its log and its crash-surviving memory.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    pub(crate) ring: PathBuf,
}

impl Run {
    pub(crate) fn new(quick: bool) -> Result<Self, String> {
        let name = format!("{PREFIX}{}", std::process::id());
        let shm = Path::new("/dev/shm");
        remove_stale(shm);
        let logs = std::path::absolute("target/faults/scratch").map_err(|e| e.to_string())?;
        // A killed run before this one may have left its own.
        let _absent = fs::remove_dir_all(&logs);
        let rings = if shm.is_dir() { shm.join(&name) } else { logs.join("rings") };
        let run = Run { quick, scratch: Scratch { logs, rings } };
        fs::create_dir_all(&run.scratch.logs).map_err(|e| e.to_string())?;
        fs::create_dir_all(&run.scratch.rings).map_err(|e| e.to_string())?;
        Ok(run)
    }

    /// One of two numbers.
    pub(crate) fn pick<T>(&self, quick: T, whole: T) -> T {
        if self.quick { quick } else { whole }
    }

    /// An empty place of this name.
    pub(crate) fn place(&self, name: &str) -> Result<Place, String> {
        let place =
            Place { dir: self.scratch.logs.join(name), ring: self.scratch.rings.join(name) };
        place.clear()?;
        Ok(place)
    }
}

const PREFIX: &str = "prisma-log-faults-";

/// Removes what runs left in shared memory that were killed before they could.
fn remove_stale(shm: &Path) {
    for entry in fs::read_dir(shm).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another run may be doing the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed stays, in a folder for it.
        let _ = fs::remove_dir_all(&self.logs);
        let _ = fs::remove_dir_all(&self.rings);
    }
}

impl Place {
    /// Both folders, empty.
    pub(crate) fn clear(&self) -> Result<(), String> {
        for folder in [&self.dir, &self.ring] {
            // Absent when first used.
            let _absent = fs::remove_dir_all(folder);
            fs::create_dir_all(folder)
                .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        }
        Ok(())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("app.log")
    }

    /// How many ring files are left.
    pub(crate) fn rings_left(&self) -> u64 {
        fn count(folder: &Path) -> u64 {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| match entry.file_type() {
                    Ok(kind) if kind.is_dir() => count(&entry.path()),
                    _ => u64::from(entry.path().extension().is_some_and(|name| name == "ring")),
                })
                .sum()
        }
        count(&self.ring)
    }
}

/// What a child was asked to do.
pub(crate) struct Call {
    pub(crate) row: String,
    pub(crate) role: String,
    pub(crate) place: Place,
    arguments: Vec<String>,
}

impl Call {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let [row, role, dir, ring, rest @ ..] = arguments else {
            return Err("a child takes ROW ROLE DIR RING and its row's own arguments".to_owned());
        };
        let place = Place { dir: dir.into(), ring: ring.into() };
        Ok(Call { row: row.clone(), role: role.clone(), place, arguments: rest.to_vec() })
    }

    pub(crate) fn text(&self, at: usize) -> Result<&str, String> {
        let found = self.arguments.get(at);
        found.map(String::as_str).ok_or_else(|| format!("{} misses argument {at}", self.role))
    }

    pub(crate) fn number(&self, at: usize) -> Result<u64, String> {
        let text = self.text(at)?;
        text.parse().map_err(|_| format!("{}: `{text}` is no number", self.role))
    }

    pub(crate) fn unknown(&self) -> String {
        format!("the row `{}` has no role `{}`", self.row, self.role)
    }
}

/// A child's answer to its parent; nothing for `null`.
pub(crate) fn answer(value: &Value) {
    if !value.is_null() {
        // Without a parent nobody waits for it.
        let _ = writeln!(std::io::stdout(), "= {value}");
    }
}

/// A child that runs.
pub(crate) struct Kid {
    child: Child,
    name: String,
    stdout: PathBuf,
    stderr: PathBuf,
    began: Instant,
}

/// A child that ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) value: Value,
    pub(crate) stderr: String,
}

/// This program as the child of a row, not started yet.
pub(crate) fn command(
    place: &Place,
    row: &str,
    role: &str,
    arguments: &[&str],
) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    os::die_with_parent(&mut command);
    command
        .args(["child", row, role])
        .args([&place.dir, &place.ring])
        .args(arguments)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null());
    Ok(command)
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Kid {
    pub(crate) fn start(
        place: &Place,
        row: &str,
        role: &str,
        arguments: &[&str],
    ) -> Result<Kid, String> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{row} {role} {}", arguments.join(" "));
        let file = |what: &str| place.dir.join(format!("{what}.{number}.out"));
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        let create = |path: &Path| File::create(path).map_err(|e| format!("{name}: {e}"));
        let child = command(place, row, role, arguments)?
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            .spawn()
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        Ok(Kid { child, name, stdout, stderr, began: Instant::now() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How long it has been there.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn kill(&mut self) {
        // Fails only when it has ended, which is what was wanted.
        let _ = self.child.kill();
    }

    /// Waits; a child that is not done within `limit` hangs, and is killed.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<Ended, String> {
        let mut pause = Duration::from_micros(100);
        let status = loop {
            match self.child.try_wait() {
                Err(error) => return Err(format!("{}: {error}", self.name)),
                Ok(Some(status)) => break status,
                Ok(None) if self.began.elapsed() < limit => std::thread::sleep(pause),
                Ok(None) => {
                    self.kill();
                    let _status = self.child.wait();
                    let stderr = self.read(&self.stderr);
                    let seconds = limit.as_secs();
                    return Err(format!("{} hung for {seconds} s: {}", self.name, tail(&stderr)));
                }
            }
            pause = (pause * 2).min(Duration::from_millis(5));
        };
        let answer = self.read(&self.stdout);
        let answer = answer.lines().rev().find_map(|line| line.strip_prefix("= "));
        let value = answer.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let stderr = self.read(&self.stderr);
        // Thousands of children leave theirs otherwise.
        let _ = fs::remove_file(&self.stdout);
        let _ = fs::remove_file(&self.stderr);
        Ok(Ended { status, value, stderr })
    }

    fn read(&self, path: &Path) -> String {
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }
}

impl Ended {
    /// The answer of a child that must have ended well.
    pub(crate) fn answer(self) -> Result<Value, String> {
        if self.status.success() {
            Ok(self.value)
        } else {
            Err(format!("a child ended with {}: {}", self.status, tail(&self.stderr)))
        }
    }
}

/// Runs a child that must end well within `limit`, and gives back its answer.
pub(crate) fn ask(
    place: &Place,
    row: &str,
    role: &str,
    arguments: &[&str],
    limit: Duration,
) -> Result<Value, String> {
    Kid::start(place, row, role, arguments)?.wait(limit)?.answer()
}

/// What a child says is wrong, or else the end of what it said.
fn tail(text: &str) -> String {
    if let Some(error) = text.lines().rev().find(|line| line.starts_with("error: ")) {
        return error.to_owned();
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ").chars().take(300).collect()
}

/// Tells on stderr, now and then, how far a long row is.
pub(crate) struct Progress {
    what: &'static str,
    of: u64,
    told: Instant,
}

impl Progress {
    pub(crate) fn new(what: &'static str, of: u64) -> Self {
        Progress { what, of, told: Instant::now() }
    }

    pub(crate) fn at(&mut self, done: u64) {
        if self.told.elapsed() > Duration::from_secs(5) {
            eprintln!("  {} of {} {}", done, self.of, self.what);
            self.told = Instant::now();
        }
    }
}
