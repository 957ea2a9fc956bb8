//! The crate as its users see it.
#![expect(clippy::print_stdout, reason = "tests print their figures")]

#[cfg(not(all(feature = "console", feature = "file")))]
mod absent;
mod broken;
#[cfg(feature = "monitor")]
mod crowdsec;
mod environment;
#[cfg(feature = "file")]
mod file_sink;
mod guide;
mod mutations;
mod otlp;
#[cfg(feature = "monitor")]
mod packs;
mod pipeline;
#[cfg(all(feature = "console", feature = "file"))]
mod process;
mod profiles;
#[cfg(feature = "monitor")]
mod rules;
mod shipped;
mod tracing;

use std::path::PathBuf;

use prisma_log_config::{Config, Environment};
use prisma_log_core::Error;

/// A folder with one file `logging.yaml` of this text.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logging.yaml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// `VALUE @ORIGIN` of one setting; the file is written as `f`.
fn entry(config: &Config, path: &str) -> String {
    let entry = config.entries().iter().find(|entry| entry.path == path);
    let entry = entry.unwrap_or_else(|| panic!("no entry {path}: {:#?}", config.entries()));
    let origin = entry.origin.to_string();
    let file = config.file().map(|file| file.display().to_string()).unwrap_or_default();
    let origin = if file.is_empty() { origin } else { origin.replace(&file, "f") };
    format!("{} @{origin}", entry.value)
}

fn load(text: &str, environment: &Environment) -> Result<Config, Error> {
    let (_dir, path) = file(text);
    Config::load(&path, environment)
}

/// The error without the file's folder.
fn said(error: &Error) -> String {
    let shown = error.to_string();
    match error.place() {
        Some(place) => shown.replace(&place.file.display().to_string(), &{
            place.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
        }),
        None => shown,
    }
}
