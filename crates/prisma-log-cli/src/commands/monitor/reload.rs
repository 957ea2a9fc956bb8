//! Rules that change while the monitor runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use indicatif::ProgressBar;
use prisma_log_config::rules::{self, AlertConfig};
use prisma_log_core::Error;
use prisma_log_monitor::Monitor;

use crate::present;
use crate::present::style::{FAINT, WARN};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A file of rules, as it was when it was last read.
pub(super) struct Watch {
    file: PathBuf,
    config: AlertConfig,
    stamp: Option<Stamp>,
    looked: Instant,
}

type Stamp = (SystemTime, u64);

impl Watch {
    pub(super) fn new(file: &Path, config: AlertConfig) -> Self {
        Watch { file: file.to_owned(), config, stamp: stamp(file), looked: Instant::now() }
    }

    /// Reads the file again when it changed, or when that was asked for. A file with a mistake changes
    /// nothing: its mistakes are told, and the rules stay.
    pub(super) fn look(&mut self, monitor: &Monitor, asked: bool, bar: &ProgressBar) {
        if !asked && self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = Instant::now();
        let found = stamp(&self.file);
        // A file that is being replaced may be missing for a moment.
        if !asked && (found == self.stamp || found.is_none()) {
            return;
        }
        self.stamp = found;
        let errors = rules::check(&self.file);
        if errors.is_empty() {
            match self.take(monitor) {
                Ok(rules) => bar.suspend(|| {
                    let file = self.file.display();
                    anstream::eprintln!("{FAINT}{file}: {rules} rules are in effect now{FAINT:#}");
                }),
                Err(error) => bar.suspend(|| present::error::print(&error)),
            }
            return;
        }
        bar.suspend(|| {
            errors.iter().for_each(present::error::print);
            let file = self.file.display();
            anstream::eprintln!("{WARN}{file} was not taken: the rules stay as they were{WARN:#}");
        });
    }

    /// Gives the rules of the file to the monitor; how many there are.
    fn take(&mut self, monitor: &Monitor) -> Result<usize, Error> {
        let config = AlertConfig::load(&self.file)?;
        monitor.reload(config.rules().to_vec())?;
        if config.receivers() != self.config.receivers() {
            let file = self.file.display();
            let warning = Error::state(format!("{file}: only its rules were taken"));
            let hint = "start the monitor again for other receivers, routes or limits";
            present::error::warn(&warning.with_hint(hint));
        } else if config.policy() != self.config.policy() {
            monitor.reload_policy(config.policy().clone())?;
        }
        let rules = config.rules().len();
        self.config = config;
        Ok(rules)
    }
}

/// Differs when the file is another one, or was written to.
fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
