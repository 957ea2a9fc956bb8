//! Changes of the configuration while the program runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prisma_log::config::{Config, Environment};
use prisma_log::{Logging, debug, info};

const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a configuration file and the log files that it names.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("logging.yaml")
    }

    /// A file whose profile has a sink `file`, and what is given.
    fn text(&self, profile: &str) -> String {
        let log = self.dir.path().join("app.log");
        format!(
            "version: 1\ndefault_profile: p\nprofiles:\n  p:\n    \
             pipeline: {{memory: anonymous}}\n{profile}    \
             sinks:\n      file: {{type: file, path: {}}}\n",
            log.display()
        )
    }

    /// Replaced in one step, as the guide says.
    fn write(&self, text: &str) {
        let other = self.dir.path().join("logging.yaml.new");
        std::fs::write(&other, text).unwrap();
        std::fs::rename(&other, self.config()).unwrap();
    }

    fn load(&self) -> Config {
        Config::load(&self.config(), &Environment::default()).unwrap()
    }

    fn logging(&self, text: &str) -> Logging {
        self.write(text);
        Logging::from_config(&self.load()).unwrap()
    }

    /// The lines that have been written.
    fn lines(&self, logging: &Logging) -> Vec<String> {
        assert!(logging.flush(PATIENCE).is_ok());
        self.read()
    }

    fn read(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join("app.log")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

const UNWATCHED: &str = "    reload: {watch: false}\n";

fn count(lines: &[String], text: &str) -> usize {
    lines.iter().filter(|line| line.contains(text)).count()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn shown(changes: &[prisma_log::SettingChange]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn levels_change_at_once_and_the_rest_is_named() {
    let place = Place::new();
    let logging = place.logging(&place.text(UNWATCHED));
    let log = logging.logger("shop");
    debug!(log, "before");
    place.write(&place.text(&format!(
        "{UNWATCHED}    level: debug\n    directives: [shop.quiet=off]\n    \
         service: {{name: shop}}\n"
    )));
    let report = logging.reload_from_file().unwrap();
    assert_eq!(
        shown(&report.changed),
        ["level = debug (was info)", "directives.shop.quiet = off (new)"]
    );
    assert_eq!(shown(&report.needs_restart), ["service.name = shop (new)"]);
    debug!(log, "after");
    info!(logging.logger("shop.quiet"), "quiet");
    // A sink's filter counts when a record is written.
    place.lines(&logging);

    // A sink's own filter; a sink that comes, and one that goes.
    let text = place.text(UNWATCHED).replace("app.log}", "app.log, level: error}");
    place.write(&format!("{text}      more: {{type: file, path: /dev/null/never}}\n"));
    let report = logging.reload_from_file().unwrap();
    assert_eq!(
        shown(&report.changed),
        [
            "level = info (was debug)",
            "sinks.file.level = error (was trace)",
            "directives.shop.quiet (gone)"
        ]
    );
    assert_eq!(shown(&report.needs_restart), ["sinks.more = file (new)"]);
    info!(log, "only errors now");
    place.write(&place.text(UNWATCHED).replace("      file:", "      other:"));
    let report = logging.reload_from_file().unwrap();
    assert_eq!(shown(&report.changed), [""; 0]);
    assert_eq!(shown(&report.needs_restart), ["sinks.other = file (new)", "sinks.file (gone)"]);
    info!(log, "still only errors");
    place.lines(&logging);

    // Back to the start: nothing is left to restart for.
    place.write(&place.text(UNWATCHED));
    let report = logging.reload_from_file().unwrap();
    assert_eq!(shown(&report.changed), ["sinks.file.level = trace (was error)"]);
    assert_eq!(shown(&report.needs_restart), [""; 0]);
    info!(log, "all again");

    let lines = place.lines(&logging);
    for (text, times) in [
        ("\"before\"", 0),
        ("\"after\"", 1),
        ("\"quiet\"", 0),
        ("only errors", 0),
        ("all again", 1),
        // The second and third are kept back by the sink's level, also the warnings.
        ("configuration reloaded", 2),
        ("needs a restart", 1),
        ("level = debug (was info), directives.shop.quiet = off (new)", 1),
    ] {
        assert_eq!(count(&lines, text), times, "{text}: {lines:#?}");
    }
}

#[test]
fn levels_that_were_set_in_code_give_way_to_a_reload() {
    let place = Place::new();
    let logging = place.logging(&place.text(UNWATCHED));
    logging.set_filter(prisma_log::Filter::off());
    let report = logging.reload(&place.load()).unwrap();
    assert!(report.changed.is_empty() && report.needs_restart.is_empty(), "{report:?}");
    assert_eq!(logging.filter().to_string(), "info");
}

#[test]
fn what_was_set_up_otherwise_has_nothing_to_reload() {
    let place = Place::new();
    place.write(&place.text(UNWATCHED));
    let config = place.load();
    let in_code = Logging::builder().memory(prisma_log::Memory::Anonymous).build().unwrap();
    assert!(in_code.reload(&config).unwrap_err().is_state());
    assert!(in_code.reload_from_file().unwrap_err().is_state());

    let log = place.dir.path().join("built-in.log");
    let built_in = Config::builtin(&Environment::new([
        ("PRISMA_ENV", "production"),
        ("PRISMA_LOG__PIPELINE__FLUSH_ON_SIGNALS", "false"),
        ("PRISMA_LOG__PIPELINE__MEMORY", "anonymous"),
        ("PRISMA_LOG__SINKS__FILE__PATH", log.to_str().unwrap()),
    ]));
    let logging = Logging::from_config(&built_in.unwrap()).unwrap();
    assert!(logging.reload_from_file().unwrap_err().is_state());
    assert_eq!(shown(&logging.reload(&config).unwrap().changed)[1], "level = info (was warning)");
    assert_eq!(logging.filter().to_string(), "info");
}

/// Ends the threads, also when an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Files of which three in ten are wrong, replaced while two threads log: every record arrives, and
/// no wrong file is ever in force. Each wrong one would turn logging off.
#[test]
fn reloads_under_load_lose_nothing() {
    const RELOADS: u32 = 400;
    const WRONG: [&str; 5] = [
        "    level: off\n    levle: debug\n",
        "    level: off\n    directives: [shop]\n",
        "    level: off\n    pipeline: {queue_size: 1GiB}\n", // the key is there twice
        "    level: off\n    sinks: {\n",
        "    level: off\n    reload: {watch: false, interval: 0s}\n",
    ];
    let good = ["    level: info\n", "    level: debug\n    directives: [noise=off, a.b=trace]\n"];
    let place = Place::new();
    let text = |profile: &str| place.text(&format!("{UNWATCHED}{profile}"));
    let wrong_text = |profile: &str| match profile.contains("reload") {
        true => place.text(profile),
        false => text(profile),
    };
    let logging = place.logging(&text(good[0]));
    let (stop, logged) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut rejected, mut accepted) = (0_u32, 0_u32);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (log, stop, logged) = (logging.logger("shop"), &stop, &logged);
            scope.spawn(move || {
                let mut number = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    info!(log, "under load"; "thread" => thread, "number" => number);
                    number += 1;
                    if number.is_multiple_of(64) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
                logged.fetch_add(number, Ordering::Relaxed);
            });
        }
        let _stops_when_left = Stop(&stop);
        let mut in_force = logging.filter();
        for round in 0..RELOADS {
            if round % 10 < 3 {
                place.write(&wrong_text(WRONG[(rejected as usize) % WRONG.len()]));
                logging.reload_from_file().unwrap_err();
                assert_eq!(logging.filter(), in_force);
                rejected += 1;
            } else {
                place.write(&text(good[(accepted as usize) % good.len()]));
                logging.reload_from_file().unwrap();
                let expect = place.load();
                assert_eq!(&logging.filter(), expect.filter());
                in_force = logging.filter();
                accepted += 1;
            }
        }
    });
    let lines = place.lines(&logging);
    let logged = logged.into_inner();
    println!("{RELOADS} reloads, {rejected} rejected, {logged} records in flight");
    assert_eq!((rejected, accepted), (RELOADS * 3 / 10, RELOADS * 7 / 10));
    assert_eq!(count(&lines, "\"under load\"") as u64, logged);
    assert_eq!(count(&lines, "\"configuration reloaded\""), accepted as usize);
    assert_eq!(count(&lines, "\"configuration rejected\""), rejected as usize);
    let health = logging.health();
    assert_eq!((health.dropped, health.failures), (0, u64::from(rejected)));
    // In the order of each thread.
    for thread in 0..2 {
        let of_thread = format!("\"thread\":{thread},\"number\":");
        let numbers = lines.iter().filter_map(|line| {
            let rest = line.split(&of_thread).nth(1)?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
        });
        assert!(numbers.enumerate().all(|(index, number)| index as u64 == number));
    }
}

/// Whatever part of a file is there: it is in force as a whole, or not at all.
#[test]
fn a_half_written_file_changes_nothing() {
    let place = Place::new();
    let before = place.text(&format!("{UNWATCHED}    level: error\n"));
    let logging = place.logging(&before);
    let text = place.text(&format!("{UNWATCHED}    level: debug\n    directives: [a=off]\n"));
    let mut refused = 0;
    for end in 0..text.len() {
        std::fs::write(place.config(), &text[..end]).unwrap();
        let is_refused = logging.reload_from_file().is_err();
        let expect = if is_refused { "error" } else { "debug,a=off" };
        assert_eq!(logging.filter().to_string(), expect, "{}", &text[..end]);
        refused += usize::from(is_refused);
        if !is_refused {
            std::fs::write(place.config(), &before).unwrap();
            logging.reload_from_file().unwrap();
        }
    }
    // What is whole but for the end of the last line, or a shorter name of the log file.
    let whole_enough = text.len() - text.find("app.log").unwrap();
    println!("{refused} of {} beginnings refused", text.len());
    assert!(refused >= text.len() - whole_enough, "{refused} of {}", text.len());
}

const WATCHED: &str = "    reload: {interval: 10ms}\n";

#[test]
fn a_file_that_changes_is_put_in_force_by_itself() {
    let place = Place::new();
    let logging = place.logging(&place.text(WATCHED));
    let level = || logging.filter().to_string();
    let profile = |settings: &str| place.text(&format!("{WATCHED}{settings}"));
    place.write(&profile("    level: debug\n"));
    wait_until("debug", || level() == "debug");

    let failures = || logging.health().failures;
    place.write(&profile("    level: off\n    levle: off\n"));
    wait_until("rejected", || failures() == 1);
    assert_eq!(level(), "debug");

    std::fs::remove_file(place.config()).unwrap();
    wait_until("missing", || failures() == 2);
    assert_eq!(level(), "debug");

    // Written in place.
    std::fs::write(place.config(), profile("    level: trace\n")).unwrap();
    wait_until("trace", || level() == "trace");

    // By way of a link, as containers mount their configuration.
    let target = place.dir.path().join("target.yaml");
    std::fs::write(&target, profile("    level: warning\n")).unwrap();
    #[cfg(unix)]
    {
        let link = place.dir.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        std::fs::rename(&link, place.config()).unwrap();
        wait_until("warning", || level() == "warning");
    }

    let lines = place.lines(&logging);
    let rejected: Vec<&String> =
        lines.iter().filter(|line| line.contains("configuration rejected")).collect();
    assert_eq!(rejected.len(), 2, "{lines:#?}");
    assert!(rejected[0].contains("logging.yaml:8:5: unknown key `levle`"), "{rejected:?}");
    assert!(rejected[0].contains("did you mean `level`?"), "{rejected:?}");
    assert!(rejected[1].contains("cannot read"), "{rejected:?}");
    drop(logging);
    assert!(place.read().len() >= 4);
}

#[test]
fn a_file_that_stays_the_same_is_not_worth_a_record() {
    let place = Place::new();
    let logging = place.logging(&place.text(WATCHED));
    // Looked at many times; a change afterwards is seen.
    std::thread::sleep(Duration::from_millis(200));
    place.write(&place.text(&format!("{WATCHED}    level: debug\n")));
    wait_until("debug", || logging.filter().to_string() == "debug");
    wait_until("told", || count(&place.lines(&logging), "configuration reloaded") > 0);
    let lines = place.lines(&logging);
    assert_eq!(count(&lines, "configuration"), 1, "{lines:#?}");
}

#[cfg(feature = "sighup")]
#[test]
fn sighup_has_the_file_read_again() {
    let place = Place::new();
    let settings = "    reload: {watch: false, interval: 10ms, sighup: true}\n";
    let logging = place.logging(&place.text(settings));
    place.write(&place.text(&format!("{settings}    level: error\n")));
    hang_up();
    wait_until("error", || logging.filter().to_string() == "error");
    drop(logging);
    hang_up(); // the process lives on
}

#[cfg(feature = "sighup")]
#[test]
fn sighup_has_files_that_were_moved_away_opened_anew() {
    let place = Place::new();
    // What SIGHUP itself has to tell is not written: it would have the file opened, too.
    let settings = "    level: error\n    reload: {watch: false, interval: 10ms, sighup: true}\n";
    let _logging = place.logging(&place.text(settings));
    let log = place.dir.path().join("app.log");
    std::fs::rename(&log, place.dir.path().join("moved")).unwrap();
    hang_up();
    wait_until("opened", || log.exists());
    assert_eq!(std::fs::read_to_string(log).unwrap(), "");
}

#[cfg(feature = "sighup")]
fn hang_up() {
    let process = std::process::id().to_string();
    let status = std::process::Command::new("kill").args(["-HUP", &process]).status();
    assert!(status.unwrap().success());
}

#[cfg(not(feature = "sighup"))]
#[test]
fn sighup_that_was_not_built_in_is_an_error() {
    let place = Place::new();
    place.write(&place.text("    reload: {sighup: true}\n"));
    let error = Logging::from_config(&place.load()).unwrap_err();
    assert_eq!(error.hint(), Some("turn on the feature `sighup`, which needs Unix"));
}

#[test]
fn sighup_without_a_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    let config = Config::builtin(&Environment::new([
        ("PRISMA_ENV", "production"),
        ("PRISMA_LOG__RELOAD__SIGHUP", "true"),
        ("PRISMA_LOG__PIPELINE__FLUSH_ON_SIGNALS", "false"),
        ("PRISMA_LOG__PIPELINE__MEMORY", "anonymous"),
        ("PRISMA_LOG__SINKS__FILE__PATH", log.to_str().unwrap()),
    ]));
    let error = Logging::from_config(&config.unwrap()).unwrap_err();
    assert!(error.message().contains("there is no file to read"), "{error}");
    assert!(Path::new(&log).exists());
}
