//! Changes of the configuration while the program runs.

mod changes;
#[cfg(all(unix, feature = "sighup"))]
mod hangups;
#[cfg(not(all(unix, feature = "sighup")))]
#[path = "reload/hangups_absent.rs"]
mod hangups;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_config::{Config, Entry, Environment};
use prisma_log_core::Error;
use prisma_log_pipeline::Pipeline;
use slog::o;

pub use changes::SettingChange;

use crate::{Logger, Logging};
use changes::{compare, is_filter, is_of_sink, sink_names};
use watch::Watcher;

/// What a [reload](Logging::reload) did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadReport {
    /// What is different from now on: levels and directives, of the profile and of its sinks, and
    /// the name of the profile.
    pub changed: Vec<SettingChange>,
    /// What is different from the start of the program, but can't change while it runs: sinks that
    /// come, go or write elsewhere, the queue, the service.
    pub needs_restart: Vec<SettingChange>,
}

impl ReloadReport {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.needs_restart.is_empty()
    }
}

impl Logging {
    /// Puts the levels of another configuration in force, those of the profile and those of the
    /// sinks, also where [`Logging::set_filter`] or [`Logging::set_sink_filter`] changed them.
    ///
    /// The levels of the profile hold for calls from now on, those of the sinks for records that are
    /// written from now on: flush first where that makes a difference.
    ///
    /// One record at INFO tells what changed, one at WARNING what can't be changed before a restart.
    ///
    /// # Errors
    /// When this value was built in code, and so has no configuration to replace.
    pub fn reload(&self, config: &Config) -> Result<ReloadReport, Error> {
        let report = self.configured()?.state.apply(&self.pipeline, config);
        tell(&self.pipeline, config, &report);
        Ok(report)
    }

    /// Reads the configuration's file again, under the variables of the start, and puts it in force
    /// as [`Logging::reload`] does.
    ///
    /// The same happens by itself once the file has changed and then stayed the same for
    /// `reload.interval`, and on SIGHUP when `reload.sighup` is set. A file that is half-written, or
    /// wrong anywhere in the profile that is in use, changes nothing: a record at WARNING and the
    /// error handler say what is wrong with it.
    ///
    /// # Errors
    /// When the file can't be read or anything in it is wrong; when the configuration came from no
    /// file, or this value was built in code.
    pub fn reload_from_file(&self) -> Result<ReloadReport, Error> {
        let state = &self.configured()?.state;
        let Some(source) = &state.source else {
            return Err(Error::state("the configuration came from no file"));
        };
        match source.load() {
            Ok(config) => self.reload(&config),
            Err(error) => {
                reject(&self.pipeline, &source.file, &error);
                Err(error)
            }
        }
    }

    fn configured(&self) -> Result<&Configured, Error> {
        let what = "logging was set up in code: there is no configuration to replace";
        self.configured.as_ref().ok_or_else(|| Error::state(what))
    }
}

/// What a [`Logging`] knows about the configuration it was made from.
#[derive(Debug)]
pub(crate) struct Configured {
    state: Arc<State>,
    /// Ends with this value.
    _watcher: Option<Watcher>,
}

impl Configured {
    /// Starts watching, if the configuration says so.
    pub(crate) fn new(config: &Config, pipeline: &Arc<Pipeline>) -> Result<Self, Error> {
        let source = match config.file() {
            Some(file) => {
                // The program may change its working directory later.
                let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
                Some(Source { file, environment: config.environment().clone() })
            }
            None => None,
        };
        let entries =
            Entries { started: config.entries().to_vec(), now: config.entries().to_vec() };
        let state = Arc::new(State { source, entries: Mutex::new(entries) });
        let watcher = Watcher::start(config, &state, pipeline)?;
        Ok(Configured { state, _watcher: watcher })
    }
}

#[derive(Debug)]
struct State {
    source: Option<Source>,
    entries: Mutex<Entries>,
}

/// Where the configuration came from.
#[derive(Debug)]
struct Source {
    file: PathBuf,
    environment: Environment,
}

impl Source {
    fn load(&self) -> Result<Config, Error> {
        Config::load(&self.file, &self.environment)
    }
}

#[derive(Debug)]
struct Entries {
    /// What the sinks and the queue were built from.
    started: Vec<Entry>,
    /// What was put in force last.
    now: Vec<Entry>,
}

impl State {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `config` would change.
    fn compare(&self, config: &Config) -> ReloadReport {
        compare_with(&self.entries(), config)
    }

    /// Puts levels in force. Reloads that overlap come one after the other.
    fn apply(&self, pipeline: &Pipeline, config: &Config) -> ReloadReport {
        let mut entries = self.entries();
        let report = compare_with(&entries, config);
        pipeline.set_filter(config.filter().clone());
        for sink in config.sinks() {
            // A sink that came with the file is not there before a restart.
            let _not_there = pipeline.set_sink_filter(&sink.name, sink.filter.clone());
        }
        // A sink that went keeps what it had.
        let new = config.entries();
        let gone = sink_names(&entries.now).filter(|name| !new.iter().any(|e| is_of_sink(e, name)));
        let gone: Vec<&str> = gone.collect();
        let stays = |entry: &&Entry| gone.iter().any(|name| is_of_sink(entry, name));
        let stay: Vec<Entry> = entries.now.iter().filter(stays).cloned().collect();
        entries.now = new.iter().cloned().chain(stay).collect();
        report
    }
}

fn compare_with(entries: &Entries, config: &Config) -> ReloadReport {
    let mut changed = compare(&entries.now, config.entries());
    changed.retain(|change| is_filter(&change.key));
    let mut needs_restart = compare(&entries.started, config.entries());
    needs_restart.retain(|change| !is_filter(&change.key));
    ReloadReport { changed, needs_restart }
}

fn log_of(pipeline: &Pipeline) -> Logger {
    Logger::root_typed(pipeline.drain().named("prisma_log"), o!())
}

fn listed(changes: &[SettingChange]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Says in the log what a reload did.
fn tell(pipeline: &Pipeline, config: &Config, report: &ReloadReport) {
    let log = log_of(pipeline);
    slog::info!(log, "configuration reloaded";
        "profile" => config.profile(), "changed" => listed(&report.changed));
    if !report.needs_restart.is_empty() {
        slog::warn!(log, "part of the configuration needs a restart";
            "settings" => listed(&report.needs_restart));
    }
    for warning in config.warnings() {
        slog::warn!(log, "part of the logging configuration is ignored"; "error" => #warning);
    }
}

/// Says in the log and to the error handler that a file is not used.
fn reject(pipeline: &Pipeline, file: &Path, error: &Error) {
    let log = log_of(pipeline);
    slog::warn!(log, "configuration rejected";
        "error" => #error, "file" => file.display().to_string());
    pipeline.report("configuration", error);
}
