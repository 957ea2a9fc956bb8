//! The JSON report and the verdict.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the report and prints the verdict, the last line of a bench.
pub(crate) fn conclude(
    name: &str,
    report: &serde_json::Value,
    holds: bool,
    verdict: &str,
) -> ExitCode {
    let path = path(name);
    if let Err(error) = write(&path, report) {
        eprintln!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    println!("{name}: {}: {verdict}", if holds { "ok" } else { "NOT MET" });
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The build's folder for reports and for the files that benches write.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
}

fn path(name: &str) -> PathBuf {
    folder().join(format!("{name}.json"))
}

fn write(path: &Path, report: &serde_json::Value) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{report:#}\n"))
}

/// The processor's name, as far as the system tells.
pub(crate) fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    model.to_owned()
}
