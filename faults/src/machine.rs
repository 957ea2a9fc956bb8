//! Where and when the figures were measured.

use std::fs;
use std::process::Command;

use prisma_log::Clock as _;

/// Today, as `2026-01-31`.
pub(crate) fn date() -> String {
    let stamp = prisma_log::SystemClock.now().rfc3339();
    String::from_utf8_lossy(&stamp[..10]).into_owned()
}

/// This second in UTC, as `2026-01-31T23:59:58Z`.
pub(crate) fn now() -> String {
    let stamp = prisma_log::SystemClock.now().rfc3339();
    format!("{}Z", String::from_utf8_lossy(&stamp[..19]))
}

/// Processor, cores, kernel and compiler, in one line.
pub(crate) fn name() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let release: Vec<&str> = kernel.trim().split('.').take(2).collect();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let rustc = rustc.unwrap_or_default();
    let version = rustc.split(' ').nth(1).unwrap_or("of unknown version");
    format!("{model}, {cores} cores, Linux {}, Rust {version}", release.join("."))
}
