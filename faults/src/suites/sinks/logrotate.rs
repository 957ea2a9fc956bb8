//! The real logrotate on a log that is being written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::files;
use super::service::Load;
use super::{Row, got};
use crate::kid::{Call, Kid, Place, Progress, Run};
use crate::lines::{Log, Stream};
use crate::needs;
use crate::oracle::Oracle;
use crate::ours::{self, Options};
use crate::report::{Section, quantile, thousands};

pub(super) static CREATE: Row = Row {
    name: "logrotate-create",
    faults: "17",
    what: "logrotate renames the file 1,000 times under load",
    about: "Two threads log through the queue while logrotate (`create`, `compress`, \
        `delaycompress`) rotates again and again; the sink is not told. It also rotates with a \
        signal that has the service call `Logging::reopen`, in every second round. Everything that \
        was logged must be in the rotated files and the current one, once.",
    needs: needed,
    run: run_create,
    child: service,
};

pub(super) static COPYTRUNCATE: Row = Row {
    name: "logrotate-copytruncate",
    faults: "18",
    what: "logrotate copies and truncates the file 1,000 times under load",
    about: "One thread logs through the queue while logrotate (`copytruncate`) rotates again and \
        again. What is written after logrotate read the end of the file and before it truncates it \
        is lost by construction, whatever the writer does: a run of records between the end of one \
        copy and the beginning of the next file. Records missing anywhere else, or damaged, would \
        be the sink's. The file must never have a hole of NULs.",
    needs: needed,
    run: run_copytruncate,
    child: service,
};

const STOP: usize = 0;
const READY: usize = 1;

fn needed() -> Result<(), String> {
    needs::programs(&[("logrotate", "logrotate"), ("gzip", "gzip")])
}

fn run_create(run: &Run) -> Result<Section, String> {
    let place = run.place("logrotate-create")?;
    let rotations = run.pick(60, 1_000);
    let service = Service::start(&place, CREATE.name, 2)?;
    let mut rotate = Logrotate::new(&place, "create\ncompress\ndelaycompress")?;
    let mut progress = Progress::new("rotations", rotations);
    for number in 0..rotations {
        rotate.once()?;
        if number % 2 == 1 {
            crate::os::signal(service.kid.pid(), libc::SIGHUP);
        }
        // The compressed one; the one before it may still be written to.
        rotate.take("app.log.2.gz")?;
        progress.at(number);
    }
    let answer = service.stop()?;
    for name in ["app.log.1", "app.log.2.gz"] {
        rotate.take(name)?;
    }
    let logged = [got(&answer, "logged 0"), got(&answer, "logged 1")];
    let mut log = Log::default();
    for file in rotate.taken.iter().chain([&place_log(&place)]) {
        files::add_file(&mut log, file)?;
    }
    let lost = log.stream(0, 0).missing(logged[0]) + log.stream(0, 1).missing(logged[1]);
    let mut section = Section::new();
    section.info("records", thousands(logged.iter().sum()));
    section.equals("rotations", rotations, rotate.rotations);
    section.zero("records lost", lost);
    section.zero("records repeated", log.repeated());
    section.zero("lines torn", log.torn + log.blank);
    section.zero("records dropped, by the ledger", got(&answer, "dropped"));
    section
        .info("files that logrotate found in its way when it wanted to create", rotate.in_the_way);
    section.holds("the service was told to reopen", got(&answer, "reopened") > 0);
    section.zero("times that it could not", got(&answer, "refused"));
    Ok(section)
}

fn run_copytruncate(run: &Run) -> Result<Section, String> {
    let place = run.place("logrotate-copytruncate")?;
    let rotations = run.pick(60, 1_000);
    let service = Service::start(&place, COPYTRUNCATE.name, 1)?;
    let mut rotate = Logrotate::new(&place, "copytruncate")?;
    let mut progress = Progress::new("rotations", rotations);
    for number in 0..rotations {
        rotate.once()?;
        rotate.take("app.log.1")?;
        progress.at(number);
    }
    let answer = service.stop()?;
    let logged = got(&answer, "logged 0");
    let mut found = Copies::default();
    for file in &rotate.taken {
        found.add(file)?;
    }
    found.last = true;
    found.add(&place_log(&place))?;
    let missing_at_the_end = logged - found.next;
    let mut section = Section::new();
    section.info("records", thousands(logged));
    section.equals("rotations", rotations, rotate.rotations);
    section.zero("NULs in files", found.nuls);
    section.zero("records lost on the sink's side", found.gaps_inside + missing_at_the_end);
    section.zero("records repeated", found.repeated);
    section.zero("lines torn on the sink's side", found.torn);
    section.zero("records dropped, by the ledger", got(&answer, "dropped"));
    let mut windows: Vec<f64> = found.windows.iter().map(|lost| *lost as f64).collect();
    let lost: u64 = found.windows.iter().sum();
    section.info("lost in logrotate's window between copy and truncation", thousands(lost));
    section.info("rotations that lost something there", {
        found.windows.iter().filter(|lost| **lost > 0).count()
    });
    section.info("records lost in a rotation, p50", quantile(&mut windows, 0.5));
    section.info("records lost in a rotation, most", quantile(&mut windows, 1.0));
    section.info("copies that end within a record", found.cut);
    Ok(section)
}

/// Copies of one writer's file, one after another, and the file itself.
#[derive(Default)]
struct Copies {
    /// The number that comes next.
    next: u64,
    last: bool,
    nuls: u64,
    gaps_inside: u64,
    repeated: u64,
    torn: u64,
    /// Copies whose last line is no whole one: logrotate read it while it was written.
    cut: u64,
    /// Records missing before the beginning of each file but the first.
    windows: Vec<u64>,
}

impl Copies {
    fn add(&mut self, path: &Path) -> Result<(), String> {
        let bytes = fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        self.nuls += memchr::memchr_iter(0, &bytes).count() as u64;
        let mut first = true;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        match (bytes.len() - whole, self.last) {
            (0, _) => {}
            (_, true) => self.torn += 1,
            (_, false) => self.cut += 1,
        }
        let mut log = Log::default();
        let mut numbers = Vec::new();
        let read = |line: &[u8]| numbers.extend(crate::lines::number(line, b"\"n\":"));
        log.add_all(&bytes[..whole], read).map_err(|error| error.to_string())?;
        self.torn += log.torn + log.blank;
        self.repeated += log.streams.get(&Stream { run: 0, thread: 0 }).map_or(0, |s| s.repeated);
        for n in numbers {
            if n < self.next {
                self.repeated += 1;
                continue;
            }
            let gap = n - self.next;
            if first {
                self.windows.push(gap);
            } else {
                self.gaps_inside += gap;
            }
            first = false;
            self.next = n + 1;
        }
        Ok(())
    }
}

fn place_log(place: &Place) -> PathBuf {
    files::folder(place).join("app.log")
}

/// A child that logs until it is told to stop.
struct Service {
    kid: Kid,
    oracle: Oracle,
}

impl Service {
    fn start(place: &Place, row: &str, threads: u64) -> Result<Self, String> {
        let oracle = Oracle::open(&place.ring.join("oracle"))?;
        let kid = Kid::start(place, row, "service", &[&threads.to_string()])?;
        let mut service = Service { kid, oracle };
        while oracle.get(READY) == 0 {
            if !service.kid.is_running() {
                return service.stop().and(Err("the service ended at once".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(service)
    }

    fn stop(self) -> Result<Value, String> {
        self.oracle.set(STOP, 1);
        self.kid.wait(Duration::from_secs(900))?.answer()
    }
}

fn service(call: &Call) -> Result<Value, String> {
    let oracle = Oracle::open(&call.place.ring.join("oracle"))?;
    let hang_ups = crate::os::count_hang_ups();
    let place = Place { dir: files::folder(&call.place), ring: call.place.ring.clone() };
    let logging = ours::to_file(&place, &Options::default())?;
    let load = Load { threads: call.number(0)?, burst: 30, pause: Duration::from_micros(400) };
    let log = logging.logger("logrotate");
    oracle.set(READY, 1);
    let (mut reopened, mut refused) = (0, 0);
    let logged = std::thread::scope(|scope| {
        let logged = scope.spawn(|| load.run(&log, || oracle.get(STOP) != 0));
        while !logged.is_finished() {
            if hang_ups() > reopened {
                reopened += 1;
                if let Err(error) = ours::reopen(&logging) {
                    eprintln!("cannot reopen: {error}");
                    refused += 1;
                }
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        logged.join().unwrap_or_default()
    });
    if !ours::flush(&logging, Duration::from_secs(60)) {
        return Err("a flush of a minute did not get through".to_owned());
    }
    let counts = ours::counts(&logging, "file");
    let mut answer = json!({ "dropped": counts.dropped, "reopened": reopened, "refused": refused });
    for (thread, logged) in logged.iter().enumerate() {
        answer[format!("logged {thread}")] = (*logged).into();
    }
    Ok(answer)
}

/// logrotate with a configuration of its own.
struct Logrotate {
    folder: PathBuf,
    config: PathBuf,
    state: PathBuf,
    /// Where finished files go.
    away: PathBuf,
    taken: Vec<PathBuf>,
    rotations: u64,
    in_the_way: u64,
}

impl Logrotate {
    fn new(place: &Place, options: &str) -> Result<Self, String> {
        let cannot = |error| format!("cannot set logrotate up: {error}");
        let folder = files::folder(place);
        let (config, state) = (place.dir.join("logrotate.conf"), place.dir.join("logrotate.state"));
        let away = place.dir.join("away");
        fs::create_dir(&away).map_err(cannot)?;
        let log = folder.join("app.log");
        let text = format!("{} {{\nrotate 10\nmissingok\n{options}\n}}\n", log.display());
        fs::write(&config, text).map_err(cannot)?;
        // logrotate wants its configuration to be nobody else's.
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).map_err(cannot)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).map_err(cannot)?;
        let (taken, rotations, in_the_way) = (Vec::new(), 0, 0);
        Ok(Logrotate { folder, config, state, away, taken, rotations, in_the_way })
    }

    fn once(&mut self) -> Result<(), String> {
        // logrotate leaves an empty file alone.
        let begin = Instant::now();
        let log = self.folder.join("app.log");
        while fs::metadata(&log).map_or(0, |data| data.len()) == 0 {
            if begin.elapsed() > Duration::from_secs(30) {
                return Err("nothing was written for 30 s".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let program = needs::find("logrotate").unwrap_or_else(|| "logrotate".into());
        let output = Command::new(program)
            .args(["--force", "--state"])
            .args([&self.state, &self.config])
            .output()
            .map_err(|error| format!("cannot run logrotate: {error}"))?;
        if !output.status.success() {
            return Err(format!("logrotate: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        self.rotations += 1;
        // Where the writer was faster than `create`, logrotate moves its file out of the way, and
        // the next one over that.
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.ends_with(".backup")) {
                self.in_the_way += 1;
                self.take(&name.to_string_lossy())?;
            }
        }
        Ok(())
    }

    /// Takes a file away, if it is there.
    fn take(&mut self, name: &str) -> Result<(), String> {
        let ending = if name.ends_with(".gz") { ".gz" } else { "" };
        let to = self.away.join(format!("{:06}{ending}", self.taken.len()));
        match fs::rename(self.folder.join(name), &to) {
            Ok(()) => self.taken.push(to),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot take {name} away: {error}")),
        }
        Ok(())
    }
}
